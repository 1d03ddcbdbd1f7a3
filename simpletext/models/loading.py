"""Load a checkpoint as a Keras model, and write a model in the Hub's format."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..checkpoints.folder import Checkpoint, find_checkpoint
from ..checkpoints.hub import CONFIG, MODULES
from ..checkpoints.weight_files import DENSE_FOLDER, WEIGHTS, write_tensors
from ..checkpoints.weight_map import WeightLoader, WeightMap, file_tensors
from ..errors import ArgumentError, UnsupportedModelError, WeightsError
from ..layers.base import filled_by
from ..tasks.task import TASKS, TOKENS
from ..tokenization.layout import Layout
from ..tokenization.text_encoder import TextEncoder
from ..tokenization.tokenizer import Tokenizer
from ..utils import console
from ..utils.backend import distribution
from ..utils.files import new_folder, write_json
from ..utils.processes import require_unforked
from ..utils.validation import MOST_SEED, require_choice, require_count, shown
from .config_labels import count_labels, other_head, task_in, with_labels
from .families import family_of
from .families.family import Family
from .heads import MeanHead, TargetScaling
from .precision import check_dtype

SCALING = "target_scaling"  # the name of a regression's last layer
POOLER = "pooler.*"  # keys of BERT's pooler, which most models for token classification lack


@dataclass(frozen=True)
class Architecture:
    """How a model was built from a checkpoint, kept on the model as `model.architecture`.

    Attributes:
        config: the checkpoint's config.json, untouched.
        pooling: "mean" for our head, "original" for the family's, "tokens" for the family's for
            token classification, None for an encoder.
        kept: tensors of the checkpoint that the model doesn't use, written back on saving.
        newly_initialised: paths of the variables that the checkpoint lacks and nothing has
            trained yet; training and loading weights clear it.
        checkpoint: the checkpoint's name on the Hub or its folder; empty for a new model.
    """

    config: dict[str, Any]
    pooling: str | None
    kept: Mapping[str, np.ndarray]
    newly_initialised: set[str] = field(default_factory=set)
    checkpoint: str = ""

    @property
    def family(self) -> Family:
        """The encoder family."""
        return family_of(self.config)

    @property
    def head(self) -> Any:
        """The head, one of `heads`, or None."""
        own = {"original": self.family.head, "tokens": self.family.token_head}
        return ({None: None, "mean": MeanHead()} | own)[self.pooling]

    @property
    def task(self) -> str:
        """The name of the head's task."""
        return TOKENS if self.pooling == "tokens" else self.config["problem_type"]

    @property
    def class_name(self) -> str:
        """The name of the original's class with this head, for `architectures`."""
        if self.pooling == "tokens":
            return self.family.token_class
        if self.bare:
            return self.family.encoder_class_of(self.family.read_config(self.config))
        return self.family.classifier_class

    @property
    def bare(self) -> bool:
        """Whether the checkpoint is an encoder without a head."""
        return self.pooling not in ("original", "tokens")

    def load_like(self, folder: Path) -> keras.Model:
        """The model in a folder, with a head of this kind."""
        if self.pooling is None:
            return load_encoder(folder)
        return load_classifier(folder, pooling=self.pooling)

    def write_others(self, folder: Path) -> None:
        """Write the files of a checkpoint that have neither config nor weights: here none."""

    @property
    def weight_map(self) -> WeightMap:
        """The table of the model's weights."""
        family, head = self.family, self.head
        table = family.table_of(family.read_config(self.config))
        head_table = head.table if head else {}
        heads = [each for each in (family.head, family.token_head) if each not in (None, head)]
        others = [key for each in heads for key in each.table.values()]
        poolers = family.token_pooler if self.pooling == "tokens" else True
        kept = tuple(key for key in family.kept if poolers or key != POOLER)
        return WeightMap(
            table={own: "{base}" + key for own, key in table.items()} | head_table,
            base=family.base,
            optional=tuple(f"{own}/*" for own in head_table),
            leftovers=(
                *family.leftovers,
                *family.poolers,
                *(key.format(base="") + ".*" for key in others),
                *(key for key in family.kept if key not in kept),
                "linear.*",
            ),
            kept=kept + (family.poolers if self.bare else ()),
            aliases=family.aliases,
            not_in_file=(f"{SCALING}/*",),
        )


