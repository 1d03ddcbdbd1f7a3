"""`Decoder`: a model that writes texts, taken apart: the source once, then token by token."""

from collections.abc import Callable
from typing import Any, NamedTuple
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
RECENT = 32  # tokens after which the cache's small part joins its large one


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
        ids, rows = KerasTensor((None, None), "int32"), KerasTensor((None,), "int32")
        self._read = backend.compiled(self.read_source, [ids, ids])
        self.taken = backend.compiled(_take, [self._memory_spec(), rows])
        self._scored = backend.compiled(self._row_losses, [ids, ids, ids, ids])
        self._looked = backend.compiled(self._attention, [ids, ids, ids])

    def compiled(self, function: Callable[..., Any], specs: list, key: Any, beams: int,
                 has_past: bool) -> Callable[..., Any]:  # fmt: skip
        """A function that goes on by a token, compiled at the first call with its key.

        Args:
            function: of some arguments, and of `place`, `written`, `source` and `mask` of `step`.
            specs: shapes and types of its own arguments, as `keras.KerasTensor`.
            key: what it is known by.
            beams: texts that are written for each source.
            has_past: whether there are tokens besides the recent ones.
        """
        key = (key, beams, has_past)
        if key not in self._compiled:
            memory, own = self._memory_spec(), KerasTensor((None, beams, None), "int32")
            written = Written(memory if has_past else [], memory, own)
            rest = [KerasTensor((), "int32"), written, memory, KerasTensor((None, None), "int32")]
            self._compiled[key] = backend.compiled(function, [*specs, *rest])
        return self._compiled[key]

    def read(self, inputs: dict[str, np.ndarray], beams: int = 1) -> "Reading":
        """The sources, encoded, with so many texts to be written for each."""
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

    def _memory_spec(self) -> list:
        heads = self.config.decoder_attention_heads
        shape = (None, heads, None, self.config.hidden_size // heads)
        spec = KerasTensor(shape, self._embeddings.compute_dtype)
        return [(spec, spec) for _ in self._blocks]

    def read_source(self, ids: Any, mask: Any) -> list:
        """Keys and values of the sources for each block; the function that `read` compiles."""
        states = self._encoded(ids, self._bias(mask))
        return [block.cross_attention.keys_and_values(states) for block in self._blocks]

    def nothing_written(self, parents: Any) -> "Written":
        """What a search begins with, for `parents` of the shape (sources, beams)."""
        heads = self.config.decoder_attention_heads
        shape = (ops.shape(parents)[0], heads, 0, self.config.hidden_size // heads)
        empty = ops.zeros(shape, self._embeddings.compute_dtype)
        blocks = [(empty, empty) for _ in self._blocks]
        return Written([], blocks, ops.zeros((*ops.shape(parents), 0), "int32"))

    def step(
        self, ids: Any, parents: Any, place: Any, written: "Written", source: list, mask: Any
    ) -> tuple:
        """One more token of each beam.

        Args:
            ids: the tokens, (sources, beams).
            parents: the beams that they continue, (sources, beams).
            place: the number of tokens before them.
            written: the tokens before them.
            source: what `read_source` returns.
            mask: which tokens of the sources are no padding, (sources, length).

        Returns:
            Logits of the next token, (sources * beams, vocabulary) float32, and what is written.
        """
        each = ops.arange(ops.shape(parents)[1])
        new = parents[:, :, None] * 0 + ops.cast(each[:, None] == each, "int32")
        own = ops.concatenate([of_beams(written.own, parents), new], axis=2)
        parts = list(zip(*filter(None, (written.past, written.recent)), strict=True))
        logits, recent = self.next_logits(ids, place, parts, own, source, mask)
        return logits, Written(written.past, recent, own)

    def next_logits(
        self, ids: Any, place: Any, parts: list, own: Any, source: list, mask: Any
    ) -> tuple:
        """Logits of the next token, and each block's last part with the tokens `ids`.

        Args:
            ids: see `step`.
            place: likewise.
            parts: for each block, keys and values of the tokens before them, in one part or more.
            own: which places are a beam's own, with the new tokens', (sources, beams, places).
            source: see `step`.
            mask: likewise.
        """
        x = self._embeddings.decoder(ops.reshape(ids, (-1, 1)), place)[:, 0]
        bias = ops.cast(1 - own, self._embeddings.compute_dtype)[:, None] * -1e9
        last, source_bias = [], self._bias(mask)
        for block, past, theirs in zip(self._blocks, parts, source, strict=True):
            x, part = block.step(x, past, bias, theirs, source_bias)
            last.append(part)
        logits = self._logits.of_rows(x, self._embeddings.table())
        return ops.cast(logits, "float32"), last

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


class Written(NamedTuple):
    """What is written so far, for each block keys and values, (sources, heads, places, width).

    Attributes:
        past: of all but the last tokens.
        recent: of the last ones: adding a token copies them alone.
        own: which of these places hold a beam's own tokens, 1 or 0, (sources, beams, places).
    """

    past: list
    recent: list
    own: Any


def settled(written: Written) -> Written:
    """The same with the recent tokens among the past ones."""
    past = joined(written.past, written.recent) if written.past else written.recent
    nothing = [tuple(part[:, :, :0] for part in pair) for pair in written.recent]
    return Written(past, nothing, written.own)


def joined(first: list, second: list) -> list:
    """For each block, the keys and values of both."""
    return [
        tuple(ops.concatenate(pair, axis=2) for pair in zip(one, other, strict=True))
        for one, other in zip(first, second, strict=True)
    ]


def of_beams(x: Any, beams: Any) -> Any:
    """Of (sources, beams, ...) the beams with these numbers, (sources, n, ...)."""
    sources, count, *others = ops.shape(x)
    rows = ops.arange(sources, dtype="int32")[:, None] * count + ops.cast(beams, "int32")
    return ops.take(ops.reshape(x, (sources * count, *others)), rows, axis=0)


def _take(memory: list, rows: Any) -> list:
    return [(ops.take(k, rows, axis=0), ops.take(v, rows, axis=0)) for k, v in memory]


class Reading:
    """A batch that is being translated: the encoded sources and what is written.

    Args:
        decoder: the model's.
        source: keys and values of the sources for each block.
        mask: which tokens of the sources are no padding, (sources, length).
        beams: texts that are written for each source.
    """

    def __init__(self, decoder: Decoder, source: list, mask: np.ndarray, beams: int) -> None:
        self.decoder, self.source, self.mask, self._beams = decoder, source, mask, beams
        self._written = decoder.nothing_written(np.zeros((len(mask), beams)))
        self._place = 0

    def go_on(self, function: Callable[..., Any], specs: list, key: Any, *arguments: Any) -> Any:
        """One more token of each beam: what a function makes of it.

        Args:
            function: of the arguments, and of `place`, `written`, `source` and `mask` of
                `Decoder.step`, to a result and what is written then.
            specs: shapes and types of the arguments, as `keras.KerasTensor`.
            key: what the function is known by: it is compiled once for each key.
            arguments: tensors.
        """
        if self._place and self._place % RECENT == 0:
            self._written = settled(self._written)
        has_past = bool(self._written.past)
        step = self.decoder.compiled(function, specs, key, self._beams, has_past)
        place, mask = (ops.convert_to_tensor(x, "int32") for x in (self._place, self.mask))
        result, self._written = step(*arguments, place, self._written, self.source, mask)
        self._place += 1
        return result

    def next_logits(self, ids: Any, parents: Any) -> Any:
        """The logits after one more token of each beam, (sources * beams, vocabulary).

        Args:
            ids: the tokens, (sources, beams).
            parents: the beams that they continue, (sources, beams).
        """
        specs = [KerasTensor((None, self._beams), "int32")] * 2
        return self.go_on(self.decoder.step, specs, "logits", ids, parents)

    def keep(self, sources: np.ndarray) -> None:
        """Go on with these sources only."""
        taken, rows = self.decoder.taken, ops.convert_to_tensor(sources, "int32")
        self.source, self.mask = taken(self.source, rows), self.mask[sources]
        past, recent = (taken(part, rows) if part else [] for part in self._written[:2])
        self._written = Written(past, recent, ops.take(self._written.own, rows, axis=0))
