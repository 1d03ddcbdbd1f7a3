"""What an encoder and a decoder start from: embeddings of words and positions."""

import keras
import numpy as np
from keras import ops

from .base import Part
from .dropout import dropout
from .embeddings import Embedding
from .normalisation import LayerNorm

EPSILON = 1e-5
OFFSET = 2  # the first position's row of BART's position tables


def sinusoid_table(rows: int, width: int) -> np.ndarray:
    """Sines, then cosines, of the positions (https://arxiv.org/abs/1706.03762), (rows, width)."""
    angles = np.arange(rows)[:, None] / 10000.0 ** (np.arange(0, width, 2) / width)
    return np.concatenate(
        [np.sin(angles), np.cos(angles)[:, : width // 2]], axis=1, dtype="float32"
    )


@keras.saving.register_keras_serializable("simpletext")
class Seq2SeqEmbeddings(Part):
    """What the encoder and the decoder start from, and the decoder's table of words.

    Args:
        vocab_size: rows of the table of words; of the encoder's, if the decoder has its own.
        hidden_size: size of an embedding.
        max_positions: rows of the position tables.
        scale: a factor for the word embeddings.
        learned_positions: learned tables and a norm, as BART has; else sinusoids without a norm.
        decoder_vocab_size: rows of the decoder's own table; None for a shared one.
    """

    def __init__(
        self,
        vocab_size,
        hidden_size,
        max_positions,
        scale,
        learned_positions=True,
        decoder_vocab_size=None,
        dropout=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.max_positions, self.scale = max_positions, scale
        self.learned_positions, self.decoder_vocab_size = learned_positions, decoder_vocab_size
        self.dropout, self.seed = dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, *shapes):
        self.word_embeddings = self._table(self.vocab_size, "word_embeddings")
        self.decoder_word_embeddings = self.word_embeddings
        if self.decoder_vocab_size is not None:
            own = self._table(self.decoder_vocab_size, "decoder_word_embeddings")
            self.decoder_word_embeddings = own
        if self.learned_positions:
            for side in ("encoder", "decoder"):
                rows = self.max_positions + OFFSET
                norm = LayerNorm(EPSILON, name=f"{side}_norm", dtype=self.dtype_policy)
                norm.build((None, None, self.hidden_size))
                setattr(self, f"{side}_positions", self._table(rows, f"{side}_positions"))
                setattr(self, f"{side}_norm", norm)

    def _table(self, rows, name):
        table = Embedding(rows, self.hidden_size, name=name, dtype=self.dtype_policy)
        table.build()
        return table

    def compute_output_spec(self, ids, decoder_ids, training=None):
        states = [
            keras.KerasTensor((*part.shape, self.hidden_size), self.compute_dtype)
            for part in (ids, decoder_ids)
        ]
        rows = self.decoder_vocab_size or self.vocab_size
        return (*states, keras.KerasTensor((rows, self.hidden_size), self.variable_dtype))

    def call(self, ids, decoder_ids, training=None):
        """States of both sides, (batch, length, hidden), and the table, (rows, hidden)."""
        x, y = self.encoder(ids), self.decoder(decoder_ids)
        states = [dropout(z, self.dropout, self.seed_generator, training) for z in (x, y)]
        return (*states, self.table())

    def table(self):
        """The embeddings of the decoder's words, (rows, hidden)."""
        return ops.convert_to_tensor(self.decoder_word_embeddings.embeddings)

    def encoder(self, ids):  # (batch, length) -> (batch, length, hidden)
        """What the encoder starts from, without dropout."""
        return self._positioned(self.word_embeddings(ids) * self.scale, "encoder", 0)

    def decoder(self, ids, start=0):
        """What the decoder starts from, of tokens from the position `start` on."""
        return self._positioned(self.decoder_word_embeddings(ids) * self.scale, "decoder", start)

    def _positioned(self, words, side, start):
        places = ops.arange(ops.shape(words)[1])[None] + start
        if not self.learned_positions:
            table = ops.convert_to_tensor(sinusoid_table(self.max_positions, self.hidden_size))
            return words + ops.cast(ops.take(table, places, axis=0), self.compute_dtype)
        positions, norm = getattr(self, f"{side}_positions"), getattr(self, f"{side}_norm")
        return norm(words + positions(places + OFFSET))
