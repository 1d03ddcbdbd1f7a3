"""A classifier from names of labels by a model of natural language inference (NLI).

A label becomes a sentence, such as "This example is about refunds.", and the model judges whether
it follows from the text (https://arxiv.org/abs/1909.00161). There is one pass of the model per text
and sentence.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checkpoints.folder import Checkpoint
from ..data.texts import as_texts, listed
from ..errors import ArgumentError, DataError
from ..inference.pipeline import Pipeline
from ..inference.predictions import Predictions, check_options, refuse_with_proba
from ..models.config_labels import labels_in
from ..models.loading import load_classifier, text_encoder_for
from ..models.precision import dtype_policy
from ..tasks.labels import Labels
from ..tasks.task import SINGLE
from ..tokenization.tokenizer import Tokenizer
from ..utils import console
from ..utils.validation import shown
from .zero_shot import require_length

HYPOTHESIS = "This example is about {}."
TEXTS = 256  # at a time: each makes as many pairs as there are sentences


def entailment_output(config: Any) -> int | None:
    """The output of an NLI model for "it follows", by its config.json; None for another model.

    Example:
        >>> entailment_output({"id2label": {"0": "NEUTRAL", "1": "ENTAILMENT"}})
        1
    """
    names = [name.lower() for name in labels_in(config) or []]
    return next((i for i, name in enumerate(names) if name.startswith("entail")), None)


def require_hypothesis(hypothesis: Any) -> str:
    """A sentence with one place for a label.

    Raises:
        ArgumentError: something else.
    """
    if not isinstance(hypothesis, str) or hypothesis.count("{}") != 1:
        raise ArgumentError(
            f"hypothesis={shown(hypothesis)}; it must be a sentence with one {{}}, where the label "
            f"is put, such as {HYPOTHESIS!r}."
        )
    return hypothesis


class EntailmentPredictor:
    """Predictions for raw texts by a model of natural language inference.

    Made by `Predictor.from_labels` of such a checkpoint. It has no training and no folder of its
    own: what it needs is the checkpoint and the labels.

    Args:
        names: the labels.
        descriptions: one or several texts per label.
        found: the checkpoint.
        hypothesis: the sentence, with {} where a description is put.
        maxlen: maximum tokens of a text and a sentence together.
        batch_size: pairs of a text and a sentence at a time.
        precision: see `Transformer`.

    Attributes:
        labels: the task and the classes.
        hypotheses: the sentences of all labels.
    """

    def __init__(
        self, names: Sequence[Any], descriptions: Sequence[Sequence[str]], found: Checkpoint,
        hypothesis: str, maxlen: int, batch_size: int, precision: str,
    ) -> None:  # fmt: skip
        tokenizer = Tokenizer.load(found.folder)
        encoder = text_encoder_for(found.config, tokenizer, require_length(found, maxlen), True)
        model = load_classifier(found, dtype=dtype_policy(precision), new_head=False, verbose=0)
        self.labels, self.batch_size = Labels(SINGLE, tuple(names), numbered=True), batch_size
        self.hypotheses = [
            [hypothesis.replace("{}", text) for text in texts] for texts in descriptions
        ]
        self._output = entailment_output(found.config)
        self._pipeline = Pipeline(model, encoder)

    def __repr__(self) -> str:
        return f"EntailmentPredictor({self.labels.describe()})"

    def get_classes(self) -> list[Any]:
        """The labels in the order of the probabilities."""
        return list(self.labels.classes)

    def predict(
        self, texts: Any, return_proba: bool = False, *, top_k: int | None = None,
        min_confidence: float | None = None, verbose: int = 0,
    ) -> Any:  # fmt: skip
        """Predict labels: one for a text, a list for a list.

        Args:
            texts: one text, or a list of them.
            return_proba: return probabilities instead, as `predict_proba`.
            top_k: number of (label, probability) pairs per text, most probable first.
            min_confidence: below it a prediction is None.
            verbose: 1 shows a progress bar.

        Raises:
            DataError: texts that can't be used.
            ArgumentError: options outside of what is allowed.
        """
        if return_proba:
            refuse_with_proba(top_k=top_k, min_confidence=min_confidence)
        check_options(self.labels, top_k, min_confidence)
        single, rows = listed(texts)
        found = Predictions(self._probabilities(rows, verbose), self.labels)
        if return_proba:
            results: Any = found.values
        elif top_k is not None:
            results = found.top(top_k)
        else:
            results = found.decoded(np.zeros(0), min_confidence)
        return results[0] if single else results

    def predict_proba(self, texts: Any, *, verbose: int = 0) -> np.ndarray:
        """Probabilities, (labels,) for one text, else (texts, labels)."""
        return self.predict(texts, True, verbose=verbose)

    def _probabilities(self, rows: Any, verbose: int) -> np.ndarray:
        """The softmax over the labels of how much each follows from a text, (texts, labels)."""
        texts, pairs = as_texts(rows)
        if pairs is not None:
            raise DataError("These are pairs of texts; labels are found for single texts.")
        parts = [texts[i : i + TEXTS] for i in range(0, len(texts), TEXTS)]
        with console.bar(len(texts), "predict", verbose) as bar:
            logits = []
            for part in parts:
                logits.append(self._logits(part))
                bar.update(len(part))
        return self.labels.kind.probabilities(np.concatenate(logits))

    def _logits(self, texts: list[str]) -> np.ndarray:
        """Of each label's sentences that of the one that follows most, (texts, labels)."""
        sentences = [sentence for own in self.hypotheses for sentence in own]
        pairs = [(text, sentence) for text in texts for sentence in sentences]
        data, _ = self._pipeline.encode(pairs)
        found = self._pipeline.logits(data, self.batch_size)[:, self._output]
        starts = np.cumsum([0, *(len(own) for own in self.hypotheses[:-1])])
        return np.maximum.reduceat(found.reshape(len(texts), len(sentences)), starts, axis=1)
