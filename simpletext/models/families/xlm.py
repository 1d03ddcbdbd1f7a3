"""XLM (https://arxiv.org/abs/1901.07291) and FlauBERT (https://arxiv.org/abs/1912.05372)."""

from dataclasses import dataclass, replace
from operator import attrgetter

import keras
from keras import ops

from ...layers.attention import AttentionBias, CausalBias
from ...layers.base import Part
from ...layers.dropout import dropout
from ...layers.embeddings import Embedding
from ...layers.normalisation import LayerNorm
from ...layers.transformer_block import TransformerBlock
from ..heads import LabelSummaryHead, TokenHead
from .family import Family


@dataclass(frozen=True)
class XlmConfig:
    """The config.json settings of an XLM encoder; defaults as in the original."""

    vocab_size: int = 30145
    hidden_size: int = 2048
    num_hidden_layers: int = 12
    num_attention_heads: int = 16
    dropout: int | float = 0.1
    attention_dropout: int | float = 0.1
    gelu_activation: bool = True
    causal: bool = False
    n_langs: int = 1
    use_lang_emb: bool = True
    max_position_embeddings: int = 512
    layer_norm_eps: int | float = 1e-12
    initializer_range: int | float = 0.02
    summary_type: str = "first"
    summary_use_proj: bool = True
    summary_proj_to_labels: bool = True
    summary_activation: str | None = None
    summary_first_dropout: int | float = 0.1
    summary_last_dropout: int | float = 0.0

    @property
    def languages(self) -> int:
        """How many languages have an embedding; 0 for a model without language input."""
        return self.n_langs if self.n_langs > 1 and self.use_lang_emb else 0


@dataclass(frozen=True)
class FlaubertConfig(XlmConfig):
    """The config.json settings of a FlauBERT encoder; defaults as in the original."""

    pre_norm: bool = False
    layerdrop: int | float = 0.0


class XlmFamily(Family):
    """A family whose models may take the language of each token."""

    def inputs_of(self, config) -> tuple[str, ...]:
        """Also `langs`, if languages have embeddings; -1 means unknown."""
        return (*self.inputs, "langs") if config.languages else self.inputs


@keras.saving.register_keras_serializable("simpletext")
class XlmEmbeddings(Part):
    """The sum of word, position and language embeddings, and a norm; zero at padding."""

    def __init__(
        self, vocab_size, hidden_size, max_positions, languages, epsilon, dropout=0.0, seed=0,
        **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.max_positions, self.languages = max_positions, languages
        self.epsilon, self.dropout, self.seed = epsilon, dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, ids_shape, mask_shape=None, langs_shape=None):
        policy = {"dtype": self.dtype_policy}
        rows = {
            "word_embeddings": self.vocab_size,
            "position_embeddings": self.max_positions,
            "language_embeddings": self.languages,
        }
        for name, count in rows.items():
            if count:
                table = Embedding(count, self.hidden_size, name=name, **policy)
                setattr(self, name, table)
                table.build()
        self.norm = LayerNorm(self.epsilon, name="norm", **policy)
        self.norm.build((None, None, self.hidden_size))

    def compute_output_spec(self, ids, mask, langs=None, training=None):
        return keras.KerasTensor((*ids.shape, self.hidden_size), self.compute_dtype)

    def call(self, ids, mask, langs=None, training=None):  # (batch, length) each
        x = self.word_embeddings(ids) + self.position_embeddings(ops.arange(ops.shape(ids)[1]))
        if langs is not None:
            valid = ops.cast(langs >= 0, self.compute_dtype)[:, :, None]
            x = x + self.language_embeddings(ops.maximum(langs, 0)) * valid
        x = dropout(self.norm(x), self.dropout, self.seed_generator, training)
        return x * ops.cast(mask, self.compute_dtype)[:, :, None]


