"""MobileBERT (https://arxiv.org/abs/2004.02984): deep and thin, each layer between bottlenecks.

A token's embedding includes its two neighbours, padding too: a text's outputs depend slightly on
whether its batch has longer texts.
"""

from dataclasses import dataclass, replace

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias, SelfAttention
from ...layers.base import Part
from ...layers.dense import Dense
from ...layers.dropout import dropout
from ...layers.embeddings import Embeddings
from ...layers.normalisation import LayerNorm
from ..heads import Dropout, FirstToken, PoolerHead, dropout_rate, output_layer
from . import bert
from .family import Family

PLAIN_EPSILON = 1e-5  # of two norms whose epsilon isn't in config.json


@dataclass(frozen=True)
class MobileBertConfig(bert.BertConfig):
    """The config.json settings of a MobileBERT encoder; defaults as in the original."""

    hidden_size: int = 512
    num_hidden_layers: int = 24
    num_attention_heads: int = 4
    intermediate_size: int = 512
    hidden_act: str = "relu"
    hidden_dropout_prob: int | float = 0.0
    embedding_size: int = 128
    trigram_input: bool = True
    use_bottleneck: bool = True
    intra_bottleneck_size: int = 128
    use_bottleneck_attention: bool = False
    key_query_shared_bottleneck: bool = True
    num_feedforward_networks: int = 4
    normalization_type: str = "no_norm"
    classifier_activation: bool = True


@keras.saving.register_keras_serializable("simpletext")
class NoNorm(LayerNorm):
    """The scale and the shift of a norm, without normalisation; epsilon is unused."""

    def call(self, x):
        return x * ops.cast(self.gamma, x.dtype) + ops.cast(self.beta, x.dtype)


NORMS = {"no_norm": NoNorm, "layer_norm": LayerNorm}


@keras.saving.register_keras_serializable("simpletext")
class MobileBertEmbeddings(Embeddings):
    """BERT's embeddings with small word vectors, concatenated with the neighbours' and projected.

    Args:
        word_size: size of the word vectors.
        trigrams: whether a token's neighbours are concatenated.
        norm_type: "no_norm" or "layer_norm".
    """

    def __init__(self, *args, word_size, trigrams, norm_type, **kwargs):
        super().__init__(*args, **kwargs)
        self.word_size, self.trigrams, self.norm_type = word_size, trigrams, norm_type

    def tables(self):
        return super().tables() | {"word_embeddings": (self.vocab_size, self.word_size)}

    def make_norm(self):
        return NORMS[self.norm_type](self.epsilon, name="norm", dtype=self.dtype_policy)

    def build(self, ids_shape, types_shape=None):
        super().build(ids_shape, types_shape)
        self.transform = Dense(self.hidden_size, name="transform", dtype=self.dtype_policy)
        if self.trigrams or self.word_size != self.hidden_size:
            self.transform.build((None, None, self.word_size * (3 if self.trigrams else 1)))

    def words(self, ids):
        x = self.word_embeddings(ids)  # (batch, length, word_size)
        if self.trigrams:
            padded = ops.pad(x, [[0, 0], [1, 1], [0, 0]])
            x = ops.concatenate([padded[:, 2:], x, padded[:, :-2]], axis=-1)
        return self.transform(x) if self.transform.built else x


@keras.saving.register_keras_serializable("simpletext")
class DenseNorm(Part):
    """A dense layer, dropout, a residual and a norm."""

    def __init__(self, units, norm_type, epsilon, dropout=0.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.norm_type, self.epsilon = units, norm_type, epsilon
        self.dropout, self.seed = dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, x_shape, *shapes):
        policy = {"dtype": self.dtype_policy}
        self.dense = Dense(self.units, name="dense", **policy)
        self.norm = NORMS[self.norm_type](self.epsilon, name="norm", **policy)
        self.dense.build(x_shape)
        self.norm.build((*x_shape[:-1], self.units))

    def call(self, x, residual=None, training=None):  # (batch, length, any) -> (..., units)
        x = dropout(self.dense(x), self.dropout, self.seed_generator, training)
        return self.norm(x if residual is None else x + residual)


