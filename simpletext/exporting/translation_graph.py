"""The functions of an exported translator: the whole search, or the model's parts."""

from collections.abc import Callable
from typing import Any

from keras import ops

from ..inference.beam_search import begin, go_on
from ..inference.decoder import RECENT, Decoder, settled
from ..inference.generation_options import GenerationOptions


def search_function(decoder: Decoder, options: GenerationOptions) -> Callable[..., Any]:
    """The function from ids to translations' ids, with the search as a loop in its graph.

    Args:
        decoder: the model's.
        options: how texts are written; they are constants of the graph.

    Returns:
        A `tf.function` of `input_ids` and `attention_mask`, each (sources, length) int32, to
        `ids`, (texts, length), and `scores`, (texts,), as `generate` returns them.
    """
    import tensorflow as tf

    def search(input_ids: Any, attention_mask: Any) -> dict[str, Any]:
        source = decoder.read_source(input_ids, attention_mask)
        first = begin(attention_mask, options)
        parents = first.texts[:, :, 0] * 0

        def goes_on(length: Any, beams: Any, parents: Any, written: Any) -> Any:
            return ops.logical_not(ops.all(beams.done))  # it is, at max_length at the latest

        def one_more(length: Any, beams: Any, parents: Any, written: Any) -> tuple:
            written = tf.cond(length % RECENT == 0, lambda: settled(written), lambda: written)
            after, written = go_on(
                decoder, options, beams, parents, length - 1, written, source, attention_mask
            )
            return length + 1, *after, written

        nothing = settled(decoder.nothing_written(parents))
        state = (tf.constant(1), first, parents, nothing)
        axes = ((), (0,), (0,), (0, 2))  # those that vary: sources, and what is written
        shapes = tuple(map(_shapes, state, axes))
        _, beams, *_ = tf.while_loop(goes_on, one_more, state, shape_invariants=shapes)
        return _best(beams, options)

    spec = tf.TensorSpec((None, None), tf.int32)
    return tf.function(search, [spec, spec], autograph=False)


def _shapes(tensors: Any, varying: tuple[int, ...]) -> Any:
    """The shapes of tensors in a nest, without the sizes of axes that vary."""
    import tensorflow as tf

    return tf.nest.map_structure(
        lambda x: tf.TensorShape(
            [None if axis in varying else size for axis, size in enumerate(x.shape)]
        ),
        tensors,
    )


def _best(beams: Any, options: GenerationOptions) -> dict[str, Any]:
    """The best finished texts of all sources, without columns that are padding in all of them."""
    count = options.num_return_sequences
    ids = ops.reshape(beams.finished[:, :count], (-1, options.max_length))
    used = ops.any(ops.not_equal(ids[:, 1:], options.pad_token_id), axis=0)
    last = ops.max(ops.where(used, ops.arange(options.max_length - 1), 0))
    return {"ids": ids[:, : last + 2], "scores": ops.reshape(beams.finished_scores[:, :count], -1)}


def step_functions(decoder: Decoder) -> dict[str, Any]:
    """The functions of an exported encoder and decoder, by their names.

    `encoder`: `input_ids` and `attention_mask`, each (sources, length) int32, to `source`: the
    blocks' keys and values, (blocks, 2, sources, heads, length, width).

    `decoder`: `ids`, the last tokens, (sources, beams) int32; `place`, the number of tokens before
    them, a single int32; `written`, (blocks, 2, sources, heads, places, width); `own`, 1 where a
    place holds a beam's own token, (sources, beams, places + beams) int32; `source` and
    `attention_mask`, to log-probabilities, (sources * beams, vocabulary), and what is to be
    appended to `written`.
    """
    import tensorflow as tf

    def encoder(input_ids: Any, attention_mask: Any) -> Any:
        return _stacked(decoder.read_source(input_ids, attention_mask))

    def one_more(
        ids: Any, place: Any, written: Any, own: Any, source: Any, attention_mask: Any
    ) -> tuple:
        parts = [[pair] for pair in _pairs(written)]
        logits, last = decoder.next_logits(ids, place, parts, own, _pairs(source), attention_mask)
        return ops.log_softmax(logits), _stacked(last)[..., -ops.shape(ids)[1] :, :]

    numbers = {name: tf.TensorSpec((None, None), tf.int32, name) for name in IDS}
    heads = decoder.config.decoder_attention_heads
    size = (
        decoder.config.decoder_layers,
        2,
        None,
        heads,
        None,
        decoder.config.hidden_size // heads,
    )
    memory = {name: tf.TensorSpec(size, tf.float32, name) for name in ("written", "source")}
    place = tf.TensorSpec((), tf.int32, "place")
    own = tf.TensorSpec((None, None, None), tf.int32, "own")
    mask = numbers["attention_mask"]
    return {
        "encoder": tf.function(encoder, [numbers["input_ids"], mask], autograph=False),
        "decoder": tf.function(
            one_more, [numbers["ids"], place, memory["written"], own, memory["source"], mask],
            autograph=False,
        ),
    }  # fmt: skip


IDS = ("ids", "input_ids", "attention_mask")


def _stacked(pairs: list) -> Any:
    return ops.stack([ops.stack(pair) for pair in pairs])


def _pairs(memory: Any) -> list:
    return [tuple(ops.unstack(pair, 2)) for pair in ops.unstack(memory, memory.shape[0])]
