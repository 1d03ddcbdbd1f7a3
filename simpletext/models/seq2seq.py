"""Encoder-decoder models that write texts: loaded from a checkpoint, or newly initialised."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..checkpoints.folder import Checkpoint, find_checkpoint
from ..checkpoints.weight_map import WeightLoader, WeightMap
from ..errors import ArgumentError
from ..layers.base import filled_by
from ..utils.files import read_json, write_json
from ..utils.processes import require_unforked
from ..utils.validation import shown
from .encoder_decoders import seq2seq_family_of
from .families.family import Family
from .loading import Architecture

GENERATION = "generation_config.json"


@dataclass(frozen=True)
class Seq2SeqArchitecture(Architecture):
    """How an encoder-decoder model was built.

    Attributes:
        generation: the content of generation_config.json, or of config.json without that file.
    """

    generation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        """The family."""
        return seq2seq_family_of(self.config)

    @property
    def head(self) -> None:
        """None: the logits are made by the table of words."""
        return None

    @property
    def bare(self) -> bool:
        """False: the names in the file have the prefix."""
        return False

    @property
    def weight_map(self) -> WeightMap:
        """The table of the model's weights."""
        family = self.family
        rows = family.table_of(family.read_config(self.config))
        return WeightMap(
            table={own: "{base}" + key for own, key in rows.items()}
            | {"lm_head/bias": "final_logits_bias"},
            base=family.base,
            optional=("lm_head/bias",),
            leftovers=family.leftovers,
            aliases=family.aliases,
        )

    def load_like(self, folder: Path) -> keras.Model:
        """The model in a folder, of this kind."""
        return load_seq2seq(folder)

    def write_others(self, folder: Path) -> None:
        """Write generation_config.json."""
        write_json(folder / GENERATION, dict(self.generation))


def find_seq2seq(name_or_path: str | os.PathLike) -> Checkpoint:
    """The checkpoint of that name, of a family that writes texts; see `find_checkpoint`."""
    found = find_checkpoint(name_or_path, accept=seq2seq_family_of)
    seq2seq_family_of(found.config)
    return found


def load_seq2seq(
    checkpoint: str | os.PathLike | Checkpoint, dtype: str = "float32", seed: int = 0
) -> keras.Model:
    """A Marian or BART checkpoint that writes texts as a Keras model.

    Args:
        checkpoint: a folder, or a name on the Hub.
        dtype: a Keras dtype policy, such as "float32" or "mixed_bfloat16".
        seed: for dropout.

    Returns:
        A functional model, dict of `input_ids` and `attention_mask`, each (batch, source length),
        and `decoder_input_ids` (batch, target length) -> logits (batch, target length, vocabulary).

    Raises:
        UnknownModelError, UnreachableModelError: no such checkpoint, or no way to it.
        UnsupportedModelError: no code for its model_type, or for a value in its config.
        WeightsError: the weight file is damaged or doesn't fit.
    """
    found = checkpoint if isinstance(checkpoint, Checkpoint) else find_seq2seq(checkpoint)
    path = found.folder / GENERATION
    generation = read_json(path) if path.is_file() else found.config
    architecture = Seq2SeqArchitecture(
        found.config, None, {}, checkpoint=found.name, generation=generation
    )
    loader = WeightLoader(found.weights, architecture.weight_map)
    model = _build(architecture, loader.value, dtype, seed)
    kept = loader.check(model).kept  # without final_logits_bias the bias is zeros: not fresh
    model.architecture = replace(architecture, kept=kept)
    return model


def new_seq2seq(
    config: Mapping[str, Any], generation: Mapping[str, Any], dtype: str = "float32", seed: int = 0
) -> keras.Model:
    """A newly initialised model of the family that `config` names; see `load_seq2seq`.

    Matrices are drawn as in https://arxiv.org/abs/1706.03762's own code (Xavier), embeddings with
    a standard deviation of `hidden_size ** -0.5`.
    """
    architecture = Seq2SeqArchitecture(dict(config), None, {}, generation=dict(generation))
    model = _build(architecture, _drawn(seed), dtype, seed)
    model.architecture = architecture
    return model


def require_seq2seq(model: keras.Model) -> Seq2SeqArchitecture:
    """The architecture of a model that writes texts.

    Raises:
        ArgumentError: another model.
    """
    architecture = getattr(model, "architecture", None)
    if not isinstance(architecture, Seq2SeqArchitecture):
        raise ArgumentError(
            f"The model {shown(getattr(model, 'name', model))} doesn't write texts; it must come "
            "from Seq2Seq(...).get_model()."
        )
    return architecture


def _build(
    architecture: Seq2SeqArchitecture, value_of: Callable, dtype: str, seed: int
) -> keras.Model:
    require_unforked()
    family = architecture.family
    config = family.read_config(architecture.config)
    with filled_by(value_of):
        inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in family.inputs}
        logits = family.encode(config, inputs, dtype, seed)
    return keras.Model(inputs, logits, name=family.model_type)


def _drawn(seed: int) -> Callable:
    """Path and shape -> a new weight's values; None for norms and biases."""
    rng = np.random.default_rng(seed)

    def value(path: str, shape: tuple[int, ...]) -> np.ndarray | None:
        if path.endswith("/embeddings"):
            return rng.normal(0.0, shape[1] ** -0.5, shape).astype("float32")
        if path.endswith("/kernel"):
            limit = (6.0 / sum(shape)) ** 0.5
            return rng.uniform(-limit, limit, shape).astype("float32")
        return None

    return value
