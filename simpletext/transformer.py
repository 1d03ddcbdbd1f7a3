"""`Transformer`: a checkpoint's name, maxlen and classes; texts in, data and models out."""

import os
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

import keras
import numpy as np

from .checkpoints.folder import Checkpoint
from .data.labels import check_counts, collected
from .data.sentences import are_tagged
from .data.streams import TextStream
from .data.tags import scheme_named
from .data.texts import as_texts
from .errors import ArgumentError, DataError
from .models.families import family_of
from .models.loading import (
    check_pooling,
    find_model,
    load_classifier,
    max_positions,
    text_encoder_for,
)
from .models.precision import check_precision, dtype_policy
from .tasks.labels import Labels, checked_names, infer_labels
from .tasks.losses import loss_for
from .tasks.metrics import metrics_for
from .tasks.task import TOKENS, task_named
from .tokenization.encoded_texts import EncodedTexts, LabelledTexts
from .tokenization.stream_cache import encode_stream
from .tokenization.tagged_texts import describe_unread, encode_sentences, encode_tagged
from .tokenization.text_encoder import TextEncoder
from .tokenization.tokenizer import Tokenizer
from .training.contrastive import require_few_shot, set_few_shot
from .training.optimizer import AdamW, require_optimizer
from .utils import console
from .utils.backend import distribution
from .utils.deprecation import renamed_keywords
from .utils.files import plain_path
from .utils.notebook import Described
from .utils.validation import MOST_SEED, require_count, require_verbose