def find_model(name_or_path: str | os.PathLike) -> Checkpoint:
    """The checkpoint `name`, whose family must be supported; see `find_checkpoint`."""
    return find_checkpoint(name_or_path, accept=family_of)


def load_encoder(checkpoint: str | os.PathLike, dtype: str = "float32") -> keras.Model:
    """The encoder of a checkpoint as a Keras model.

    Args:
        checkpoint: a folder, or a name on the Hub.
        dtype: a Keras dtype policy, such as "float32" or "mixed_bfloat16".

    Returns:
        A functional model, dict of ids, each (batch, length), -> the last hidden state,
        (batch, length, hidden).

    Raises:
        UnknownModelError, UnreachableModelError: no such checkpoint, or the Hub is unreachable.
        UnsupportedModelError: its model_type, or a value in its config, isn't supported.
        WeightsError: the weight file is damaged or doesn't fit.
    """
    check_dtype(dtype)
    found = find_model(checkpoint)
    model, _ = _build(found, Architecture(found.config, None, {}), 0, dtype, seed=0)
    return model


def load_classifier(
    checkpoint: str | os.PathLike | Checkpoint,
    num_labels: int | None = None,
    problem_type: str | None = None,
    pooling: str = "auto",
    dtype: str = "float32",
    seed: int = 0,
    class_names: list[str] | None = None,
    new_head: bool = True,
    verbose: int = 1,
) -> keras.Model:
    """A checkpoint's encoder with its classification head as a Keras model.

    A head that the checkpoint lacks, or has with another number of labels, is newly initialised,
    and a message says so.

    Args:
        checkpoint: a folder, or a name on the Hub.
        num_labels: number of logits; by default the checkpoint's.
        problem_type: "single_label_classification", "multi_label_classification", "regression" or
            "token_classification"; by default the checkpoint's, else by `num_labels`.
        pooling: "original" for the family's own head, "mean" for a masked mean and one dense
            layer, "auto" for mean with sentence-transformers checkpoints, else original. Token
            classification has the family's own head ("tokens").
        dtype: a Keras dtype policy, such as "float32" or "mixed_bfloat16".
        seed: for a new head's weights and for dropout.
        class_names: names of the logits; by default the checkpoint's.
        new_head: False refuses a checkpoint whose head is missing or has other labels.
        verbose: 0 prints nothing.

    Returns:
        A functional model, dict of ids, each (batch, length), -> logits, (batch, num_labels); for
        token classification (batch, length, num_labels).

    Raises:
        UnknownModelError, UnreachableModelError, UnsupportedModelError: see `load_encoder`.
        WeightsError: damaged weights, or with new_head=False no trained head.
        ArgumentError: a bad argument.
    """
    check_dtype(dtype)
    seed = require_count("seed", seed, 0, MOST_SEED)
    found = checkpoint if isinstance(checkpoint, Checkpoint) else find_model(checkpoint)
    if problem_type is not None:
        require_choice("problem_type", problem_type, TASKS)
    problem_type = task_in(found.config) if problem_type is None else problem_type
    per_token = problem_type == TOKENS
    other = other_head(found.config, per_token)
    if other and not new_head:
        what = "tokens" if per_token else "whole texts"
        raise WeightsError(
            f"{found.name} is a {other}: its head doesn't classify {what}. "
            "Fine-tune it with Transformer, which gives it a new head, or name a checkpoint that "
            "is fine-tuned for classification."
        )
    kind = _pooling(pooling, found, per_token)
    trained = _trained_outputs(found, Architecture(found.config, kind, {}))
    if trained is None and not new_head:
        raise _untrained(found, "classifier")
    if num_labels is None:
        default = family_of(found.config).default_labels
        num_labels = count_labels(found.name, found.config, trained, default, verbose)
    config = with_labels(found.config, num_labels, problem_type, class_names)
    architecture = Architecture(config, kind, {}, checkpoint=found.name)
    model, fresh = _build(found, architecture, num_labels, dtype, seed)
    if fresh and not new_head:
        raise _untrained(found, ", ".join(fresh))
    if fresh and verbose:
        console.note(
            f"{found.name}: the checkpoint has no weights for {', '.join(fresh)}; "
            "newly initialised; train it before use."
        )
    return model


