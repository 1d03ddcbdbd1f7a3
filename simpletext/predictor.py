"""`Predictor`: a trained model with its tokenizer and labels, to predict, save and load."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import keras
import numpy as np

from .checkpoints.hub import upload_folder
from .data.sentences import are_word_lists
from .data.texts import listed
from .errors import ArgumentError
from .explaining.integrated_gradients import IntegratedGradients
from .inference.calibrating import CalibrationVerbs
from .inference.entities import predictions_of
from .inference.pipeline import Pipeline
from .inference.predictions import Predictions, check_options, refuse_with_proba, thresholds_from
from .inference.streaming import streamed
from .labelling.verbs import LabellingVerbs
from .models.loading import architecture_of, text_encoder_for
from .models.measured import scores_of
from .saving.archive import SavedFolder, absolute, packed, unpacked
from .saving.formats import read_saved, refuse_options
from .saving.model_card import predicted_examples
from .saving.predictor_folder import read_pretrained, write_predictor
from .saving.settings import THRESHOLD, Settings
from .saving.translator_folder import is_translator_folder, read_translator
from .seq2seq import Seq2Seq
from .tasks.labels import Labels
from .tokenization.encoded_texts import EncodedTexts
from .tokenization.tokenizer import Tokenizer
from .transformer import Transformer
from .translator import Translator
from .utils.files import require_new_folder
from .utils.notebook import Described
from .utils.validation import shown

if TYPE_CHECKING:
    import pandas as pd


BATCH_SIZE = 32  # texts at a time, by default


@overload
def get_predictor(
    model: keras.Model, preproc: Transformer, batch_size: int | None = None
) -> "Predictor": ...
@overload
def get_predictor(
    model: keras.Model, preproc: Seq2Seq, batch_size: int | None = None
) -> Translator: ...
def get_predictor(model: keras.Model, preproc: Any, batch_size: int | None = None) -> Any:
    """A predictor from a trained model and the `Transformer` that made its data.

    Of a `Seq2Seq` it is a `Translator`. `batch_size` is 32 by default, of a `Translator` 256.

    Raises:
        ArgumentError: the `Transformer` has seen no training labels yet.
    """
    if isinstance(preproc, Seq2Seq):
        return Translator(model, preproc.tokenizer, preproc.maxlen, batch_size)
    if getattr(preproc, "labels", None) is None:
        raise ArgumentError(
            "preproc must be the Transformer whose preprocess_train made the training data; "
            f"this is {shown(preproc)}."
        )
    settings = Settings(
        preproc.labels,
        preproc.maxlen,
        preproc.paired,
        base_model=None if os.path.exists(preproc.checkpoint) else str(preproc.checkpoint),
        sizes=preproc.sizes,
    )
    return Predictor(model, preproc.tokenizer, settings, batch_size)


def load_predictor(
    path: str | os.PathLike,
    batch_size: int | None = None,
    *,
    precision: str = "auto",
    tokenizer: str | os.PathLike | None = None,
    task: str | None = None,
    classes: Sequence[Any] | None = None,
) -> Any:
    """Load the predictor in a folder that `save` or ktrain wrote; a `Translator` if it is one.

    Nothing in the folder is run; ktrain's pickle is read as data. A folder of ours is checked
    against its stored probe texts, and a warning is issued if the numbers moved.

    Args:
        path: the folder.
        batch_size: texts per batch; by default 32, of a `Translator` 256.
        precision: "auto" for the one it was saved in, as far as this machine supports it;
            "float32"; "bfloat16".
        tokenizer: for a ktrain folder without a tokenizer: a Hub name or a folder that has it.
        task: for a ktrain folder: the task's name, if its pickle doesn't have the right one.
        classes: for a ktrain folder: the classes in the order of the outputs, likewise.

    Raises:
        CheckpointError: no such folder; one that is incomplete or damaged; one that a newer
            version wrote; a ktrain predictor of a kind that isn't supported.
        ArgumentError: `tokenizer`, `task` or `classes` for a folder of ours.
    """
    options: dict[str, Any] = {"tokenizer": tokenizer, "task": task, "classes": classes}
    if is_translator_folder(path):
        refuse_options(path, options)
        predictor: Any = Translator(*read_translator(path, precision), batch_size)
    else:
        predictor = Predictor(*read_saved(path, precision, **options), batch_size)
    predictor.folder = absolute(path)
    return predictor


def _received(content: bytes | SavedFolder, batch_size: int) -> Any:
    """What `Predictor.__reduce__` names: the predictor that was sent."""
    with unpacked(content) as folder:
        return load_predictor(folder, batch_size)


class Predictor(Described, CalibrationVerbs, LabellingVerbs):
    """Predictions for raw texts, by a trained model with its tokenizer and labels.

    Made by `get_predictor`, `load_predictor`, `from_pretrained` or `from_labels`.

    May be used from several threads; a process that forks needs one of its own in each child.

    Args:
        model: dict of ids -> logits.
        tokenizer: the checkpoint's.
        settings: labels, maxlen, temperature and thresholds.
        batch_size: texts at a time.

    Attributes:
        batch_size: texts at a time; may be changed.
        settings: saved with the model and the tokenizer: labels, maxlen, calibration.
        encoder: texts -> token ids, as the model takes them.
        folder: where it was loaded from or saved to, absolute, or None.
        gradients: what `explain(method="gradient")` computes with.
    """

    def __init__(
        self, model: keras.Model, tokenizer: Tokenizer, settings: Settings,
        batch_size: int | None = None,
    ) -> None:  # fmt: skip
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.batch_size = BATCH_SIZE if batch_size is None else batch_size
        config = architecture_of(model).config
        self.encoder = text_encoder_for(
            config, tokenizer, settings.maxlen, settings.paired, settings.segments
        )
        self._pipeline = Pipeline(model, self.encoder, settings.labels.kind.per_token)
        self.gradients = IntegratedGradients(model, settings.labels.task)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | os.PathLike,
        maxlen: int | None = None,
        batch_size: int | None = None,
        *,
        task: str | None = None,
        precision: str = "auto",
    ) -> "Predictor":
        """A fine-tuned classifier from a checkpoint, with its labels.

        Args:
            checkpoint: a folder (also one that `save` wrote), or a name on the Hub.
            maxlen: maximum tokens per text; longer texts are truncated, with a message.
            batch_size: texts at a time; by default 32.
            task: such as "multi_label_classification", where config.json doesn't say which.
            precision: "auto" (as a folder of ours was saved, else float32), "float32", "bfloat16".

        Raises:
            UnknownModelError, UnreachableModelError, UnsupportedModelError: see `load_encoder`.
            WeightsError: the checkpoint has no trained classification head.
        """
        return cls(*read_pretrained(checkpoint, maxlen, task, precision), batch_size)

    learner: Any = None  # what `train` attaches
    report: Any = None
    tuning: Any = None  # with `minutes`: the `TuningResult`
    folder: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: the saved folder's path or bytes, without learner and report."""
        parts = (self.model, self.tokenizer, self.settings)
        return _received, (packed(self.folder, write_predictor, *parts), self.batch_size)

    def _facts(self) -> dict[str, Any]:
        return {"model": self.model.name, "task": self.labels.summary, "maxlen": self.maxlen}

    @property
    def labels(self) -> Labels:
        """The task and the classes."""
        return self.settings.labels

    @property
    def maxlen(self) -> int:
        """Maximum number of tokens per text."""
        return self.settings.maxlen

    @property
    def thresholds(self) -> np.ndarray:
        """For multi-label the probability at or above which a label is predicted, (labels,)."""
        return thresholds_from(None, self.settings.thresholds, self.labels, THRESHOLD)

    def get_classes(self) -> list[Any]:
        """The classes in the order of the probabilities."""
        return list(self.labels.classes)

    def predict(
        self,
        texts: Any,
        return_proba: bool = False,
        use_tf_dataset: bool = False,
        verbose: int = 0,
        *,
        top_k: int | None = None,
        min_confidence: float | None = None,
        threshold: float | Sequence[float] | Mapping[Any, float] | None = None,
        long_text: str = "truncate",
    ) -> Any:
        """Predict **classes**: one for a text, a list for a list.

        Args:
            texts: one text, or a list of them (pairs: a tuple, or a list of tuples).
            return_proba: return probabilities instead, as `predict_proba`.
            use_tf_dataset: accepted for compatibility with ktrain; ignored.
            verbose: 1 shows a progress bar.
            top_k: number of (class, probability) pairs per text, most probable first.
            min_confidence: below it a prediction is None (single-label), or an entity left out.
            threshold: the probability at or above which a label is predicted (multi-label): one for
                all, one per label, or a dict by label. By default the tuned ones, else 0.5.
            long_text: "truncate" uses the first maxlen tokens; "chunk" splits a long text into
                overlapping windows and averages their probabilities.

        Returns:
            One prediction for one text, a list for a list. A prediction is a class; for
            multi-label a list of classes; for regression a number, or a list of numbers; for token
            classification the `Entities`, or of a list of words one tag per word.

        Raises:
            DataError: texts that can't be used.
            ArgumentError: an argument outside of what is allowed, or not for this task.
        """
        if return_proba:
            refuse_with_proba(top_k=top_k, min_confidence=min_confidence, threshold=threshold)
        limits = self._limits(top_k, min_confidence, threshold)
        single, rows = listed(texts)
        found = self.predictions(rows, long_text, verbose)
        if return_proba:
            results: Any = found.values
        elif top_k is not None:
            results = found.top(top_k)
        else:
            results = found.decoded(limits, min_confidence)
        return results[0] if single else results

    def predictions(self, rows: Any, long_text: str, verbose: int = 0) -> Predictions:
        """What the other methods return parts of: all values of a list of texts, as arrays."""
        data, windows = self._pipeline.encode(rows, long_text, verbose)
        values = self._values(data, verbose)
        return predictions_of(values, data, windows, self.labels, are_word_lists(rows))

    def predict_proba(
        self, texts: Any, *, long_text: str = "truncate", verbose: int = 0
    ) -> np.ndarray:
        """Probabilities (regression: values), (classes,) for one text, else (texts, classes).

        The arguments are those of `predict`.
        """
        return self.predict(texts, True, verbose=verbose, long_text=long_text)

    def predict_df(
        self,
        texts: Any,
        *,
        min_confidence: float | None = None,
        threshold: float | Sequence[float] | Mapping[Any, float] | None = None,
        long_text: str = "truncate",
        verbose: int = 0,
    ) -> "pd.DataFrame":
        """Predictions as a DataFrame with the columns text, label, probability and truncated.

        Pairs have a text_b as well; regression has a value instead. A Series keeps its index.
        Arguments as for `predict`.
        """
        limits = self._limits(None, min_confidence, threshold)
        _, rows = listed(texts)
        found = self.predictions(rows, long_text, verbose)
        index = texts.index if hasattr(texts, "iloc") else None  # that of a pandas Series
        return found.frame(rows, found.decoded(limits, min_confidence), index)

    def predict_iter(
        self,
        texts: Iterable[Any],
        return_proba: bool = False,
        *,
        chunk_size: int = 2048,
        verbose: int = 0,
        **options: Any,
    ) -> Iterator[Any]:
        """Predictions one after the other, for more texts than fit in memory.

        Args:
            texts: anything to iterate over: a generator, a file's lines.
            return_proba: as for `predict`.
            chunk_size: texts that are read and held at a time.
            verbose: 1 shows a progress bar.
            options: top_k, min_confidence, threshold and long_text, as for `predict`.
        """
        predict = partial(self.predict, return_proba=return_proba, **options)
        return streamed(predict, texts, chunk_size, verbose)

    def explain(
        self,
        doc: str | tuple[str, str],
        truncate_len: int = 512,
        all_targets: bool = False,
        n_samples: int = 2500,
        *,
        method: str | None = None,
        top_n: int | None = None,
        entity: int | None = None,
    ) -> Any:
        """Explain a prediction: a weight for each word.

        Args:
            doc: the text, or a pair of texts.
            truncate_len: maximum number of words that are explained.
            all_targets: weights for every class, not only for the predicted ones.
            n_samples: variations of the text that "lime" and "eli5" predict.
            method: "lime" (the default), "eli5", "gradient" (integrated gradients: the quickest)
                or "occlusion" (each word left out once). Entities are explained by "gradient" (the
                default) and "occlusion".
            top_n: number of words to keep, by absolute weight; by default all.
            entity: which of the entities that `predict` returns; by default the first.

        Returns:
            An `Explanation`, displayed in a notebook and printable in a terminal.

        Raises:
            DataError: a text without words.
            ArgumentError: an unknown method, or one that the task doesn't support.
        """
        from .explaining.entities import explain_entity
        from .explaining.methods import explain

        if self.labels.kind.per_token:
            return explain_entity(self, doc, method, entity, top_n)
        if entity is not None:
            raise ArgumentError(f"entity={entity!r} is for entities; this is {self.labels.task}.")
        return explain(self, doc, method, truncate_len, all_targets, n_samples, top_n)

    def save(
        self, path: str | os.PathLike, *, metrics: Mapping[str, float] | None = None,
        examples: Any = (),
    ) -> None:  # fmt: skip
        """Write a Hugging Face checkpoint and simpletext.json into a new folder.

        With mean pooling it is a sentence-transformers folder. It contains no pickle files. The
        model card has the number of texts and the scores of the last `Learner.validate`.

        Args:
            path: the folder, which must not exist yet.
            metrics: further scores for the model card, such as `{"accuracy": 0.93}`.
            examples: texts for the model card, which shows their predictions.

        Raises:
            FolderExistsError: the folder already exists.
        """
        further = {} if metrics is None else metrics
        settings = self.settings.with_metrics(scores_of(self.model)).with_metrics(further)
        require_new_folder(path)  # before the examples are predicted
        shown = predicted_examples(self, examples)
        write_predictor(path, self.model, self.tokenizer, settings, shown)
        self.folder = absolute(path)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = True,
        token: str | None = None,
        metrics: Mapping[str, float] | None = None,
        examples: Any = (),
    ) -> str:
        """Upload what `save` writes to the Hugging Face Hub, and return the model's URL.

        Args:
            repo_id: "user/name"; created if it doesn't exist.
            private: whether a newly created repository is private.
            token: by default the one that `hf auth login` stored.
            metrics: further scores for the model card.
            examples: texts for the model card, which shows their predictions.
        """
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "predictor"
            self.save(folder, metrics=metrics, examples=examples)
            return upload_folder(folder, repo_id, private, token)

    def export(
        self, path: str | os.PathLike, format: str = "saved_model", *, quantize: bool = False
    ) -> dict[str, float]:
        """Write a model that serves without simpletext, with its tokenizer and labels.

        The export is checked against the probe texts in a separate process.

        Args:
            path: the folder, which must not exist yet.
            format: "saved_model" (takes strings where the tokenizer is WordPiece), "onnx",
                "litert" or "openvino"; each needs the extra of its name.
            quantize: weights as int8 (onnx only).

        Returns:
            The largest difference to the predictor's probabilities on the probe texts.

        Raises:
            ExportError: a missing package; outputs or tokens that differ from the predictor's.
            FolderExistsError: the folder already exists.
        """
        from .exporting.exporters import export

        return export(self, path, format, quantize)

    def _limits(
        self, top_k: int | None, min_confidence: float | None, threshold: Any
    ) -> np.ndarray:
        """Check the options before predicting; returns the thresholds."""
        check_options(self.labels, top_k, min_confidence)
        return thresholds_from(threshold, self.settings.thresholds, self.labels, THRESHOLD)

    def _values(self, data: EncodedTexts, verbose: int = 0) -> np.ndarray:
        logits = self._pipeline.logits(data, self.batch_size, verbose)
        return self.labels.kind.probabilities(logits / self.settings.temperature)