@keras.saving.register_keras_serializable("simpletext")
class XlmBlock(TransformerBlock):
    """A transformer block whose output is zero at padding. Called with the pair of bias and mask.

    Args:
        pre_norm: put the norms before attention and feed-forward, not after.
        layerdrop: the probability that training skips the whole block.
    """

    def __init__(self, *args, pre_norm=False, layerdrop=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.pre_norm, self.layerdrop = pre_norm, layerdrop

    def call(self, x, bias, training=None):  # (batch, length, hidden), a pair
        bias, mask = bias  # (batch, 1, 1, length), (batch, length)
        passed = x
        if self.pre_norm:
            attended = self.attention(self.attention_norm(x), bias, training=training)
            x = x + self._drop(attended, training)
            x = x + self._drop(self._feed_forward(self.output_norm(x), training), training)
        else:
            x = super().call(x, bias, training=training)
        x = x * ops.cast(mask, x.dtype)[:, :, None]
        if training and self.layerdrop:
            skip = keras.random.uniform((), seed=self.seed_generator) < self.layerdrop
            x = ops.where(skip, passed, x)
        return x


def encode(config: XlmConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    mask = inputs["attention_mask"]
    x = XlmEmbeddings(
        config.vocab_size,
        config.hidden_size,
        config.max_position_embeddings,
        config.languages,
        config.layer_norm_eps,
        config.dropout,
        seed,
        name="embeddings",
        dtype=dtype,
    )(inputs["input_ids"], mask, inputs.get("langs"))
    kind = CausalBias if config.causal else AttentionBias
    bias = kind(name="attention_bias", dtype=dtype)(mask)
    for i in range(config.num_hidden_layers):
        x = XlmBlock(
            config.num_attention_heads,
            4 * config.hidden_size,
            "gelu" if config.gelu_activation else "relu",
            config.layer_norm_eps,
            config.dropout,
            config.attention_dropout,
            seed + 100 * (i + 1),
            pre_norm=getattr(config, "pre_norm", False),
            layerdrop=getattr(config, "layerdrop", 0.0),
            name=f"layer_{i}",
            dtype=dtype,
        )(x, (bias, mask))
    return x


TABLE = {
    "embeddings/word_embeddings": "embeddings",
    "embeddings/position_embeddings": "position_embeddings",
    "embeddings/language_embeddings": "lang_embeddings",
    "embeddings/norm": "layer_norm_emb",
    "layer_{i}/attention/query": "attentions.{i}.q_lin",
    "layer_{i}/attention/key": "attentions.{i}.k_lin",
    "layer_{i}/attention/value": "attentions.{i}.v_lin",
    "layer_{i}/attention/output": "attentions.{i}.out_lin",
    "layer_{i}/attention_norm": "layer_norm1.{i}",
    "layer_{i}/intermediate": "ffns.{i}.lin1",
    "layer_{i}/output": "ffns.{i}.lin2",
    "layer_{i}/output_norm": "layer_norm2.{i}",
}

XLM = XlmFamily(
    model_type="xlm",
    config=XlmConfig,
    inputs=("input_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="transformer.",
    head=LabelSummaryHead(),
    token_head=TokenHead(attrgetter("dropout")),
    encoder_class="XLMModel",
    classifier_class="XLMForSequenceClassification",
    names={
        "vocab_size": ("vocab_size", "n_words"),
        "hidden_size": ("emb_dim", "hidden_size"),
        "num_hidden_layers": ("n_layers", "num_hidden_layers"),
        "num_attention_heads": ("n_heads", "num_attention_heads"),
        "initializer_range": "init_std",
    },
    required={"is_encoder": (True,)},
    leftovers=("position_ids", "lang_embeddings.*", "pred_layer.*", "qa_outputs.*"),
)
FLAUBERT = replace(
    XLM,
    model_type="flaubert",
    config=FlaubertConfig,
    encoder_class="FlaubertModel",
    classifier_class="FlaubertForSequenceClassification",
)
