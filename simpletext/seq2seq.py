"""`Seq2Seq`: a Transformer that translates, from a checkpoint or newly initialised."""

import os
from dataclasses import replace
from functools import cached_property
from typing import Any

import keras

from .checkpoints.folder import Checkpoint
from .data.texts import as_texts, shown_rows
from .errors import ArgumentError, DataError
from .models.encoder_decoders import seq2seq_family_of
from .models.precision import check_precision, dtype_policy
from .models.seq2seq import find_seq2seq, load_seq2seq, new_seq2seq
from .tasks.translation import TokenCrossentropy, TranslationLabels
from .tokenization.encoded_pairs import EncodedPairs, TargetIds
from .tokenization.encoded_texts import EncodedTexts
from .tokenization.layout import Layout
from .tokenization.pair_tokenizer import KINDS, PairTokenizer
from .training.optimizer import AdamW, require_optimizer
from .utils import console
from .utils.notebook import Described
from .utils.validation import (
    MOST_SEED,
    require_choice,
    require_count,
    require_flag,
    require_number,
    require_verbose,
)

INPUTS = ("input_ids", "attention_mask")
NUM_BEAMS = 4  # of a new model
BETA_2, EPSILON = 0.98, 1e-9  # of Adam, as in https://arxiv.org/abs/1706.03762


