"""Funnel Transformer (https://arxiv.org/abs/2006.03236).

Between its blocks the text is pooled to half its length. The classifier ends there; the plain
encoder has a decoder besides, which returns one state per token again.
"""

from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias, SelfAttention
from ...layers.base import Part
from ...layers.dense import Dense
from ...layers.dropout import dropout
from ...layers.embeddings import Embeddings
from ...layers.positions import by_distance, sinusoids
from ...layers.sequence_pooling import FunnelPooling, Pooling, Upsampling
from ...layers.transformer_block import TransformerBlock
from ..heads import Dropout, FirstToken
from .family import Family

CLS_TYPE = 2  # the token type of the first token, which belongs to all segments
WITHOUT_DECODER = ("FunnelBaseModel", "FunnelForSequenceClassification", "FunnelForMultipleChoice")


@dataclass(frozen=True)
class FunnelConfig:
    """The config.json settings of a Funnel encoder; defaults as in the original."""

    vocab_size: int = 30522
    block_sizes: list | tuple = (4, 4, 4)
    block_repeats: list | tuple | None = None
    num_decoder_layers: int = 2
    hidden_size: int = 768
    num_attention_heads: int = 12
    d_head: int = 64
    intermediate_size: int = 3072
    hidden_act: str = "gelu_new"
    hidden_dropout: int | float = 0.1
    attention_dropout: int | float = 0.1
    activation_dropout: int | float = 0.0
    initializer_std: int | float | None = None
    layer_norm_eps: int | float = 1e-9
    pooling_type: str = "mean"
    separate_cls: bool = True
    truncate_seq: bool = True
    pool_q_only: bool = True
    architectures: list | None = None

    @property
    def has_decoder(self) -> bool:
        """Whether the checkpoint's encoder has a decoder."""
        return not set(self.architectures or ()).intersection(WITHOUT_DECODER)

    @property
    def pooling(self) -> Pooling:
        """How it pools."""
        return Pooling(self.separate_cls, self.truncate_seq)


class FunnelFamily(Family):
    """A family whose encoder may have a decoder, and whose layers are numbered per block."""

    def table_of(self, config) -> dict[str, str]:
        """The rows of the weight table for a model with this config."""
        blocks = enumerate(config.block_sizes)
        theirs = [f"encoder.blocks.{i}.{j}" for i, size in blocks for j in range(size)]
        theirs += [f"decoder.layers.{i}" for i in range(config.num_decoder_layers)]
        layers = {
            own.format(i=i): f"{name}.{part}"
            for i, name in enumerate(theirs)
            for own, part in LAYER_TABLE.items()
        }
        return {**self.table, **layers}

    def encoder_class_of(self, config) -> str:
        """The name in `architectures` of the encoder with this config, without a head."""
        return self.encoder_class if config.has_decoder else "FunnelBaseModel"


@keras.saving.register_keras_serializable("simpletext")
class FunnelDistances(Part):
    """Sinusoids of the distances from each query to each key, for `by_distance`.

    Args:
        width: size of the result.
        level: how many times the keys were pooled.
        pooled: whether the queries were pooled one more time.
        separate_cls, truncate_seq: see `Pooling`.
    """

    def __init__(self, width, level, pooled, separate_cls, truncate_seq, **kwargs):
        super().__init__(**kwargs)
        self.width, self.level, self.pooled = width, level, pooled
        self.separate_cls, self.truncate_seq = separate_cls, truncate_seq

    def compute_output_spec(self, ids):
        return keras.KerasTensor((None, self.width), self.compute_dtype)

    def call(self, ids):  # (batch, length) -> (step * queries + keys, width)
        pooling = Pooling(self.separate_cls, self.truncate_seq)
        keys, stride = pooling.level(ops.shape(ids)[1], self.level)
        step, queries = 1, keys
        if self.pooled:
            step, queries = pooling.window(keys), pooling.pooled_length(keys)
        far = step * queries - ops.arange(step * queries + keys)
        if self.separate_cls:  # the second query is at the second key
            far = far - (step - 1)
        return ops.cast(sinusoids(far * stride, self.width), self.compute_dtype)


