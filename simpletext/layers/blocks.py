"""The parts encoders are made of: dense, norm, attention, feed-forward.

Shapes are written as comments. Every layer keeps its constructor's arguments under their own
names, so that `get_config` needs no code of its own.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from ..errors import UnsupportedModelError
from ..utils import backend
from . import recomputation
from .recomputation import join_heads, softmax, split_heads

ACTIVATIONS = {
    # The exact gelu is written with erf: what Keras writes (erfc) has no ONNX counterpart.
    "gelu": lambda x: 0.5 * x * (1.0 + ops.erf(x * 0.7071067811865476)),
    "gelu_new": lambda x: ops.gelu(x, approximate=True),
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "quick_gelu": lambda x: x * ops.sigmoid(1.702 * x),
    "relu": ops.relu,
    "silu": ops.silu,
    "swish": ops.silu,
    "tanh": ops.tanh,
    "mish": lambda x: x * ops.tanh(ops.softplus(x)),
    "linear": lambda x: x,
}
ACTIVATIONS["gelu_python"] = ACTIVATIONS["gelu"]
ACTIVATIONS["gelu_fast"] = ACTIVATIONS["gelu_new"]


def activation(name: str):
    """The function behind a Hugging Face activation's name."""
    if name not in ACTIVATIONS:
        raise UnsupportedModelError(
            f"The activation {name!r} isn't supported. Supported are: {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[name]


_activation = activation  # where an argument has the same name


def dropout(x, rate: float, seed_generator, training: bool):
    """`x` with a share `rate` of its values set to zero and the rest scaled up, in training."""
    keep, scale = to_keep(ops.shape(x), rate, seed_generator, training)
    return x if keep is None else ops.where(keep, x * scale, ops.zeros((), x.dtype))


def to_keep(shape, rate: float, seed_generator, training: bool):
    """Which values a dropout keeps, bool or None for all, and how much to scale these up.

    One random byte decides over a value (so the rate is met to 1/256, and the scale goes with the
    rate that is met): drawing a float for each takes three times as long, a tenth of a step.
    """
    dropped = round(rate * 256)
    if not training or dropped == 0:
        return None, 1.0
    *leading, last = shape
    words_a_row = (last + 3) // 4
    words = keras.random.randint(
        (math.prod(leading) * words_a_row, 1), -(2**31), 2**31 - 1, dtype="int32",
        seed=seed_generator,
    )  # fmt: skip
    random_bytes = ops.reshape(ops.view(words, "uint8"), (*leading, words_a_row * 4))
    return random_bytes[..., :last] >= dropped, 256 / (256 - dropped)


def truncated_normal(stddev: float, cutoff: float, seed: int):
    """An initializer: normal values, none of them beyond `cutoff` standard deviations."""

    def draw(shape, dtype=None):
        share = math.erf(cutoff / math.sqrt(2.0))
        uniform = keras.random.uniform(shape, -share, share, dtype="float32", seed=seed)
        return ops.cast(ops.erfinv(uniform) * (stddev * math.sqrt(2.0)), dtype or "float32")

    return draw


_value_of: ContextVar[Callable[[str, tuple[int, ...]], Any] | None] = ContextVar(
    "value_of", default=None
)


@contextmanager
def filled_by(value_of: Callable[[str, tuple[int, ...]], Any]) -> Iterator[None]:
    """In this block new weights begin with `value_of(path, shape)`, if that isn't None.

    Weights that are initialised first and overwritten later would cost twice the time.
    """
    token = _value_of.set(value_of)
    try:
        yield
    finally:
        _value_of.reset(token)


class Part(keras.layers.Layer):
    """A layer whose constructor arguments are also its attributes."""

    def add_weight(self, *, name, shape, initializer=None, **kwargs):
        value_of = _value_of.get()
        value = None if value_of is None else value_of(f"{self.path}/{name}", shape)
        if value is not None:
            initializer = lambda shape, dtype: ops.cast(value, dtype)  # noqa: E731
        with backend.short_variable_names():
            return super().add_weight(name=name, shape=shape, initializer=initializer, **kwargs)

    def get_config(self) -> dict:
        kinds = [kind for kind in type(self).__mro__ if issubclass(kind, Part) and kind is not Part]
        own = [p for k in kinds for p in inspect.signature(k.__init__).parameters.values()]
        named = {p.name for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {"self"}
        return super().get_config() | {name: getattr(self, name) for name in sorted(named)}


@keras.saving.register_keras_serializable("simpletext")
class Dense(Part):
    """`activation(x @ kernel + bias)` over the last axis.

    Tokens are flattened to two dimensions first: one large product is faster than a batched one.
    """

    def __init__(
        self, units, activation="linear", stddev=0.0, use_bias=True, seed=0, cutoff=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.units, self.activation, self.stddev = units, activation, stddev
        self.use_bias, self.seed, self.cutoff = use_bias, seed, cutoff
        self._activate = _activation(activation)

    def build(self, shape):
        init = keras.initializers.RandomNormal(stddev=self.stddev, seed=self.seed)
        if self.cutoff is not None:
            init = truncated_normal(self.stddev, self.cutoff, self.seed)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(shape[-1], self.units),
            initializer=init if self.stddev else "zeros",
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def call(self, x, training=None):  # (..., features) -> (..., units)
        return self.linear(
            x, activate=recomputation.gelu if training and self.is_gelu else self._activate
        )

    def linear(self, x, product=ops.matmul, activate=ACTIVATIONS["linear"]):
        """The layer without its activation or with another, (..., features) -> (..., units).

        `product` is that of the tokens and the kernel.
        """
        leading = ops.shape(x)[:-1]
        y = product(ops.reshape(x, (-1, x.shape[-1])), self.kernel)
        if self.use_bias:
            y = ops.add(y, self.bias)
        # Activated before the shape comes back: then TensorFlow makes one operation of all three.
        return ops.reshape(activate(y), (*leading, self.units))

    @property
    def is_gelu(self) -> bool:
        """Whether the activation is the exact gelu, whose gradient is written by hand."""
        return self._activate is ACTIVATIONS["gelu"]


@keras.saving.register_keras_serializable("simpletext")
class LayerNorm(Part):
    """Layer normalisation over the last axis (https://arxiv.org/abs/1607.06450), in float32."""

    def __init__(self, epsilon, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.use_bias = epsilon, use_bias

    def build(self, shape):
        self.gamma = self.add_weight(
            name="gamma", shape=(shape[-1],), initializer="ones", autocast=False
        )
        if self.use_bias:
            self.beta = self.add_weight(
                name="beta", shape=(shape[-1],), initializer="zeros", autocast=False
            )

    def call(self, x, training=None):
        if training:
            weights = [self.gamma, self.beta] if self.use_bias else [self.gamma]
            tensors = [ops.reshape(weight, (-1,)) for weight in weights]  # no variables any more
            return recomputation.layer_norm(ops.cast(x, self.compute_dtype), self.epsilon, *tensors)
        x = ops.cast(x, "float32")
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        y = centred * ops.rsqrt(variance + self.epsilon) * self.gamma
        return ops.cast(y + self.beta if self.use_bias else y, self.compute_dtype)


@keras.saving.register_keras_serializable("simpletext")
class AttentionBias(Part):
    """What is added to attention scores: 0 where the mask is 1, very negative where it is 0."""

    def compute_output_shape(self, shape):
        return (shape[0], 1, 1, shape[1])

    def call(self, attention_mask):  # (batch, length) -> (batch, 1, 1, length)
        mask = ops.cast(attention_mask, self.compute_dtype)
        return (1.0 - ops.expand_dims(mask, (1, 2))) * -1e9


@keras.saving.register_keras_serializable("simpletext")
class SelfAttention(Part):
    """Scaled dot-product attention in several heads (https://arxiv.org/abs/1706.03762)."""

    def __init__(self, num_heads, dropout=0.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.dropout, self.seed = num_heads, dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, x_shape, bias_shape=None):
        for name in ("query", "key", "value", "output_dense"):
            dense = self.make_dense(name.removesuffix("_dense"), x_shape[-1])
            setattr(self, name, dense)
            dense.build(x_shape)

    def make_dense(self, name, units):
        """One of the four products."""
        return Dense(units, name=name, dtype=self.dtype_policy)

    def compute_output_spec(self, x, bias, training=None, only_first=False):
        length = 1 if only_first else x.shape[1]
        return keras.KerasTensor((x.shape[0], length, x.shape[2]), self.compute_dtype)

    def call(self, x, bias, training=None, only_first=False):
        """What each token attends to, with the shapes of `TransformerBlock.call`."""
        asking = x[:, :1] if only_first else x
        if only_first and bias.shape[2] != 1:
            bias = bias[:, :, :1]
        query, key, value = self.query(asking), self.key(x), self.value(x)
        return self._attend(*map(self._split, (query, key, value)), bias, training)

    def _attend(self, query, key, value, bias, training):  # each (batch, heads, length, width)
        return self.output_dense(self._context(query, key, value, bias, training))

    def _context(self, query, key, value, bias, training):  # -> (batch, length, hidden)
        query = query * query.shape[-1] ** -0.5
        if training:
            # One mask for all heads: with 256 tokens, one for each is a sixth of attention's time.
            rows, _, length, _ = ops.shape(query)
            shape = (rows, 1, length, ops.shape(key)[2])
            keep, scale = to_keep(shape, self.dropout, self.seed_generator, training)
            # The value is scaled up instead of the weights, which are many more.
            return recomputation.attention(query, key, value * scale, bias, keep)
        weights = softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + bias)
        return join_heads(ops.matmul(weights, value))  # weights: (batch, heads, length, length)

    def _split(self, x):  # (batch, length, hidden) -> (batch, heads, length, hidden / heads)
        return split_heads(x, self.num_heads)


@keras.saving.register_keras_serializable("simpletext")
class TransformerBlock(Part):
    """Attention, then feed-forward, each with dropout, a residual and a norm after it."""

    def __init__(
        self,
        num_heads,
        intermediate_size,
        hidden_act,
        epsilon,
        dropout=0.0,
        attention_dropout=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.intermediate_size, self.hidden_act = (
            num_heads,
            intermediate_size,
            hidden_act,
        )
        self.epsilon, self.dropout, self.attention_dropout = epsilon, dropout, attention_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, x_shape, bias_shape=None):
        policy = {"dtype": self.dtype_policy}
        self.attention = self.make_attention(name="attention", **policy)
        self.attention_norm = LayerNorm(self.epsilon, name="attention_norm", **policy)
        self.intermediate = self.make_dense("intermediate", self.intermediate_size, self.hidden_act)
        self.output_dense = self.make_dense("output", x_shape[-1])
        self.output_norm = LayerNorm(self.epsilon, name="output_norm", **policy)
        for part in (self.attention, self.attention_norm, self.intermediate, self.output_norm):
            part.build(x_shape)
        self.output_dense.build((*x_shape[:-1], self.intermediate_size))

    def make_attention(self, **kwargs):
        """The attention layer; families with another kind of attention say which."""
        return SelfAttention(self.num_heads, self.attention_dropout, self.seed + 1, **kwargs)

    compute_output_spec = SelfAttention.compute_output_spec

    def call(self, x, bias, training=None, only_first=False):
        """The tokens' next states, or with `only_first` the first one's alone.

        Args:
            x: (batch, length, hidden).
            bias: (batch, 1, 1, length), or what can be spread over (batch, heads, length, length).
            training: whether dropout drops.
            only_first: the result is (batch, 1, hidden).
        """
        x, attended = self._attended(x, bias, training, only_first)
        x = self.attention_norm(x + self._drop(attended, training))
        return self.output_norm(x + self._drop(self._feed_forward(x, training), training))

    def _attended(self, x, bias, training, only_first):
        """The tokens that are asked for, and what they attend to."""
        if not only_first:
            return x, self.attention(x, bias, training=training)
        if type(self.attention) is SelfAttention:
            return x[:, :1], self.attention(x, bias, training=training, only_first=True)
        return x[:, :1], self.attention(x, bias, training=training)[:, :1]

    def make_dense(self, name, units, activation="linear"):
        """One of the feed-forward's two products, for families with other ones."""
        return Dense(units, activation, name=name, dtype=self.dtype_policy)

    def _feed_forward(self, x, training):  # (batch, length, hidden)
        inner, outer = self.intermediate, self.output_dense
        if training and inner.is_gelu and type(inner) is type(outer) is Dense:
            return outer.linear(inner.linear(x), recomputation.product_of_gelu)
        return outer(inner(x))

    def _drop(self, x, training):
        return dropout(x, self.dropout, self.seed_generator, training)
