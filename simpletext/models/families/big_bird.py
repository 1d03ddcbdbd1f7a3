"""BigBird (https://arxiv.org/abs/2007.14062).

BERT for long texts, which are split into blocks. The first and the last block attend to all blocks,
and all attend to them; the others attend to themselves and their two neighbours. The original takes
the first block for each of the paper's random blocks except in pretraining; this code always does.
"""

import math
from dataclasses import dataclass

import keras
from keras import ops

from ...layers.attention import AttentionBias, SelfAttention
from ...layers.base import Part
from ...layers.dense import Dense
from ...layers.dropout import dropout
from ...layers.embeddings import Embeddings
from ...layers.recomputation import join_heads, softmax
from ...layers.transformer_block import TransformerBlock
from ...layers.windows import NEVER, chunks, layout, with_neighbours
from ..heads import DenseHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class BigBirdConfig(bert.BertConfig):
    """The config.json settings of a BigBird encoder; defaults as in the original."""

    vocab_size: int = 50358
    hidden_act: str = "gelu_new"
    max_position_embeddings: int = 4096
    attention_type: str = "block_sparse"
    block_size: int = 64
    num_random_blocks: int = 3
    use_bias: bool = True
    rescale_embeddings: bool = False


@keras.saving.register_keras_serializable("simpletext")
class BigBirdEmbeddings(Embeddings):
    """BERT's embeddings, with dropout before the norm.

    Args:
        rescale: whether word embeddings are multiplied by the root of their size.
    """

    def __init__(self, *args, rescale=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.rescale = rescale

    def words(self, ids):
        """The word embeddings of the tokens: (batch, length, hidden)."""
        x = super().words(ids)
        return x * self.hidden_size**0.5 if self.rescale else x

    def call(self, ids, types=None, training=None):  # (batch, length) twice
        x = self.sum(ids, types)
        return self.norm(dropout(x, self.dropout, self.seed_generator, training))


@keras.saving.register_keras_serializable("simpletext")
class BlockBias(Part):
    """Converts an attention bias to that of `BlockAttention`: for each block of queries its keys.

    These are the first block, the last block, and the block with its neighbours, of which the first
    and the last block are masked.

    Args:
        block_size: tokens per block.
        num_random_blocks: how many more times the first block counts.
        limit: texts up to this length are one block.
    """

    def __init__(self, block_size, num_random_blocks, limit, **kwargs):
        super().__init__(**kwargs)
        self.block_size, self.num_random_blocks = block_size, num_random_blocks
        self.limit = limit

    def compute_output_spec(self, bias):
        return keras.KerasTensor((bias.shape[0], 1, None, 1, None), self.compute_dtype)

    def call(self, bias):  # (batch, 1, 1, length) -> (batch, 1, blocks, 1, keys)
        size, edge = layout(ops.shape(bias)[3], self.block_size, self.limit)
        by_key = chunks(ops.transpose(bias, (0, 1, 3, 2)), size, NEVER)
        batch, _, count, _, _ = ops.shape(by_key)
        by_key = ops.reshape(by_key, (batch, 1, count * size, 1))
        first, last = by_key[:, :, :edge], by_key[:, :, count * size - edge :]
        ends = ops.concatenate([first + math.log(1 + self.num_random_blocks), last], axis=2)
        positions = ops.arange(count * size)
        is_end = ops.logical_or(positions < edge, positions >= count * size - edge)
        inner = ops.minimum(by_key, ops.cast(is_end, bias.dtype)[:, None] * NEVER)
        inner = with_neighbours(chunks(inner, size), size, edge, NEVER)
        ends = ops.broadcast_to(ends[:, :, None], (batch, 1, count, 2 * edge, 1))
        return ops.transpose(ops.concatenate([ends, inner], axis=3), (0, 1, 2, 4, 3))


@keras.saving.register_keras_serializable("simpletext")
class BlockAttention(SelfAttention):
    """Block sparse attention. Called with the pair of the bias and its `BlockBias`.

    Args:
        block_size, limit: see `BlockBias`.
        use_bias: whether query, key and value have biases.
    """

    def __init__(self, num_heads, block_size, limit, use_bias=True, dropout=0.0, seed=0, **kwargs):
        super().__init__(num_heads, dropout, seed, **kwargs)
        self.block_size, self.limit, self.use_bias = block_size, limit, use_bias

    def make_dense(self, name, units):
        """One of the four projections."""
        use_bias = self.use_bias or name == "output"
        return Dense(units, use_bias=use_bias, name=name, dtype=self.dtype_policy)

    def _context(self, query, key, value, bias, training):  # -> (batch, length, hidden)
        bias, block_bias = bias
        size, edge = layout(ops.shape(query)[2], self.block_size, self.limit)
        inner, stop = self._by_blocks(query, key, value, block_bias, size, edge, training)
        ends = ops.concatenate([query[:, :, :edge], query[:, :, stop:]], axis=2)
        ends = super()._context(ends, key, value, bias, training)
        return ops.concatenate([ends[:, :edge], join_heads(inner), ends[:, edge:]], axis=1)

    def _by_blocks(self, query, key, value, block_bias, size, edge, training):
        queries = chunks(query * query.shape[-1] ** -0.5, size)  # (batch, heads, blocks, size, w)
        batch, heads, count, _, width = ops.shape(queries)
        rows, stop = (batch, heads, count * size), count * size - edge
        inner_keys, keys_of_ends = self._keys(key, size, edge)
        inner_values, values_of_ends = self._keys(value, size, edge)
        of_ends = ops.matmul(
            ops.reshape(queries, (*rows, width)), ops.transpose(keys_of_ends, (0, 1, 3, 2))
        )
        scores = ops.concatenate(
            [
                ops.reshape(of_ends, (batch, heads, count, size, 2 * edge)),
                ops.matmul(queries, ops.transpose(inner_keys, (0, 1, 2, 4, 3))),
            ],
            axis=-1,
        )
        weights = softmax(scores + block_bias)
        weights = dropout(weights, self.dropout, self.seed_generator, training)
        context = ops.matmul(weights[..., 2 * edge :], inner_values)
        of_ends = ops.reshape(weights[..., : 2 * edge], (*rows, 2 * edge))
        context = ops.reshape(context, (*rows, width)) + ops.matmul(of_ends, values_of_ends)
        return context[:, :, edge:stop], stop

    def _keys(self, x, size, edge):  # (batch, heads, length, width)
        blocks = chunks(x, size)
        batch, heads, count, _, width = ops.shape(blocks)
        flat = ops.reshape(blocks, (batch, heads, count * size, width))
        ends = ops.concatenate([flat[:, :, :edge], flat[:, :, count * size - edge :]], axis=2)
        return with_neighbours(blocks, size, edge), ends


@keras.saving.register_keras_serializable("simpletext")
class BigBirdBlock(TransformerBlock):
    """A transformer block with block sparse attention.

    Args:
        block_size, limit, use_bias: see `BlockAttention`.
    """

    def __init__(self, *args, block_size, limit, use_bias=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.block_size, self.limit, self.use_bias = block_size, limit, use_bias

    def make_attention(self, **kwargs):
        """Block sparse attention."""
        return BlockAttention(
            self.num_heads, self.block_size, self.limit, self.use_bias, self.attention_dropout,
            self.seed + 1, **kwargs,
        )  # fmt: skip


def encode(config: BigBirdConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    x = bert.embed(
        config, inputs, dtype, seed, BigBirdEmbeddings, rescale=config.rescale_embeddings
    )
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    limit = (5 + 2 * config.num_random_blocks) * config.block_size
    if config.attention_type == "original_full":
        limit = config.max_position_embeddings
    block_bias = BlockBias(
        config.block_size, config.num_random_blocks, limit, name="block_bias", dtype=dtype
    )(bias)
    options = {"block_size": config.block_size, "limit": limit, "use_bias": config.use_bias}
    return bert.stack(config, x, (bias, block_bias), dtype, seed, BigBirdBlock, **options)


FAMILY = Family(
    model_type="big_bird",
    config=BigBirdConfig,
    inputs=bert.FAMILY.inputs,
    encode=encode,
    table=bert.TABLE,
    base="bert.",
    head=DenseHead(activation=None),
    token_pooler=True,
    encoder_class="BigBirdModel",
    classifier_class="BigBirdForSequenceClassification",
    required={"attention_type": ("block_sparse", "original_full")},
    leftovers=("embeddings.position_ids", "embeddings.token_type_ids", "cls.*", "qa_classifier.*"),
    kept=("pooler.*",),
)