class Seq2Seq(Described):
    """Turns pairs of texts into data for a model that translates, and builds that model.

    Making one does no work: the checkpoint is looked for at the first call that needs it.
    `Seq2Seq.new` makes one that trains from scratch.

    Args:
        checkpoint: a folder with a Marian or BART checkpoint, or a name on the Hub, such as
            "Helsinki-NLP/opus-mt-de-en".
        maxlen: maximum tokens per source; longer ones are truncated, with a message.
        batch_tokens: tokens per batch, with padding, of its sources or its targets, whichever are
            more; then `batch_size` of `get_learner` counts for nothing. None for `batch_size` rows.
        precision: "auto" for bfloat16 where the processor or accelerator is faster in it, else
            float32; or one of these names. Weights are kept in float32 anyway.
        seed: for newly initialised weights and for dropout.

    Example:
        >>> t = Seq2Seq.new(vocab_size=100, hidden_size=16, encoder_layers=1, decoder_layers=1)
        >>> data = t.preprocess_train(["guten Tag", "gute Nacht"], ["good day", "good night"],
        ...                           verbose=0)
        >>> t.get_model(verbose=0).output_shape[:2]
        (None, None)
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike,
        maxlen: int = 128,
        *,
        batch_tokens: int | None = None,
        precision: str = "auto",
        seed: int = 0,
    ) -> None:
        check_precision(precision)
        if checkpoint is None:
            raise ArgumentError("checkpoint=None; pass a folder or a name, or use Seq2Seq.new().")
        self.checkpoint: str | os.PathLike | None = checkpoint
        self.maxlen = require_count("maxlen", maxlen, least=2)
        if batch_tokens is not None:
            require_count("batch_tokens", batch_tokens)
        self.batch_tokens, self.precision = batch_tokens, precision
        self.seed = require_count("seed", seed, 0, MOST_SEED)
        self.labels = TranslationLabels()
        self._new: dict[str, Any] = {}
        self._tokenizer: PairTokenizer | None = None

    @classmethod
    def new(
        cls,
        vocab_size: int = 8000,
        hidden_size: int = 256,
        encoder_layers: int = 3,
        decoder_layers: int = 3,
        *,
        heads: int = 4,
        intermediate_size: int | None = None,
        dropout: float = 0.1,
        tokenizer: str = "bpe",
        shared_vocab: bool = True,
        maxlen: int = 128,
        batch_tokens: int | None = 4096,
        precision: str = "auto",
        seed: int = 0,
    ) -> "Seq2Seq":
        """A model that trains from scratch; its tokenizers are learned from the training texts.

        It is a Marian model (the Transformer of https://arxiv.org/abs/1706.03762) with sinusoidal
        positions and one table for embeddings and logits.

        Args:
            vocab_size: subwords per tokenizer at most.
            hidden_size: size of the states.
            encoder_layers: blocks of the encoder.
            decoder_layers: blocks of the decoder.
            heads: heads of attention.
            intermediate_size: size inside the feed-forward; by default 4 * hidden_size.
            dropout: the rate of all dropouts.
            tokenizer: "bpe" or "unigram".
            shared_vocab: one tokenizer and one table of words for both languages; False for one
                per language.
            maxlen: maximum tokens per source and per target: the model's positions.
            batch_tokens: see `Seq2Seq`.
            precision: see `Seq2Seq`.
            seed: see `Seq2Seq`.

        Raises:
            ArgumentError: a value outside of what is allowed.
        """
        self = cls("", maxlen, batch_tokens=batch_tokens, precision=precision, seed=seed)
        size = require_count("hidden_size", hidden_size, least=2)
        if size % require_count("heads", heads) or size % 2:
            raise ArgumentError(
                f"hidden_size={size} and heads={heads}; hidden_size must be even and a multiple "
                "of heads."
            )
        rate = require_number("dropout", dropout, 0.0, 0.99)
        inner = require_count(
            "intermediate_size", 4 * size if intermediate_size is None else intermediate_size
        )
        self.checkpoint = None
        self._new = {
            "vocab_size": require_count("vocab_size", vocab_size, least=4),
            "kind": require_choice("tokenizer", tokenizer, KINDS),
            "shared": require_flag("shared_vocab", shared_vocab),
            "config": _new_config(
                size, encoder_layers, decoder_layers, heads, inner, rate, self.maxlen
            ),
        }  # fmt: skip
        return self

    def _facts(self) -> dict[str, Any]:
        checkpoint = "new" if self.checkpoint is None else self.checkpoint
        return {"checkpoint": checkpoint, "maxlen": self.maxlen}

    @cached_property
    def files(self) -> Checkpoint:
        """The checkpoint's folder and config."""
        if self.checkpoint is None:
            raise ArgumentError("A new Seq2Seq has no checkpoint.")
        return find_seq2seq(self.checkpoint)

    @property
    def tokenizer(self) -> PairTokenizer:
        """The tokenizers of both languages.

        Raises:
            DataError: a new one has seen no training texts yet.
        """
        if self._tokenizer is None:
            if self.checkpoint is None:
                raise DataError(
                    "The tokenizers aren't trained yet: call preprocess_train(sources, targets) "
                    "first."
                )
            self._tokenizer = PairTokenizer.load(self.files.folder)
        return self._tokenizer

    @property
    def config(self) -> dict[str, Any]:
        """The content of the model's config.json."""
        if self.checkpoint is not None:
            return self.files.config
        source, target = self.tokenizer.source, self.tokenizer.target
        return self._new["config"] | {
            "vocab_size": len(source),
            "decoder_vocab_size": len(target),
            "share_encoder_decoder_embeddings": self.tokenizer.is_shared,
            "pad_token_id": target.pad_token_id,
            "eos_token_id": target.eos_token_id,
            "decoder_start_token_id": target.pad_token_id,
        }

    def preprocess_train(self, sources: Any, targets: Any, verbose: int = 1) -> EncodedPairs:
        """Encode training pairs; a new `Seq2Seq` first learns its tokenizers from them.

        Args:
            sources: texts in the language that is translated from.
            targets: their translations, in the same order.
            verbose: 0 prints nothing.

        Raises:
            DataError: texts that can't be used, with their rows.
        """
        pairs = _checked(sources, targets)
        if self.checkpoint is None and self._tokenizer is None:
            self._tokenizer = PairTokenizer.train(
                *pairs, self._new["vocab_size"], self._new["kind"], self._new["shared"]
            )
        return self._encoded(*pairs, "train", verbose)

    def preprocess_test(self, sources: Any, targets: Any, verbose: int = 1) -> EncodedPairs:
        """Encode validation or test pairs; see `preprocess_train`."""
        return self._encoded(*_checked(sources, targets), "test", verbose)

    def get_model(
        self, *, label_smoothing: float = 0.1, optimizer: Any = None, verbose: int = 1
    ) -> keras.Model:
        """The model, compiled and ready for a `Learner`; see `load_seq2seq` for its inputs.

        Args:
            label_smoothing: probability that the loss spreads over all tokens.
            optimizer: a Keras optimizer; by default `AdamW` with beta_2 = 0.98 and no decay.
            verbose: 0 prints nothing.

        Raises:
            DataError: a new one has seen no training texts yet.
            ArgumentError: another optimizer.
        """
        require_verbose(verbose)
        loss = TokenCrossentropy(label_smoothing)
        if optimizer is None:
            optimizer = AdamW(1e-3, weight_decay=0.0, beta_2=BETA_2, epsilon=EPSILON)
        optimizer = require_optimizer(optimizer)
        config, dtype = self.config, dtype_policy(self.precision)
        if verbose and self.precision == "auto" and dtype != "float32":
            console.note("precision: bfloat16 (this machine supports it); 'float32' is exact.")
        if self.checkpoint is None:
            model = new_seq2seq(config, _generation(config), dtype, self.seed)
        else:
            model = load_seq2seq(self.files, dtype, self.seed)
        model.compile(optimizer=optimizer, loss=loss)
        return model

    def _encoded(
        self, sources: list[str], targets: list[str], name: str, verbose: int
    ) -> EncodedPairs:
        require_verbose(verbose)
        config = seq2seq_family_of(self.config).read_config(self.config)
        limit = config.max_position_embeddings
        if self.maxlen > limit:
            raise ArgumentError(
                f"maxlen={self.maxlen}, but {self.checkpoint} has positions for {limit} tokens. "
                f"Use maxlen={limit} or less."
            )
        ids, full = self.tokenizer.encode_sources(sources, self.maxlen)
        written = TargetIds.gather(self.tokenizer.encode_targets(targets))
        long = (written.lengths > limit).nonzero()[0].tolist()
        if long:
            raise DataError(
                f"{len(long)} targets are longer than the model's {limit} positions, at rows "
                f"{shown_rows(long)}. Leave these pairs out or split them"
                f"{', or pass a larger maxlen to Seq2Seq.new' if self.checkpoint is None else ''}."
            )
        layout = Layout(INPUTS, self.tokenizer.pad_id, 0, "right", segments=False)
        types = [[0] * len(row) for row in ids]
        texts = EncodedTexts.gather(ids, types, full, layout, sources, targets)
        data = EncodedPairs(
            **vars(replace(texts, maxlen=self.maxlen)),
            y=written, labels=self.labels, start_id=config.decoder_start_token_id,
            tokenizer=self.tokenizer, batch_tokens=self.batch_tokens,
        )  # fmt: skip
        if verbose:
            console.note(f"preprocessing {name}...\n{_described(data)}")
        return data


def _new_config(
    size: int, encoder_layers: int, decoder_layers: int, heads: int, inner: int, dropout: float,
    maxlen: int,
) -> dict[str, Any]:  # fmt: skip
    """The config.json of a new model, without what its tokenizers decide."""
    layers = {"encoder_layers": encoder_layers, "decoder_layers": decoder_layers}
    return {
        "model_type": "marian",
        "d_model": size,
        **{name: require_count(name, count) for name, count in layers.items()},
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "encoder_ffn_dim": inner,
        "decoder_ffn_dim": inner,
        "activation_function": "relu",
        "dropout": float(dropout),
        "attention_dropout": float(dropout),
        "activation_dropout": 0.0,
        "max_position_embeddings": int(maxlen),
        "scale_embedding": True,
        "is_encoder_decoder": True,
        "tie_word_embeddings": True,
        "forced_eos_token_id": None,
    }


def _generation(config: dict[str, Any]) -> dict[str, Any]:
    """The generation_config.json of a new model."""
    marks = ("pad_token_id", "eos_token_id", "decoder_start_token_id")
    return {name: config[name] for name in marks} | {
        "num_beams": NUM_BEAMS,
        "max_length": config["max_position_embeddings"],
        "bad_words_ids": [[config["pad_token_id"]]],
    }


def _checked(sources: Any, targets: Any) -> tuple[list[str], list[str]]:
    """Both lists of texts, checked.

    Raises:
        DataError: not as many sources as targets, something else than texts, an empty target.
    """
    lists = []
    for name, given in (("sources", sources), ("targets", targets)):
        if given is None:
            raise DataError(
                f"The {name} are missing: pass sources and targets, two lists of texts."
            )
        texts, pairs = as_texts(given)
        if pairs is not None:
            raise DataError(f"The {name} are pairs of texts; pass sources and targets apart.")
        lists.append(texts)
    if len(lists[0]) != len(lists[1]):
        raise DataError(
            f"There are {len(lists[0])} sources and {len(lists[1])} targets; each source needs one "
            "target, in the same order."
        )
    empty = [row for row, text in enumerate(lists[1]) if not text.strip()]
    if empty:
        raise DataError(
            f"{len(empty)} targets are empty, at rows {shown_rows(empty)}. Leave these pairs out: "
            "the model would learn to write nothing."
        )
    return lists[0], lists[1]


def _described(data: EncodedPairs) -> str:
    cut = int(data.truncated.sum())
    return (
        f"task: translation, {len(data)} pairs; tokens per source: mean "
        f"{data.full_lengths.mean():.0f}, longest {data.full_lengths.max()}; per target: mean "
        f"{data.y.lengths.mean():.0f}, longest {data.y.lengths.max()}; sources cut to maxlen: {cut}"
    )