def save_checkpoint(model: keras.Model, folder: str | os.PathLike) -> None:
    """Write a model of `load_encoder` or `load_classifier` as a Hugging Face checkpoint.

    With mean pooling it is a sentence-transformers folder. Tokenizer files are not the model's:
    a `Predictor` saves both.

    Raises:
        FolderExistsError: the folder is there already.
        ArgumentError: the model isn't one of ours.
    """
    with new_folder(folder) as temporary:
        write_model(model, temporary)


def write_model(model: keras.Model, folder: Path, maxlen: int | None = None) -> None:
    """Put config and weights of `model` into an existing folder."""
    architecture = architecture_of(model)
    tensors = model_tensors(model)
    config = architecture.config | {"architectures": [architecture.class_name]}
    write_json(folder / CONFIG, config)
    if architecture.pooling == "mean":
        dense = {key: tensors.pop(key) for key in list(tensors) if key.startswith("linear.")}
        _write_sentence_transformer(folder, dense, maxlen)
    write_tensors(folder / WEIGHTS, tensors)
    architecture.write_others(folder)


def model_tensors(model: keras.Model) -> dict[str, np.ndarray]:
    """All tensors of a model of ours under the names of the original's file."""
    architecture = architecture_of(model)
    kept, bare = architecture.kept, architecture.bare
    return file_tensors(model, architecture.weight_map, kept, bare=bare)


def architecture_of(model: keras.Model) -> Architecture:
    """The `Architecture` of a model of ours; raises ArgumentError for any other model."""
    architecture = getattr(model, "architecture", None)
    if not isinstance(architecture, Architecture):
        raise ArgumentError(
            f"The model {shown(getattr(model, 'name', model))} wasn't made by load_encoder, "
            "load_classifier, Transformer or Seq2Seq, so there is no checkpoint format for it. "
            "Save it with Keras' own model.save(...)."
        )
    return architecture


def newly_initialised(model: keras.Model) -> set[str]:
    """The paths of a model's newly initialised variables; empty for a model that isn't ours.

    The set itself, not a copy: changing it changes the model's state.
    """
    architecture = getattr(model, "architecture", None)
    return architecture.newly_initialised if isinstance(architecture, Architecture) else set()


def max_positions(family: Family, config: Mapping[str, Any]) -> int | None:
    """The longest text, in tokens, that a checkpoint has positions for; None for any length."""
    return family.max_length(family.read_config(config))


def input_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The inputs of a checkpoint's model, by its config.json."""
    family = family_of(config)
    return family.inputs_of(family.read_config(config))


def layout_for(config: Mapping[str, Any], layout: Layout) -> Layout:
    """A tokenizer's layout as a checkpoint's model takes it, by its config.json."""
    return layout.for_model(input_names(config), family_of(config).segments)


def text_encoder_for(
    config: Mapping[str, Any],
    tokenizer: Tokenizer,
    maxlen: int,
    paired: bool | None = None,
    segments: bool | None = None,
) -> TextEncoder:
    """The `TextEncoder` for a checkpoint's model, by its config.json.

    Args:
        config: the checkpoint's.
        tokenizer: the checkpoint's.
        maxlen: tokens per text that the model sees.
        paired: whether texts must be pairs; None for both.
        segments: False makes all token types 0; None follows the family's rule.
    """
    layout = layout_for(config, tokenizer.layout)
    if segments is False:
        layout = replace(layout, segments=False)
    return TextEncoder(tokenizer, maxlen, layout, paired)


def _trained_outputs(checkpoint: Checkpoint, architecture: Architecture) -> int | None:
    """The number of outputs of a checkpoint's trained head; None if it has no such head."""
    weights, weight_map = checkpoint.weights, architecture.weight_map
    key = weight_map.key(f"{architecture.head.output}/kernel", weight_map.base)
    other = other_head(checkpoint.config, architecture.pooling == "tokens")
    return None if other or key not in weights else len(weights[key])


def check_pooling(pooling: str) -> None:
    """Refuse what is no kind of head, without a look at the checkpoint."""
    require_choice("pooling", pooling, ("auto", "original", "mean"))