@keras.saving.register_keras_serializable("simpletext")
class MobileBertAttention(SelfAttention):
    """Self-attention with separate inputs for the values, and no output projection."""

    def __init__(self, units, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.units = units

    def build(self, x_shape, values_shape, bias_shape=None):
        shapes = {"query": x_shape, "key": x_shape, "value": values_shape}
        for name, shape in shapes.items():
            setattr(self, name, self.make_dense(name, self.units))
            getattr(self, name).build(shape)

    def call(self, x, values, bias, training=None):  # -> (batch, length, units)
        query, key, value = self.query(x), self.key(x), self.value(values)
        heads = (self._split(part) for part in (query, key, value))
        return self._context(*heads, bias, training)


@keras.saving.register_keras_serializable("simpletext")
class MobileBertBlock(Part):
    """A bottleneck, attention, several feed-forwards, and a projection back to the hidden size.

    Args:
        bottleneck: width inside; None for no bottleneck.
        narrow_attention: whether attention takes only the bottleneck's output.
        shared: whether queries and keys share a bottleneck of their own.
        feed_forwards: number of feed-forwards.
        norm_type: "no_norm" or "layer_norm".
    """

    def __init__(
        self,
        num_heads,
        intermediate_size,
        hidden_act,
        epsilon,
        dropout=0.0,
        attention_dropout=0.0,
        seed=0,
        *,
        bottleneck,
        narrow_attention,
        shared,
        feed_forwards,
        norm_type,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.intermediate_size = num_heads, intermediate_size
        self.hidden_act, self.epsilon, self.norm_type = hidden_act, epsilon, norm_type
        self.dropout, self.attention_dropout, self.seed = dropout, attention_dropout, seed
        self.bottleneck, self.narrow_attention = bottleneck, narrow_attention
        self.shared, self.feed_forwards = shared, feed_forwards

    def build(self, x_shape, bias_shape=None):
        hidden = x_shape[-1]
        width = self.bottleneck or hidden
        narrow, inner = (*x_shape[:-1], width), (*x_shape[:-1], self.intermediate_size)
        # Without a bottleneck there is dropout instead.
        rate = 0.0 if self.bottleneck else self.dropout
        if self.bottleneck:
            self.input_bottleneck = self._dense_norm("input_bottleneck", x_shape, width)
            if self.shared and not self.narrow_attention:
                self.attention_bottleneck = self._dense_norm("attention_bottleneck", x_shape, width)
            self.output_bottleneck = self._dense_norm(
                "output_bottleneck", narrow, hidden, self.dropout
            )
        self.attention = MobileBertAttention(
            width,
            self.num_heads,
            self.attention_dropout,
            self.seed + 1,
            name="attention",
            dtype=self.dtype_policy,
        )
        self.attention.build(*self._attention_shapes(x_shape, narrow))
        self.attention_output = self._dense_norm("attention_output", narrow, width, rate)
        self.inner = []
        for j in range(self.feed_forwards - 1):
            first = self._intermediate(f"ffn_{j}_intermediate", narrow)
            self.inner.append((first, self._dense_norm(f"ffn_{j}_output", inner, width)))
        self.intermediate = self._intermediate("intermediate", narrow)
        self.output_dense = self._dense_norm("output", inner, width, rate, PLAIN_EPSILON)

    def _dense_norm(self, name, shape, units, dropout=0.0, epsilon=None):
        seed = self.seed + 2 + list(PAIRS).index(name) if dropout else 0
        epsilon = self.epsilon if epsilon is None else epsilon
        layer = DenseNorm(
            units, self.norm_type, epsilon, dropout, seed, name=name, dtype=self.dtype_policy
        )
        layer.build(shape)
        return layer

    def _intermediate(self, name, shape):
        layer = Dense(self.intermediate_size, self.hidden_act, name=name, dtype=self.dtype_policy)
        layer.build(shape)
        return layer

    def _attention_shapes(self, wide, narrow):
        """The shapes of the inputs for queries and keys, and for values."""
        if not self.bottleneck or self.narrow_attention:
            return narrow, narrow
        return (narrow if self.shared else wide), wide

    def compute_output_spec(self, x, bias, training=None):
        return keras.KerasTensor(x.shape, self.compute_dtype)

    def call(self, x, bias, training=None):  # (batch, length, hidden), (batch, 1, 1, length)
        residual = self.input_bottleneck(x) if self.bottleneck else x
        queries = values = residual if self.narrow_attention else x
        if self.bottleneck and self.shared and not self.narrow_attention:
            queries = self.attention_bottleneck(x)
        attended = self.attention(queries, values, bias, training=training)
        y = self.attention_output(attended, residual, training=training)
        for intermediate, output in self.inner:
            y = output(intermediate(y), y)
        y = self.output_dense(self.intermediate(y), y, training=training)
        return self.output_bottleneck(y, x, training=training) if self.bottleneck else y


@dataclass(frozen=True)
class MobileBertHead(PoolerHead):
    """BERT's; the config may omit the pooler."""

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        if config.classifier_activation:
            return super().__call__(config, hidden, mask, num_labels, dtype, seed)
        x = FirstToken(name="first_token", dtype=dtype)(hidden)
        x = Dropout(dropout_rate(config), seed + 1, name="classifier_dropout", dtype=dtype)(x)
        return output_layer(config, num_labels, seed + 2)(x)


def encode(config: MobileBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    _check(config)
    x = bert.embed(
        replace(config, layer_norm_eps=PLAIN_EPSILON),
        inputs,
        dtype,
        seed,
        layer=MobileBertEmbeddings,
        word_size=config.embedding_size,
        trigrams=config.trigram_input,
        norm_type=config.normalization_type,
    )
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    return bert.stack(
        config,
        x,
        bias,
        dtype,
        seed,
        MobileBertBlock,
        bottleneck=config.intra_bottleneck_size if config.use_bottleneck else None,
        narrow_attention=config.use_bottleneck_attention,
        shared=config.key_query_shared_bottleneck,
        feed_forwards=config.num_feedforward_networks,
        norm_type=config.normalization_type,
    )


def _check(config: MobileBertConfig) -> None:
    if config.normalization_type not in NORMS:
        raise UnsupportedModelError(
            f"config.json has normalization_type={config.normalization_type!r}; simpletext "
            f"supports {' and '.join(map(repr, NORMS))}."
        )
    if config.use_bottleneck and config.intra_bottleneck_size % config.num_attention_heads:
        raise UnsupportedModelError(
            f"config.json has intra_bottleneck_size={config.intra_bottleneck_size} and "
            f"num_attention_heads={config.num_attention_heads}; the first must be a multiple of "
            "the second."
        )


LAYER = "encoder.layer.{i}."
# A dense layer with a norm: our name -> the original's.
PAIRS = {
    "input_bottleneck": "bottleneck.input",
    "attention_bottleneck": "bottleneck.attention",
    "attention_output": "attention.output",
    "ffn_{j}_output": "ffn.{j}.output",
    "output": "output",
    "output_bottleneck": "output.bottleneck",
}
TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/token_type_embeddings": "embeddings.token_type_embeddings",
    "embeddings/transform": "embeddings.embedding_transformation",
    "embeddings/norm": "embeddings.LayerNorm",
    "layer_{i}/attention/query": LAYER + "attention.self.query",
    "layer_{i}/attention/key": LAYER + "attention.self.key",
    "layer_{i}/attention/value": LAYER + "attention.self.value",
    "layer_{i}/ffn_{j}_intermediate": LAYER + "ffn.{j}.intermediate.dense",
    "layer_{i}/intermediate": LAYER + "intermediate.dense",
}
for own, theirs in PAIRS.items():
    TABLE[f"layer_{{i}}/{own}/dense"] = f"{LAYER}{theirs}.dense"
    TABLE[f"layer_{{i}}/{own}/norm"] = f"{LAYER}{theirs}.LayerNorm"

FAMILY = Family(
    model_type="mobilebert",
    config=MobileBertConfig,
    inputs=bert.FAMILY.inputs,
    encode=encode,
    table=TABLE,
    base="mobilebert.",
    head=MobileBertHead(),
    encoder_class="MobileBertModel",
    classifier_class="MobileBertForSequenceClassification",
    required=bert.FAMILY.required,
    leftovers=bert.FAMILY.leftovers,
    # The original has some layers in its file that certain configs leave unused.
    kept=(
        "pooler.*",
        "encoder.layer.*.bottleneck.attention.*",
        "embeddings.embedding_transformation.*",
    ),
)