@keras.saving.register_keras_serializable("simpletext")
class SameSegment(Part):
    """1 where query and key have the same segment, or one is the first token; else 0."""

    def compute_output_spec(self, query_types, key_types):
        shape = (query_types.shape[0], 1, query_types.shape[1], key_types.shape[1])
        return keras.KerasTensor(shape, self.compute_dtype)

    def call(self, query_types, key_types):  # (batch, queries), (batch, keys)
        queries, keys = query_types[:, None, :, None], key_types[:, None, None, :]
        is_cls = ops.logical_or(ops.equal(queries, CLS_TYPE), ops.equal(keys, CLS_TYPE))
        return ops.cast(ops.logical_or(is_cls, ops.equal(queries, keys)), self.compute_dtype)


@keras.saving.register_keras_serializable("simpletext")
class FunnelAttention(SelfAttention):
    """Attention by content, distance and segment.

    Called with the queries' states, and a tuple of the keys' states, their bias, the sinusoids of
    distances, and `SameSegment`. Some weights have the original's shapes.

    Args:
        width: size of a head.
        separate_cls: whether the first token has neither distance nor segment.
    """

    def __init__(self, num_heads, width, separate_cls, **kwargs):
        super().__init__(num_heads, **kwargs)
        self.width, self.separate_cls = width, separate_cls

    def build(self, x_shape, bias_shape=None):
        hidden, heads, width = x_shape[-1], self.num_heads, self.width
        policy = {"dtype": self.dtype_policy}
        self.query = Dense(heads * width, use_bias=False, name="query", **policy)
        self.key = Dense(heads * width, name="key", **policy)
        self.value = Dense(heads * width, name="value", **policy)
        self.output_dense = Dense(hidden, name="output", **policy)
        for part in (self.query, self.key, self.value):
            part.build(x_shape)
        self.output_dense.build((*x_shape[:-1], heads * width))
        biases = ("content_bias", "position_bias", "segment_bias")
        shapes = dict.fromkeys(biases, (heads, width))
        shapes |= {"position_weights": (hidden, heads, width), "segments": (2, heads, width)}
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer="zeros"))

    def call(self, x, bias, training=None):  # (batch, queries, hidden), a quadruple
        keys, bias, distances, same = bias
        query = self._split(self.query(x))  # (batch, heads, queries, width)
        key, value = self._split(self.key(keys)), self._split(self.value(keys))
        scores = self._by_distance(query, distances, ops.shape(key)[2])
        scores = scores + self._by_segment(query, same)
        if self.separate_cls:
            scores = scores * self._no_cls(scores)
        bias = bias + scores * self.width**-0.5
        return self._attend(query + self.content_bias[:, None], key, value, bias, training)

    def _by_distance(self, query, distances, keys):  # (batch, heads, queries, keys)
        weights = ops.reshape(self.position_weights, (distances.shape[-1], -1))
        position_key = self._split(ops.matmul(distances, weights)[None])
        scores = ops.matmul(
            query + self.position_bias[:, None], ops.transpose(position_key, (0, 1, 3, 2))
        )
        step = (ops.shape(distances)[0] - keys) // ops.shape(query)[2]
        return by_distance(scores, keys, step)

    def _by_segment(self, query, same):
        segments = ops.transpose(self.segments, (1, 2, 0))[None]  # (1, heads, width, 2)
        scores = ops.matmul(query + self.segment_bias[:, None], segments)
        differ, agree = ops.split(scores, 2, axis=-1)  # (batch, heads, queries, 1) each
        return differ + same * (agree - differ)

    def _no_cls(self, scores):
        queries, keys = ops.shape(scores)[2:]
        rest = ops.logical_and(ops.arange(queries)[:, None] > 0, ops.arange(keys)[None, :] > 0)
        return ops.cast(rest, scores.dtype)


