"""A classifier from the names and descriptions of its labels, without a labelled text.

A sentence-transformers model puts texts of like meaning near each other. So the descriptions'
vectors are the weights of the output layer, and a text is of the label whose description is most
similar to it by cosine. What comes out is an ordinary classifier with mean pooling.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..checkpoints.folder import Checkpoint
from ..errors import ArgumentError
from ..inference.embeddings import embed
from ..models.families import family_of
from ..models.loading import (
    load_classifier,
    max_positions,
    newly_initialised,
    text_encoder_for,
)
from ..models.precision import dtype_policy
from ..tasks.labels import Labels, checked_names
from ..tasks.task import SINGLE
from ..tokenization.tokenizer import Tokenizer
from ..utils.validation import require_count, require_list, shown

SHARPNESS = 25.0  # logits are about this times the cosine: its probabilities fit banking77 best


def described_labels(labels: Any) -> tuple[list[Any], list[list[str]]]:
    """The names of labels, and the texts that describe each.

    Args:
        labels: a dict, name -> description or several of them; or a list of names, which describe
            themselves, with spaces for underscores.

    Raises:
        ArgumentError: fewer than two labels, one without a description, or something else.

    Example:
        >>> described_labels(["lost_card", "refund"])
        (['lost_card', 'refund'], [['lost card'], ['refund']])
    """
    if not isinstance(labels, Mapping):
        names = checked_names(require_list("labels", labels)) or []
        labels = {name: str(name).replace("_", " ") for name in names}
    if len(labels) < 2:
        raise ArgumentError(f"labels={shown(labels)}; a classification needs two labels or more.")
    texts = [[each] if isinstance(each, str) else each for each in labels.values()]
    for (name, given), own in zip(labels.items(), texts, strict=True):
        rows = own if isinstance(own, (list, tuple)) else []
        if not rows or not all(isinstance(text, str) and text.strip() for text in rows):
            raise ArgumentError(
                f"The label {shown(name)} has the description {shown(given)}; it must be a text, "
                "or a list of texts."
            )
    return checked_names(list(labels)) or [], [list(own) for own in texts]


def require_length(found: Checkpoint, maxlen: int) -> int:
    """The maximum tokens per text.

    Raises:
        ArgumentError: more than the checkpoint has positions for, or no such number.
    """
    require_count("maxlen", maxlen, 3)
    limit = max_positions(family_of(found.config), found.config)
    if limit is not None and maxlen > limit:
        raise ArgumentError(
            f"maxlen={maxlen}, but {found.name} has positions for {limit} tokens. Use "
            f"maxlen={limit} or less."
        )
    return maxlen


def classifier_from_labels(
    names: Sequence[Any], texts: Sequence[Sequence[str]], found: Checkpoint, maxlen: int,
    precision: str,
) -> tuple[keras.Model, Tokenizer, Labels]:  # fmt: skip
    """A model whose output layer holds the vectors of descriptions, its tokenizer and labels.

    Args:
        names: the labels.
        texts: those that describe each.
        found: the checkpoint.
        maxlen: tokens per text.
        precision: see `Transformer`.

    Raises:
        ArgumentError: a checkpoint that isn't a sentence-transformers model with mean pooling; a
            maxlen beyond its positions.
    """
    if not found.has_mean_pooling:
        raise ArgumentError(
            f"{found.name} is neither a sentence-transformers model with mean pooling, whose "
            "vectors can be compared, nor a model of natural language inference with a label "
            "'entailment'. Use one, such as sentence-transformers/all-MiniLM-L6-v2 or "
            "facebook/bart-large-mnli."
        )
    tokenizer = Tokenizer.load(found.folder)
    encoder = text_encoder_for(found.config, tokenizer, require_length(found, maxlen))
    model = load_classifier(
        found,
        len(names),
        SINGLE,
        "mean",
        dtype_policy(precision),
        class_names=list(map(str, names)),
        verbose=0,
    )
    vectors = embed(model, encoder.encode([text for own in texts for text in own]), batch_size=64)
    set_prototypes(model, np.split(vectors, np.cumsum([len(own) for own in texts])[:-1]))
    return model, tokenizer, Labels(SINGLE, tuple(names), numbered=True)


def set_prototypes(model: keras.Model, groups: list[np.ndarray]) -> None:
    """Make the logits of a classifier the cosines of texts to each group's mean, scaled.

    Its vectors aren't normalised; their length is taken to be that of the groups' vectors. That
    moves how sure the model is, not what it predicts.
    """
    unit = [group / np.linalg.norm(group, axis=1, keepdims=True) for group in groups]
    means = np.stack([group.mean(axis=0) for group in unit])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    length = np.linalg.norm(np.concatenate(groups), axis=1).mean()
    head = model.get_layer(model.architecture.head.output)
    head.set_weights([SHARPNESS / length * means.T, np.zeros(len(means))])
    newly_initialised(model).clear()
