"""FNet (https://arxiv.org/abs/2105.03824): BERT with a Fourier transform instead of attention.

The transform runs over all positions, padding included, because the original has no mask: a text's
outputs depend on how far it is padded.
"""

from dataclasses import dataclass
from operator import attrgetter

import keras
import numpy as np
from keras import ops

from ...layers.base import Part
from ...layers.dropout import dropout
from ...layers.embeddings import Embeddings
from ...layers.transformer_block import TransformerBlock
from ..heads import TokenHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class FNetConfig(bert.BertConfig):
    """The config.json settings of an FNet encoder; defaults as in the original."""

    vocab_size: int = 32000
    hidden_act: str = "gelu_new"
    type_vocab_size: int = 4


@keras.saving.register_keras_serializable("simpletext")
class FNetEmbeddings(Embeddings):
    """BERT's embeddings with a dense layer after the norm."""

    def call(self, ids, types=None, training=None):  # (batch, length) twice
        x = self.project(self.norm(self.sum(ids, types)))
        return dropout(x, self.dropout, self.seed_generator, training)


@keras.saving.register_keras_serializable("simpletext")
class FourierMatrices(Part):
    """The matrices of `FourierTransform`: waves over the hidden size and over the length.

    Args:
        width: the hidden size.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def compute_output_spec(self, ids):
        length, half = ids.shape[1], self.width // 2 + 1
        shapes = (self.width, 2 * half), (length, length), (length, length)
        return tuple(keras.KerasTensor(shape, self.compute_dtype) for shape in shapes)

    def call(self, ids):  # (batch, length) -> (width, 2 * half), (length, length) twice
        half = np.outer(np.arange(self.width), np.arange(self.width // 2 + 1)) % self.width
        half = half * (2.0 * np.pi / self.width)
        over_width = np.concatenate([np.cos(half), np.sin(half)], axis=1)
        length = ops.shape(ids)[1]
        positions = ops.arange(length)
        turns = ops.cast(positions[:, None] * positions[None, :] % length, "float32")
        angles = turns * (2.0 * np.pi / ops.cast(length, "float32"))
        matrices = (ops.convert_to_tensor(over_width, "float32"), ops.cos(angles), ops.sin(angles))
        return tuple(ops.cast(matrix, self.compute_dtype) for matrix in matrices)


@keras.saving.register_keras_serializable("simpletext")
class FourierTransform(Part):
    """The real part of the Fourier transform over positions and channels, by `FourierMatrices`.

    Matrix products are fast on every backend, and half of the channels are enough, since the
    transform of real numbers is symmetric.
    """

    def compute_output_spec(self, x, matrices, training=None):
        return keras.KerasTensor(x.shape, self.compute_dtype)

    def call(self, x, matrices, training=None):  # (batch, length, width), from FourierMatrices
        over_width, cos, sin = matrices
        batch, length, width = ops.shape(x)[0], ops.shape(x)[1], x.shape[2]
        waves = ops.matmul(ops.reshape(x, (-1, width)), over_width)
        waves = ops.reshape(waves, (batch, length, over_width.shape[1]))
        cosines, sines = ops.split(waves, 2, axis=-1)  # (batch, length, width // 2 + 1) each
        cosines, sines = ops.matmul(cos[None], cosines), ops.matmul(sin[None], sines)
        mirrored = (cosines + sines)[:, :, 1 : (width + 1) // 2]
        return ops.concatenate([cosines - sines, ops.flip(mirrored, axis=2)], axis=2)


@keras.saving.register_keras_serializable("simpletext")
class FNetBlock(TransformerBlock):
    """A transformer block with the transform instead of attention, and no dropout after it."""

    def make_attention(self, **kwargs):
        """The Fourier transform."""
        return FourierTransform(**kwargs)

    def call(self, x, bias, training=None):  # (batch, length, hidden), from FourierMatrices
        x = self.attention_norm(x + self.attention(x, bias))
        return self.output_norm(x + self._drop(self._feed_forward(x, training), training))


def encode(config: FNetConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    size = config.hidden_size
    x = bert.embed(config, inputs, dtype, seed, FNetEmbeddings, projected_size=size)
    matrices = FourierMatrices(size, name="fourier", dtype=dtype)(inputs["input_ids"])
    for i in range(config.num_hidden_layers):
        x = FNetBlock(
            1,
            config.intermediate_size,
            config.hidden_act,
            config.layer_norm_eps,
            config.hidden_dropout_prob,
            seed=seed + 100 * (i + 1),
            name=f"layer_{i}",
            dtype=dtype,
        )(x, matrices)
    return x


TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/token_type_embeddings": "embeddings.token_type_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
    "embeddings/project": "embeddings.projection",
    "layer_{i}/attention_norm": "encoder.layer.{i}.fourier.output.LayerNorm",
    "layer_{i}/intermediate": "encoder.layer.{i}.intermediate.dense",
    "layer_{i}/output": "encoder.layer.{i}.output.dense",
    "layer_{i}/output_norm": "encoder.layer.{i}.output.LayerNorm",
}

FAMILY = Family(
    model_type="fnet",
    config=FNetConfig,
    inputs=("input_ids", "token_type_ids"),
    encode=encode,
    table=TABLE,
    base="fnet.",
    head=bert.FAMILY.head,
    token_head=TokenHead(attrgetter("hidden_dropout_prob")),
    token_pooler=True,
    encoder_class="FNetModel",
    classifier_class="FNetForSequenceClassification",
    required={"use_tpu_fourier_optimizations": (False,)},
    leftovers=("embeddings.position_ids", "embeddings.token_type_ids", "cls.*", "qa_outputs.*"),
    kept=("pooler.*",),
)