class Transformer(Described):
    """Turns texts into data for one checkpoint, and builds the model to train on it.

    Making one does no work: the checkpoint is looked for at the first call that needs it.

    Args:
        checkpoint: a folder with a Hugging Face checkpoint, or a name on the Hub.
        maxlen: maximum tokens per text; longer texts are truncated, with a message.
        class_names: fixes the classes and their order. Integer labels are indices into it.
        classes: ktrain's older name for `class_names`.
        batch_size: accepted for ktrain's sake; `get_learner` decides it.
        task: "single_label_classification", "multi_label_classification", "regression" or
            "token_classification", where the task inferred from the labels is wrong (see
            `simpletext.tasks.labels`).
        pooling: "auto", "mean" or "original": which head goes on top (see `load_classifier`).
        precision: "auto" for bfloat16 where the processor or accelerator has it, which is faster,
            else float32; or one of these names. Weights are kept in float32 anyway.
        seed: for a new head's weights and for dropout.
        scheme: what the tags of token classification are in: "IOB2" (or "BIO"), "IOB1", "IOBES",
            "BILOU", "IO" or "plain"; by default detected (see `simpletext.data.tags`).
        few_shot: for few texts per class: True trains the encoder on pairs of texts before a new
            head (contrastive learning, https://arxiv.org/abs/2209.11055); "auto" only if that
            helps on held-out texts.

    Example:
        >>> t = Transformer("sentence-transformers/all-MiniLM-L6-v2", maxlen=64)
        >>> data = t.preprocess_train(["good", "bad"], ["pos", "neg"], verbose=0)
        >>> t.get_classes()
        ['neg', 'pos']
    """

    @renamed_keywords(model_name="checkpoint")
    def __init__(
        self,
        checkpoint: str | os.PathLike,
        maxlen: int = 128,
        class_names: Sequence[Hashable] | None = None,
        classes: Sequence[Hashable] | None = None,
        batch_size: int | None = None,
        *,
        task: str | None = None,
        pooling: str = "auto",
        precision: str = "auto",
        seed: int = 0,
        scheme: str | None = None,
        few_shot: bool | str = False,
    ) -> None:
        plain_path(checkpoint)
        self.checkpoint, self.maxlen = checkpoint, require_count("maxlen", maxlen, 3)
        self.class_names = checked_names(class_names if class_names is not None else classes)
        check_precision(precision)
        self.scheme = None if scheme is None else scheme_named(scheme)
        require_few_shot(few_shot, None if task is None else task_named(task))
        check_pooling(pooling)
        require_count("seed", seed, 0, MOST_SEED)
        self._numbered = self.class_names is not None
        self._paired: bool | None = None  # what a copy's text encoder begins with
        self.batch_size, self.task, self.pooling, self.seed = batch_size, task, pooling, seed
        self.precision, self.few_shot = precision, few_shot
        self.labels: Labels | None = None
        self.sizes: dict[str, int] = {}  # texts a data set, for the model card

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: without the tokenizer and what else is found at the checkpoint."""
        found = ("files", "tokenizer", "text_encoder")
        state = {name: value for name, value in vars(self).items() if name not in found}
        if os.path.exists(self.checkpoint):  # another process may run in another folder
            state["checkpoint"] = os.path.abspath(self.checkpoint)
        return state | {"_paired": self.paired}

    def _facts(self) -> dict[str, Any]:
        return {
            "checkpoint": self.checkpoint, "maxlen": self.maxlen,
            "task": self.task if self.labels is None else self.labels.summary,
        }  # fmt: skip

    @property
    def paired(self) -> bool | None:
        """Whether its data are pairs of texts; None before there are any."""
        return self.text_encoder.paired if "text_encoder" in vars(self) else self._paired

    @cached_property
    def files(self) -> Checkpoint:
        """The checkpoint's folder and config: of a supported family, long enough for maxlen."""
        checkpoint = find_model(self.checkpoint)
        limit = max_positions(family_of(checkpoint.config), checkpoint.config)
        if limit is not None and self.maxlen > limit:
            raise ArgumentError(
                f"maxlen={self.maxlen}, but {self.checkpoint} has positions for {limit} tokens. "
                f"Use maxlen={limit} or less."
            )
        return checkpoint

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's tokenizer."""
        return Tokenizer.load(self.files.folder)

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """Texts -> token ids, as the checkpoint's model takes them."""
        return text_encoder_for(self.files.config, self.tokenizer, self.maxlen, self._paired)

    def preprocess_train(
        self,
        texts: Any,
        y: Any = None,
        verbose: int = 1,
        *,
        cache_dir: str | os.PathLike | None = None,
    ) -> LabelledTexts:
        """Encode training texts; infers the task and the classes from their labels.

        Args:
            texts: strings, pairs of strings, or for token classification lists of words; or a
                stream (see `read_stream`), which brings its labels and needs `cache_dir`.
            y: one label per text: strings, ints, one-hot or multi-hot rows, lists of names, floats;
                for lists of words one tag per word; or spans of characters, `(start, end, label)`.
            verbose: 0 prints nothing.
            cache_dir: keep the ids in a folder there instead of in memory, and take them from
                there when texts, tokenizer and maxlen are the same again.

        Raises:
            DataError: texts and labels that can't be used, with their rows.
        """
        require_verbose(verbose)
        if isinstance(texts, TextStream):
            return cast(
                LabelledTexts, self._preprocess_stream("train", texts, y, verbose, cache_dir)
            )
        if y is None:
            raise DataError("preprocess_train needs labels: preprocess_train(texts, labels).")
        texts, y = collected(texts), collected(y)
        if self.is_tagged(texts, y):
            return cast(
                LabelledTexts, self._preprocess_tagged("train", texts, y, verbose, cache_dir)
            )
        texts, pairs = as_texts(texts)
        check_counts(texts, y)
        labels = self._infer_labels(y)
        encoded_labels = labels.encode(y)
        data = self.encode(texts, pairs, cache_dir, verbose).with_labels(encoded_labels, labels)
        self.labels, self.sizes["train"] = labels, len(data)
        if verbose:
            lines = ["preprocessing train...", labels.describe(), labels.hint, _lengths(data)]
            console.note("\n".join(filter(None, lines)))
        return data

    def preprocess_test(
        self,
        texts: Any,
        y: Any = None,
        verbose: int = 1,
        *,
        cache_dir: str | os.PathLike | None = None,
    ) -> EncodedTexts:
        """Encode validation or test texts, with the classes of the training data.

        Args:
            texts: as in `preprocess_train`.
            y: their labels, or None if there are none.
            verbose: 0 prints nothing.
            cache_dir: as in `preprocess_train`.

        Raises:
            DataError: texts and labels that can't be used; a label training never saw.
        """
        require_verbose(verbose)
        if isinstance(texts, TextStream):
            return self._preprocess_stream("validation", texts, y, verbose, cache_dir)
        texts, y = collected(texts), collected(y)
        if self.is_tagged(texts, y):
            return self._preprocess_tagged("test", texts, y, verbose, cache_dir)
        texts, pairs = as_texts(texts)
        if y is None:
            data = self.encode(texts, pairs, cache_dir, verbose)
        else:
            check_counts(texts, y)
            labels = self._labels_for_test(y)
            encoded_labels = labels.encode(y)
            data = self.encode(texts, pairs, cache_dir, verbose)
            data = data.with_labels(encoded_labels, labels)
            self.sizes["validation"] = len(data)
        if verbose:
            console.note(f"preprocessing test...\n{_lengths(data)}")
        return data

    def is_tagged(self, texts: Any, y: Any) -> bool:
        """Whether labels are those of words: by the task, else by the data."""
        name = self.labels.task if self.labels is not None else self.task
        return are_tagged(texts, y) if name is None else task_named(name).per_token

    def _preprocess_tagged(
        self, part: str, texts: Any, y: Any, verbose: int, cache_dir: Any
    ) -> EncodedTexts:
        """`preprocess_train` and `preprocess_test` for labels of words."""
        if cache_dir is not None:
            raise ArgumentError("cache_dir is for labels of whole texts; leave it out for tags.")
        self.text_encoder.paired = False
        if y is None:
            data = encode_sentences(self.text_encoder, texts)
        else:
            data, tags = encode_tagged(self.text_encoder, texts, y, self.scheme, verbose)
            self.task = TOKENS
            labels = self._infer_labels(tags) if part == "train" else self._labels_for_test(tags)
            data = data.with_labels(labels.encode(tags), labels)
            self.labels = labels
            self.sizes["train" if part == "train" else "validation"] = len(data)
        if verbose:
            first = [self.labels.describe()] if part == "train" and self.labels else []
            lines = [f"preprocessing {part}...", *first, _lengths(data), describe_unread(data)]
            console.note("\n".join(filter(None, lines)))
        return data

    def _preprocess_stream(
        self, part: str, stream: TextStream, y: Any, verbose: int, cache_dir: Any
    ) -> EncodedTexts:
        """`preprocess_train` and `preprocess_test` for data larger than memory."""
        if y is not None:
            raise ArgumentError("A stream brings its own labels; name their column in read_stream.")
        if cache_dir is None:
            raise ArgumentError("A stream needs cache_dir=, a folder that holds what was encoded.")
        if part == "train" and not stream.label:
            raise DataError("preprocess_train needs labels: name their column in read_stream.")
        if self.task is not None and task_named(self.task).per_token:
            raise ArgumentError(
                "A stream is for labels of whole texts; read tags with read_entities."
            )
        data, found = encode_stream(self.text_encoder, stream, cache_dir, verbose)
        self.text_encoder.paired = data.pairs is not None
        if stream.label:
            labels = self._infer_labels(found) if part == "train" else self._labels_for_test(found)
            data = data.with_labels(labels.encode(found), labels)
            self.labels = labels if part == "train" else self.labels
            self.sizes[part] = len(data)
        if verbose:
            known = [labels.describe(), labels.hint] if stream.label and part == "train" else []
            lines = [f"preprocessing {part}...", *known, _lengths(data)]
            console.note("\n".join(filter(None, lines)))
        return data

    def encode(
        self,
        texts: list[str],
        pairs: list[str] | None = None,
        cache_dir: str | os.PathLike | None = None,
        verbose: int = 0,
    ) -> EncodedTexts:
        """Checked texts as ids, without labels."""
        if self.text_encoder.paired is None:
            self.text_encoder.paired = pairs is not None
        return self.text_encoder.encode(texts, pairs, cache_dir, verbose)

    def get_classifier(
        self,
        pooling: str | None = None,
        metrics: Any = None,
        *,
        loss: Any = None,
        label_smoothing: float = 0.0,
        optimizer: Any = None,
        verbose: int = 1,
    ) -> keras.Model:
        """The checkpoint with a classification head, compiled and ready for a `Learner`.

        Args:
            pooling: overrides the `pooling` given to `Transformer`.
            metrics: names such as "accuracy", "f1", "auc", "mcc", or Keras metrics; by default
                accuracy (see `simpletext.tasks.metrics.metrics_for`).
            loss: by default cross-entropy; "focal" for rare classes; or a Keras loss on logits.
            label_smoothing: probability that cross-entropy spreads over all classes.
            optimizer: a Keras optimizer; by default `AdamW()`; for tags it clips gradients at 1.
            verbose: 0 prints nothing.

        Raises:
            DataError: no training data yet, or the task is regression.
            ArgumentError: a metric or loss that doesn't fit the task.
        """
        labels = self._known_labels()
        if not labels.kind.has_classes:
            raise DataError(
                "The labels are floats, which makes this a regression: use get_regression_model, "
                "or pass the labels as strings or ints for a classification."
            )
        chosen = loss_for(labels.task, loss, label_smoothing)
        return self._compiled(labels, pooling, metrics, chosen, optimizer, verbose)

    def get_regression_model(
        self,
        pooling: str | None = None,
        metrics: Any = None,
        *,
        loss: Any = None,
        optimizer: Any = None,
        verbose: int = 1,
    ) -> keras.Model:
        """The checkpoint with a regression head, compiled and ready for a `Learner`.

        Args:
            pooling: overrides the `pooling` given to `Transformer`.
            metrics: names such as "mae", "rmse", "spearman", or Keras metrics; by default mae.
            loss: by default the mean squared error; "mae", "huber", or a Keras loss.
            optimizer: a Keras optimizer; by default `AdamW()`.
            verbose: 0 prints nothing.

        Raises:
            DataError: no training data yet, or the task is a classification.
            ArgumentError: a metric or loss that doesn't fit the task.
        """
        labels = self._known_labels()
        if labels.kind.has_classes:
            raise DataError(
                "The labels aren't floats, which makes this a classification: use get_classifier, "
                'or Transformer(..., task="regression").'
            )
        chosen = loss_for(labels.task, loss)
        return self._compiled(labels, pooling, metrics, chosen, optimizer, verbose)

    def get_model(
        self,
        pooling: str | None = None,
        verbose: int = 1,
        *,
        metrics: Any = None,
        loss: Any = None,
    ) -> keras.Model:
        """`get_regression_model` or `get_classifier`, by the task."""
        regression = not self._known_labels().kind.has_classes
        make = self.get_regression_model if regression else self.get_classifier
        return make(pooling, metrics, loss=loss, verbose=verbose)

    def get_classes(self) -> list[Any]:
        """The classes in the order of the model's outputs."""
        if self.labels is not None:
            return list(self.labels.classes)
        return list(self.class_names or [])

    def undo(self, row: int, data: EncodedTexts) -> str:
        """The text behind a row of encoded data."""
        return data.texts[row]

    def _labels_for_test(self, y: Any) -> Labels:
        """Training's labels; before training, those of class_names."""
        if self.labels is None and self.class_names is not None:
            return self._infer_labels(y)
        if self.labels is None:
            raise DataError("Call preprocess_train first: it decides what the classes are.")
        return self.labels

    def _infer_labels(self, y: Any) -> Labels:
        labels = infer_labels(y, self.class_names, self.task)
        return replace(labels, numbered=self._numbered)

    def _known_labels(self) -> Labels:
        if self.labels is None:
            raise DataError("The classes aren't known yet: call preprocess_train(texts, y) first.")
        return self.labels

    def _compiled(
        self, labels: Labels, pooling: str | None, metrics: Any, loss: Any, optimizer: Any,
        verbose: int,
    ) -> keras.Model:  # fmt: skip
        # Metrics have variables, which several processes make together.
        distribution.require_same({"task": labels.task, "classes": len(labels.classes)})
        # Check the arguments before reading the weights, which takes longer.
        require_few_shot(self.few_shot, labels.kind, self.paired)
        require_verbose(verbose)
        chosen = metrics_for(labels.task, len(labels.classes), metrics, labels.names)
        if optimizer is None:
            optimizer = AdamW(global_clipnorm=labels.kind.clipnorm)
        else:
            optimizer = require_optimizer(optimizer)
        dtype = dtype_policy(self.precision)
        if verbose and self.precision == "auto" and dtype != "float32":
            console.note("precision: bfloat16 (this machine supports it); 'float32' is exact.")
        model = load_classifier(
            self.files,
            len(labels.classes),
            labels.task,
            self.pooling if pooling is None else pooling,
            dtype=dtype,
            seed=self.seed,
            class_names=labels.names,
            verbose=verbose,
        )
        set_few_shot(model, self.few_shot)
        model.compile(optimizer=optimizer, loss=loss, metrics=chosen)
        return model


def _lengths(data: EncodedTexts) -> str:
    lengths = data.full_lengths
    mean, (p95, p99) = lengths.mean(), np.percentile(lengths, (95, 99)).tolist()
    cut = int(data.truncated.sum())
    return (
        f"tokens per text: mean {mean:.0f}, 95th percentile {p95:.0f}, 99th percentile {p99:.0f}; "
        f"cut to maxlen: {cut} of {len(data)} ({cut / len(data):.1%})"
    )