@keras.saving.register_keras_serializable("simpletext")
class FunnelBlock(TransformerBlock):
    """A transformer block with Funnel's attention, and dropout inside the feed-forward.

    Args:
        width, separate_cls: see `FunnelAttention`.
        activation_dropout: dropout rate after the activation.
    """

    def __init__(self, *args, width, separate_cls, activation_dropout=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.width, self.separate_cls = width, separate_cls
        self.activation_dropout = activation_dropout

    def make_attention(self, **kwargs):
        """Funnel's attention."""
        return FunnelAttention(
            self.num_heads, self.width, self.separate_cls, dropout=self.attention_dropout,
            seed=self.seed + 1, **kwargs,
        )  # fmt: skip

    def call(self, x, bias, training=None):  # (batch, queries, hidden), a quadruple
        attended = self.attention(x, bias, training=training)
        x = self.attention_norm(x + self._drop(attended, training))
        inner = dropout(
            self.intermediate(x), self.activation_dropout, self.seed_generator, training
        )
        return self.output_norm(x + self._drop(self.output_dense(inner), training))


@dataclass(frozen=True)
class FunnelHead:
    """The first state of the pooled text through dense, tanh, dropout, classifier."""

    output = "classifier"

    @property
    def table(self):
        return {"head": "classifier.linear_hidden", "classifier": "classifier.linear_out"}

    @staticmethod
    def encode(config, inputs: dict, dtype, seed: int):
        """The hidden states for this head: the encoder's, without a decoder."""
        return FunnelStack(config, inputs, dtype, seed).encode()[-1]

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        size, given = config.hidden_size, config.initializer_std
        x = FirstToken(name="first_token", dtype=dtype)(hidden)
        stddev = (2 * size) ** -0.5 if given is None else given
        x = Dense(size, "tanh", stddev, seed=seed, name="head", dtype=dtype)(x)
        x = Dropout(config.hidden_dropout, seed + 1, name="classifier_dropout", dtype=dtype)(x)
        return funnel_output(config, num_labels, seed)(x)


@dataclass(frozen=True)
class FunnelTokenHead:
    """Dropout and classifier on every token, after the decoder."""

    output = "classifier"
    table: ClassVar = {"classifier": "classifier"}

    @staticmethod
    def encode(config, inputs: dict, dtype, seed: int):
        """The hidden states that this head takes: those of all tokens."""
        if not config.has_decoder:
            raise UnsupportedModelError(
                f"This checkpoint is a {config.architectures[0]}, whose states are of pooled "
                "texts: without a decoder no token has one. Use a Funnel checkpoint with a "
                "decoder, such as funnel-transformer/small."
            )
        return encode(config, inputs, dtype, seed)

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        rate = config.hidden_dropout
        x = Dropout(rate, seed + 1, name="classifier_dropout", dtype=dtype)(hidden)
        return funnel_output(config, num_labels, seed)(x)


def funnel_output(config, num_labels, seed):
    """The last layer; always in float32."""
    given = config.initializer_std
    stddev = (config.hidden_size + num_labels) ** -0.5 if given is None else given
    return Dense(num_labels, "linear", stddev, seed=seed + 2, name="classifier", dtype="float32")


class FunnelStack:
    """Builds the layers of a Funnel encoder.

    Args:
        config: the checkpoint's.
        inputs: the model's symbolic inputs.
        dtype: of the layers.
        seed: of their dropout.
    """

    def __init__(self, config: FunnelConfig, inputs: dict, dtype, seed: int):
        self.config, self.seed, self.policy = config, seed, {"dtype": dtype}
        self.ids, self.mask = inputs["input_ids"], inputs["attention_mask"]
        self.types = inputs["token_type_ids"]
        self.pooling = {"separate_cls": config.separate_cls, "truncate_seq": config.truncate_seq}

    def encode(self) -> list:
        """The states after each layer; the last are the encoder's."""
        config = self.config
        x = Embeddings(
            config.vocab_size, config.hidden_size, 0, 0, config.layer_norm_eps,
            config.hidden_dropout, self.seed, name="embeddings", **self.policy,
        )(self.ids)  # fmt: skip
        types, mask, states, count = self.types, self.mask, [], 0
        repeats = config.block_repeats or [1] * len(config.block_sizes)
        for level, (size, times) in enumerate(zip(config.block_sizes, repeats, strict=True)):
            query, context, before = x, None, (x, types, mask)
            if level > 0:
                query, types, mask = FunnelPooling(
                    config.pooling_type, **self.pooling, name=f"pooling_{level}", **self.policy
                )(x, types, mask)
                context = self._pooling_context(level, (query, types, mask), before)
            own = self._context(f"context_{level}", level, types, types, mask)
            for _ in range(size):
                layer = self._layer(count)
                for _ in range(times):
                    x = layer(query, context or (query, *own))
                    query, context = x, None
                    states.append(x)
                count += 1
        return states

    def decode(self, states: list):
        """The states of all tokens, from those after each layer of the encoder."""
        config = self.config
        times = 2 ** (len(config.block_sizes) - 1)
        x = Upsampling(times, **self.pooling, name="upsampling", **self.policy)(
            states[-1], states[config.block_sizes[0] - 1]
        )
        context = self._context("context_decoder", 0, self.types, self.types, self.mask)
        first = sum(config.block_sizes)
        for i in range(config.num_decoder_layers):
            x = self._layer(first + i)(x, (x, *context))
        return x

    def _pooling_context(self, level, pooled, before):
        """The `_context` of a block's first layer, whose queries are pooled."""
        if not self.config.pool_q_only:
            return None
        x, types, mask = before
        return (
            x,
            *self._context(f"context_{level}_pooled", level - 1, pooled[1], types, mask, True),
        )

    def _context(self, name, level, query_types, key_types, key_mask, pooled=False):
        bias = AttentionBias(name=f"{name}_bias", **self.policy)(key_mask)
        distances = FunnelDistances(
            self.config.hidden_size, level, pooled, **self.pooling, name=f"{name}_distances",
            **self.policy,
        )(self.ids)  # fmt: skip
        distances = Dropout(
            self.config.hidden_dropout, self.seed + 10 * level, name=f"{name}_dropout",
            **self.policy,
        )(distances)  # fmt: skip
        same = SameSegment(name=f"{name}_segments", **self.policy)(query_types, key_types)
        return bias, distances, same

    def _layer(self, number):
        config = self.config
        return FunnelBlock(
            config.num_attention_heads,
            config.intermediate_size,
            config.hidden_act,
            config.layer_norm_eps,
            config.hidden_dropout,
            config.attention_dropout,
            self.seed + 100 * (number + 1),
            width=config.d_head,
            separate_cls=config.separate_cls,
            activation_dropout=config.activation_dropout,
            name=f"layer_{number}",
            **self.policy,
        )


def encode(config: FunnelConfig, inputs: dict, dtype, seed: int):
    """Hidden states of the ids in `inputs` (batch, length).

    (batch, length, hidden) with a decoder, else of the pooled text.
    """
    stack = FunnelStack(config, inputs, dtype, seed)
    states = stack.encode()
    return stack.decode(states) if config.has_decoder else states[-1]


LAYER_TABLE = {
    "layer_{i}/attention/query": "attention.q_head",
    "layer_{i}/attention/key": "attention.k_head",
    "layer_{i}/attention/value": "attention.v_head",
    "layer_{i}/attention/output": "attention.post_proj",
    "layer_{i}/attention/content_bias": "attention.r_w_bias",
    "layer_{i}/attention/position_bias": "attention.r_r_bias",
    "layer_{i}/attention/position_weights": "attention.r_kernel",
    "layer_{i}/attention/segment_bias": "attention.r_s_bias",
    "layer_{i}/attention/segments": "attention.seg_embed",
    "layer_{i}/attention_norm": "attention.layer_norm",
    "layer_{i}/intermediate": "ffn.linear_1",
    "layer_{i}/output": "ffn.linear_2",
    "layer_{i}/output_norm": "ffn.layer_norm",
}

FAMILY = FunnelFamily(
    model_type="funnel",
    config=FunnelConfig,
    inputs=("input_ids", "token_type_ids", "attention_mask"),
    encode=encode,
    table={
        "embeddings/word_embeddings": "embeddings.word_embeddings",
        "embeddings/norm": "embeddings.layer_norm",
    },
    base="funnel.",
    head=FunnelHead(),
    token_head=FunnelTokenHead(),
    encoder_class="FunnelModel",
    classifier_class="FunnelForSequenceClassification",
    names={
        "hidden_size": ("d_model", "hidden_size"),
        "num_attention_heads": ("n_head", "num_attention_heads"),
        "intermediate_size": "d_inner",
    },
    required={
        "pooling_type": ("mean", "max"),
        "attention_type": ("relative_shift", "factorized"),
    },
    leftovers=("decoder.*", "discriminator_predictions.*", "lm_head.*", "qa_outputs.*"),
    max_length=lambda config: None,
)
