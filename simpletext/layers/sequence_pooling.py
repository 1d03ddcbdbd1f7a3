"""Pooling texts to half their length, and upsampling (https://arxiv.org/abs/2006.03236)."""

from dataclasses import dataclass

import keras
from keras import ops

from .base import Part
from .windows import pick


@dataclass(frozen=True)
class Pooling:
    """How texts are shortened: two tokens become one, except perhaps the first.

    Attributes:
        separate_cls: the first token is pooled with itself.
        truncate_seq: with `separate_cls`, drop the last token, so that the length stays even.
    """

    separate_cls: bool
    truncate_seq: bool

    def window(self, length):
        """How many tokens become one: 2, or 1 if only one or two are left."""
        return pick(length > (2 if self.separate_cls else 1), 2, 1)

    def pooled_length(self, length):
        """The length after pooling."""
        window = self.window(length)
        added = window - 1 if self.separate_cls and not self.truncate_seq else 0
        return (length + added + window - 1) // window

    def level(self, length, times: int):
        """The length after pooling `times` times, and how many tokens each result represents."""
        stride = 1
        for _ in range(times):
            stride = stride * self.window(length)
            length = self.pooled_length(length)
        return length, stride

    def windows(self, x):
        """Tokens pooled together: (batch, length, ...) -> (batch, pooled length, window, ...)."""
        batch, length, *rest = ops.shape(x)
        window = self.window(length)
        if self.separate_cls:
            kept = x[:, : length + 1 - window] if self.truncate_seq else x
            x = ops.concatenate([x[:, : window - 1], kept], axis=1)
        length = ops.shape(x)[1]
        missing = (window - length % window) % window
        x = ops.concatenate([x, x[:, length - missing :]], axis=1)
        return ops.reshape(x, (batch, (length + missing) // window, window, *rest))


@keras.saving.register_keras_serializable("simpletext")
class FunnelPooling(Part):
    """Hidden states, token types and mask at half the length.

    Args:
        kind: how hidden states are pooled, "mean" or "max".
        separate_cls, truncate_seq: see `Pooling`.
    """

    def __init__(self, kind, separate_cls, truncate_seq, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.separate_cls, self.truncate_seq = kind, separate_cls, truncate_seq

    def compute_output_spec(self, x, types, mask):
        batch, _, hidden = x.shape
        return (
            keras.KerasTensor((batch, None, hidden), self.compute_dtype),
            keras.KerasTensor((batch, None), types.dtype),
            keras.KerasTensor((batch, None), mask.dtype),
        )

    def call(self, x, types, mask):  # (batch, length, hidden), (batch, length) twice
        pooling = Pooling(self.separate_cls, self.truncate_seq)
        pool = ops.max if self.kind == "max" else ops.mean
        x, types, mask = (pooling.windows(tensor) for tensor in (x, types, mask))
        return pool(x, axis=2), types[:, :, 0], ops.min(mask, axis=2)


@keras.saving.register_keras_serializable("simpletext")
class Upsampling(Part):
    """Repeat pooled states to the length of other states, and add them to those.

    Args:
        times: how often each state is repeated.
        separate_cls: don't repeat the first state.
        truncate_seq: fill with zeros where the pooled text ends early.
    """

    def __init__(self, times, separate_cls, truncate_seq, **kwargs):
        super().__init__(**kwargs)
        self.times, self.separate_cls, self.truncate_seq = times, separate_cls, truncate_seq

    def compute_output_spec(self, pooled, x):
        return keras.KerasTensor(x.shape, self.compute_dtype)

    def call(self, pooled, x):  # (batch, pooled length, hidden), (batch, length, hidden)
        if self.times == 1:
            return pooled + x
        first = pooled[:, :1] if self.separate_cls else pooled[:, :0]
        rest = pooled[:, 1:] if self.separate_cls else pooled
        batch, count, hidden = ops.shape(rest)
        rest = ops.broadcast_to(rest[:, :, None], (batch, count, self.times, hidden))
        parts = [first, ops.reshape(rest, (batch, count * self.times, hidden))]
        if self.separate_cls and self.truncate_seq:
            parts.append(ops.zeros((batch, self.times - 1, hidden), rest.dtype))
        return ops.concatenate(parts, axis=1)[:, : ops.shape(x)[1]] + x
