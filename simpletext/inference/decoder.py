"""`Decoder`: a model that writes texts, taken apart: the source once, then token by token."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras import KerasTensor, ops

from ..models.seq2seq import require_seq2seq
from ..tasks.translation import IGNORED
from ..utils import backend
from ..utils.processes import require_unforked

# One for each model, for it takes seconds to compile.
_DECODERS: WeakKeyDictionary = WeakKeyDictionary()


def decoder_of(model: keras.Model) -> "Decoder":
    """The decoder of a model; compiled once, it follows the model's training.

    Raises:
        ArgumentError: the model doesn't write texts.
    """
    require_seq2seq(model)
    require_unforked()
    if model not in _DECODERS:
        _DECODERS[model] = Decoder(model)
    return _DECODERS[model]


class Decoder:
    """The parts of a model of `Seq2Seq` that decoding needs.

    Args:
        model: dict of ids -> logits, see `load_seq2seq`.

    Attributes:
        config: the values of config.json that the model has.
        vocab_size: how many tokens there are to choose from.
    """

    def __init__(self, model: keras.Model) -> None:
        architecture = require_seq2seq(model)
        self.config = architecture.family.read_config(architecture.config)
        self.vocab_size = model.output_shape[-1]
        self._compiled: dict[tuple, Callable[..., Any]] = {}
        parts = {layer.name: layer for layer in model.layers}
        self._embeddings, self._bias = parts["embeddings"], parts["attention_bias"]
        self._logits, self._look_ahead = parts["lm_head"], parts["look_ahead_bias"]
        self._encoder = [parts[f"layer_{i}"] for i in range(self.config.encoder_layers)]
        self._blocks = [parts[f"decoder_layer_{i}"] for i in range(self.config.decoder_layers)]
        ids, memory = KerasTensor((None, None), "int32"), self._memory_spec()
        place, rows = KerasTensor((), "int32"), KerasTensor((None,), "int32")
        self._read = backend.compiled(self._read_source, [ids, ids])
        self._step = backend.compiled(self._next_logits, [ids, place, memory, memory, ids])
        self._taken = backend.compiled(self._take, [memory, rows])
        self._scored = backend.compiled(self._row_losses, [ids, ids, ids, ids])
        self._looked = backend.compiled(self._attention, [ids, ids, ids])

    def compiled(self, key: tuple, function: Callable[..., Any], specs: list) -> Callable[..., Any]:
        """A function of the logits, compiled at the first call with its key."""
        if key not in self._compiled:
            self._compiled[key] = backend.compiled(function, specs)
        return self._compiled[key]

    def read(self, inputs: dict[str, np.ndarray], beams: int = 1) -> "Reading":
        """The source, encoded, with room for so many texts to be written for each row."""
        ids, mask = (np.asarray(inputs[name], "int32") for name in ("input_ids", "attention_mask"))
        return Reading(self, self._read(ids, mask), mask, beams)

    def losses(self, inputs: dict[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The cross-entropy of each row's target, summed over its tokens, (rows,)."""
        targets = ops.convert_to_tensor(targets, "int32")
        return ops.convert_to_numpy(self._scored(*self._arrays(inputs), targets))

    def attention(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """How much the next token of each place attends to the source in the last block.

        Returns:
            The mean over the heads, (rows, target length, source length).
        """
        weights = ops.convert_to_numpy(self._looked(*self._arrays(inputs)))
        return weights.astype("float32")

    def _arrays(self, inputs: dict[str, np.ndarray]) -> list:
        names = ("input_ids", "attention_mask", "decoder_input_ids")
        return [ops.convert_to_tensor(inputs[name], "int32") for name in names]

    def empty_cache(self, rows: int) -> list:
        """Keys and values of no tokens for each block."""
        heads = self.config.decoder_attention_heads
        empty = np.zeros((rows, heads, 0, self.config.hidden_size // heads), "float32")
        empty = ops.cast(empty, self._embeddings.compute_dtype)
        return [(empty, empty) for _ in self._blocks]

    def next_logits(self, ids: np.ndarray, place: int, cache: list, reading: "Reading") -> tuple:
        """The logits after one more token in each row, (rows, vocabulary), and the new cache."""
        return self._step(
            ops.convert_to_tensor(ids[:, None], "int32"), ops.convert_to_tensor(place, "int32"),
            cache, reading.source, ops.convert_to_tensor(reading.mask, "int32"),
        )  # fmt: skip

    def taken(self, memory: list, rows: np.ndarray) -> list:
        """Some rows of keys and values."""
        return self._taken(memory, ops.convert_to_tensor(rows, "int32"))

    def _memory_spec(self) -> list:
        heads = self.config.decoder_attention_heads
        shape = (None, heads, None, self.config.hidden_size // heads)
        spec = KerasTensor(shape, self._embeddings.compute_dtype)
        return [(spec, spec) for _ in self._blocks]

    def _read_source(self, ids: Any, mask: Any) -> list:
        states = self._encoded(ids, self._bias(mask))
        return [block.cross_attention.keys_and_values(states) for block in self._blocks]

    def _encoded(self, ids: Any, bias: Any) -> Any:  # -> (batch, length, hidden)
        x = self._embeddings.encoder(ids)
        for block in self._encoder:
            x = block(x, bias, training=False)
        return x

    def _row_losses(self, ids: Any, mask: Any, before: Any, targets: Any) -> Any:
        y, *_ = self._decoded(ids, mask, before, self._blocks)
        logits = ops.cast(self._logits(y, self._embeddings.table()), "float32")
        losses = ops.sparse_categorical_crossentropy(
            ops.maximum(targets, 0), logits, from_logits=True
        )
        return ops.sum(ops.where(ops.equal(targets, IGNORED), 0.0, losses), axis=1)

    def _attention(self, ids: Any, mask: Any, before: Any) -> Any:
        *lower, last = self._blocks
        return last.attention_to_source(*self._decoded(ids, mask, before, lower))

    def _decoded(self, ids: Any, mask: Any, before: Any, blocks: list) -> tuple:
        """Whole targets through some blocks, and what the next block takes besides."""
        bias, look_ahead = self._bias(mask), self._look_ahead(before)
        states, y = self._encoded(ids, bias), self._embeddings.decoder(before)
        for block in blocks:
            y = block(y, look_ahead, states, bias, training=False)
        return y, look_ahead, states, bias

    def _next_logits(self, ids: Any, place: Any, cache: list, source: list, mask: Any) -> tuple:
        x, bias = self._embeddings.decoder(ids, place), self._bias(mask)
        new = []
        for block, own, theirs in zip(self._blocks, cache, source, strict=True):
            x, own = block.step(x, own, theirs, bias)
            new.append(own)
        logits = self._logits(x, self._embeddings.table())
        return ops.cast(logits[:, 0], "float32"), new

    def _take(self, memory: list, rows: Any) -> list:
        return [(ops.take(k, rows, axis=0), ops.take(v, rows, axis=0)) for k, v in memory]


class Reading:
    """A batch that is being translated: the encoded sources and the cache of what is written.

    Args:
        decoder: the model's.
        source: keys and values of the sources for each block.
        mask: which tokens of the sources are no padding, (sources, length).
        beams: texts written for each source.
    """

    def __init__(self, decoder: Decoder, source: list, mask: np.ndarray, beams: int) -> None:
        self.decoder, self.source, self.mask, self.beams = decoder, source, mask, beams
        self._cache, self._place = decoder.empty_cache(len(mask) * beams), 0

    def next_logits(self, ids: np.ndarray) -> Any:
        """The logits after one more token in each row, (sources * beams, vocabulary)."""
        logits, self._cache = self.decoder.next_logits(ids, self._place, self._cache, self)
        self._place += 1
        return logits

    def keep(self, sources: np.ndarray, rows: np.ndarray) -> None:
        """Go on with some sources only, and with these rows of what was written.

        Args:
            sources: booleans, (sources,).
            rows: for each row that goes on the row it continues, (sources left * beams,).
        """
        if not sources.all():
            self.source = self.decoder.taken(self.source, np.flatnonzero(sources))
            self.mask = self.mask[sources]
        if len(rows) != len(sources) * self.beams or (rows != np.arange(len(rows))).any():
            self._cache = self.decoder.taken(self._cache, rows)