def _pooling(pooling: str, checkpoint: Checkpoint, per_token: bool) -> str:
    if per_token:
        return _token_pooling(pooling, checkpoint)
    check_pooling(pooling)
    if pooling == "auto":
        return "mean" if checkpoint.has_mean_pooling else "original"
    return pooling


def _token_pooling(pooling: str, checkpoint: Checkpoint) -> str:
    if pooling not in ("auto", "original", "tokens"):
        raise ArgumentError(
            f"pooling={pooling!r}; for token classification allowed are 'auto' and 'original'."
        )
    family = family_of(checkpoint.config)
    if family.token_head is None:
        raise UnsupportedModelError(
            f"{checkpoint.name} has model_type={family.model_type!r}, which has no head for token "
            "classification in the original either. Use another checkpoint, such as a BERT."
        )
    return "tokens"


def _build(
    checkpoint: Checkpoint, architecture: Architecture, num_labels: int, dtype: str, seed: int
) -> tuple[keras.Model, list[str]]:
    """The model with its weights in, and the names of the newly initialised head layers."""
    require_unforked()
    family, head = architecture.family, architecture.head
    distribution.require_same({"model": f"{family.model_type} with {num_labels} outputs"})
    config = family.read_config(architecture.config)
    # Opened before the model is built: a damaged file fails at once.
    weights, weight_map = checkpoint.weights, architecture.weight_map
    unfit = other_head(architecture.config, architecture.pooling == "tokens") is not None
    replaced = _replaced(weights, weight_map, head, num_labels, unfit)
    loader = WeightLoader(weights, weight_map, replaced)
    with filled_by(loader.value):
        inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in family.inputs_of(config)}
        encode = getattr(head, "encode", family.encode)  # a head may take other hidden states
        outputs = encode(config, inputs, dtype, seed)
        if head is not None:
            mask = inputs.get(getattr(head, "reads", "attention_mask"))
            outputs = head(config, outputs, mask, num_labels, dtype, seed)
            if _has_scaling(architecture, config):
                outputs = TargetScaling(name=SCALING, dtype="float32")(outputs)
    model = keras.Model(inputs, outputs, name=family.model_type.replace("-", "_"))
    loaded = loader.check(model)
    model.architecture = replace(
        architecture, kept=loaded.kept, newly_initialised=set(loaded.fresh)
    )
    return model, sorted({path.split("/")[0] for path in loaded.fresh})


def _untrained(checkpoint: Checkpoint, layers: str) -> WeightsError:
    return WeightsError(
        f"{checkpoint.name}: the checkpoint has no trained weights for {layers}, so it can't "
        "predict yet. Train it with Transformer, or pass one that is fine-tuned for "
        "classification."
    )


def _has_scaling(architecture: Architecture, config: Any) -> bool:
    """Whether the model is a regression whose outputs are those of its output layer."""
    bounded = getattr(architecture.head, "has_activation", lambda _: False)(config)
    return not bounded and not TASKS[architecture.task].has_classes


def _replaced(
    weights: Mapping[str, Any], weight_map: WeightMap, head: Any, num_labels: int, unfit: bool
) -> list[str]:
    """The output layer's variables, if the file's layer is for other labels or another task."""
    if head is None:
        return []
    paths = [f"{head.output}/{leaf}" for leaf in ("kernel", "bias")]
    keys = [weight_map.key(path, weight_map.base) for path in paths]
    fits = all(key not in weights or len(weights[key]) == num_labels for key in keys)
    return [] if fits and not unfit else paths


def _write_sentence_transformer(folder: Path, dense: Mapping, maxlen: int | None) -> None:
    """The files that make `folder` a sentence-transformers model: mean pooling and a dense layer.

    https://sbert.net describes the format.
    """
    labels, hidden = dense["linear.weight"].shape
    kinds = {"": "Transformer", "1_Pooling": "Pooling", DENSE_FOLDER: "Dense"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    write_json(folder / MODULES, modules)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": maxlen})
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
    write_json(folder / "1_Pooling" / CONFIG, pooling)
    layer = {
        "in_features": hidden,
        "out_features": labels,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    write_json(folder / DENSE_FOLDER / CONFIG, layer)
    write_tensors(folder / DENSE_FOLDER / WEIGHTS, dense)
