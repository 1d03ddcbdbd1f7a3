"""Embeddings of words, positions and token types, and their sum."""

import keras
from keras import ops

from .base import Part
from .dense import Dense
from .dropout import dropout
from .normalisation import LayerNorm


@keras.saving.register_keras_serializable("simpletext")
class Embedding(Part):
    """Rows of a table, by id: (batch, length) -> (batch, length, units)."""

    def __init__(self, rows, units, **kwargs):
        super().__init__(**kwargs)
        self.rows, self.units = rows, units

    def build(self, shape=None):
        # No autocast: in reduced precision only the selected rows are cast, not the whole table.
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.rows, self.units), initializer="zeros", autocast=False
        )

    def compute_output_shape(self, shape):
        return (*shape, self.units)

    def call(self, ids):
        return ops.cast(ops.take(self.embeddings, ids, axis=0), self.compute_dtype)


@keras.saving.register_keras_serializable("simpletext")
class WordEmbeddings(Part):
    """Word embeddings alone, with dropout: for models that have positions elsewhere."""

    def __init__(self, vocab_size, hidden_size, dropout=0.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.dropout, self.seed = dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, ids_shape=None):
        self.word_embeddings = Embedding(
            self.vocab_size, self.hidden_size, name="word_embeddings", dtype=self.dtype_policy
        )
        self.word_embeddings.build()

    def compute_output_spec(self, ids, training=None):
        return keras.KerasTensor((*ids.shape, self.hidden_size), self.compute_dtype)

    def call(self, ids, training=None):  # (batch, length) -> (batch, length, hidden)
        return dropout(self.word_embeddings(ids), self.dropout, self.seed_generator, training)


@keras.saving.register_keras_serializable("simpletext")
class Embeddings(Part):
    """The sum of word, position and token-type embeddings, then norm, dropout and projection.

    Args:
        max_positions: rows of the position table; 0 for a model without one.
        type_vocab_size: rows of the token-type table; 0 for a model without one.
        pad_token_id: number positions as RoBERTa does: padding has the position `pad_token_id`,
            the other tokens have the positions after it. None: 0, 1, 2 and so on.
        projected_size: units of a last dense layer; None for a model without one.
    """

    def __init__(
        self,
        vocab_size,
        hidden_size,
        max_positions,
        type_vocab_size,
        epsilon,
        dropout=0.0,
        seed=0,
        pad_token_id=None,
        projected_size=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.max_positions, self.type_vocab_size = max_positions, type_vocab_size
        self.epsilon, self.dropout, self.seed = epsilon, dropout, seed
        self.pad_token_id, self.projected_size = pad_token_id, projected_size
        self.seed_generator = keras.random.SeedGenerator(seed)

    def tables(self) -> dict[str, tuple[int, int]]:
        """The (rows, units) of each embedding table by name."""
        rows = {
            "word_embeddings": self.vocab_size,
            "position_embeddings": self.max_positions,
            "token_type_embeddings": self.type_vocab_size,
        }
        return {name: (count, self.hidden_size) for name, count in rows.items() if count}

    def build(self, ids_shape, types_shape=None):
        policy = {"dtype": self.dtype_policy}
        for name, size in self.tables().items():
            table = Embedding(*size, name=name, **policy)
            setattr(self, name, table)
            table.build()
        self.norm = self.make_norm()
        self.norm.build((None, None, self.hidden_size))
        if self.projected_size:
            self.project = Dense(self.projected_size, name="project", **policy)
            self.project.build((None, None, self.hidden_size))

    def compute_output_spec(self, ids, types=None, training=None):
        width = self.projected_size or self.hidden_size
        return keras.KerasTensor((*ids.shape, width), self.compute_dtype)

    def call(self, ids, types=None, training=None):  # (batch, length) twice
        x = dropout(self.norm(self.sum(ids, types)), self.dropout, self.seed_generator, training)
        return self.project(x) if self.projected_size else x

    def make_norm(self):
        """The norm; families with another one override this."""
        return LayerNorm(self.epsilon, name="norm", dtype=self.dtype_policy)

    def words(self, ids):
        """The word embeddings of the tokens: (batch, length, hidden)."""
        return self.word_embeddings(ids)

    def sum(self, ids, types):
        """The embeddings added up: (batch, length, hidden)."""
        x = self.words(ids)
        if self.type_vocab_size:
            types = ops.zeros((1, 1), "int32") if types is None else types
            x = x + self.token_type_embeddings(types)
        if self.max_positions:
            x = x + self.position_embeddings(self._positions(ids))
        return x

    def _positions(self, ids):  # (batch, length) -> (batch or 1, length)
        if self.pad_token_id is None:
            return ops.expand_dims(ops.arange(ops.shape(ids)[1]), 0)
        tokens = ops.cast(ops.not_equal(ids, self.pad_token_id), "float32")
        return ops.cast(ops.cumsum(tokens, axis=1) * tokens, "int32") + self.pad_token_id
