"""An encoder family: its config, layers, table of weight names and head."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from ...errors import UnsupportedModelError
from ...layers.activations import ACTIVATIONS
from ..heads import TOKEN_HEAD


@dataclass(frozen=True)
class Family:
    """One architecture, as `load_encoder` and `load_classifier` use it.

    Attributes:
        model_type: the name in config.json.
        config: dataclass of the config values that the code reads, with the original's defaults.
        inputs: names of the model's inputs, as the tokenizer names them (see `inputs_of`).
        segments: whether the original was trained with token types. If not, they are 0 unless the
            checkpoint's tokenizer returns them.
        encode: `(config, inputs, dtype, seed) -> hidden states`, both symbolic.
        table: rows of the weight table, relative to the encoder (see `checkpoints.weight_map`).
        base: the encoder's prefix in files that have a head, such as `"bert."`.
        head: the original classification head, one of `heads`.
        token_head: the original head for token classification; None if there is none.
        token_pooler: whether the original has its pooler beside that head.
        encoder_class, classifier_class: names for `architectures` in config.json.
        names: our config's name -> the family's name for it in config.json, or several names, of
            which the first one present counts.
        required: config values that not all are supported: name -> supported values.
        leftovers: patterns of file keys of other tasks' heads, or of constants.
        kept: patterns of file keys that the original encoder has and we don't use.
        poolers: the same, for parts that the original has only without a head.
        aliases: file key -> other keys that the same (tied) tensor may have.
        default_labels: number of labels if config.json has none.
        max_length: config -> the longest text in tokens, or None for any length.
    """

    model_type: str
    config: type
    inputs: tuple[str, ...]
    encode: Callable
    table: Mapping[str, str]
    base: str
    head: Any
    encoder_class: str
    classifier_class: str
    names: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    required: Mapping[str, tuple] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    poolers: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    segments: bool = True
    token_head: Any = TOKEN_HEAD
    token_pooler: bool = False
    default_labels: int = 2
    max_length: Callable = attrgetter("max_position_embeddings")

    @property
    def token_class(self) -> str:
        """The name in `architectures` of the model for token classification."""
        return self.classifier_class.replace("ForSequenceClassification", "ForTokenClassification")

    def inputs_of(self, config) -> tuple[str, ...]:
        """The inputs of the model with this config: no token types if there is only one."""
        alike = getattr(config, "type_vocab_size", 2) < 2
        return tuple(n for n in self.inputs if n != "token_type_ids" or not alike)

    def table_of(self, config) -> Mapping[str, str]:
        """The rows of the weight table for a model with this config."""
        return self.table

    def encoder_class_of(self, config) -> str:
        """The name in `architectures` of the encoder with this config, without a head."""
        return self.encoder_class

    def read_config(self, raw: Mapping[str, Any]):
        """The values of `config.json` that change numbers, checked.

        Raises:
            UnsupportedModelError: a value that the code doesn't support, by name.
        """
        for name, allowed in (NOT_A_DECODER | dict(self.required)).items():
            if name in raw and raw[name] not in allowed:
                raise UnsupportedModelError(
                    f"config.json has {name}={raw[name]!r}; for model_type {self.model_type!r} "
                    f"simpletext supports {' or '.join(map(repr, allowed))} only."
                )
        values = {}
        for part in fields(self.config):
            theirs = self.names.get(part.name, part.name)
            names = (theirs,) if isinstance(theirs, str) else theirs
            if found := next((name for name in names if name in raw), None):
                values[part.name] = _checked(found, raw[found], part)
        return self.config(**values)


NOT_A_DECODER = {"is_decoder": (False,), "add_cross_attention": (False,)}


def _checked(name: str, value: Any, part) -> Any:
    """`value`, if its type is that of the dataclass field's annotation."""
    if not isinstance(value, part.type) or (isinstance(value, bool) and part.type is int):
        kind = getattr(part.type, "__name__", part.type)
        raise UnsupportedModelError(f"config.json has {name}={value!r}, which isn't a {kind}.")
    if part.type is str and part.name.endswith(("_act", "_activation")):
        _check_activation(name, value)
    return value


def _check_activation(name: str, value: str) -> None:
    if value not in ACTIVATIONS:
        raise UnsupportedModelError(
            f"config.json has {name}={value!r}; simpletext supports {', '.join(ACTIVATIONS)}."
        )
