"""`Predictor`: a trained model with its tokenizer and labels, to use, keep and reload."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .batches import pack
from .checkpoint import new_folder, open_folder, read_json, write_json
from .encoders import family_of
from .errors import ArgumentError, CheckpointError
from .labels import MULTI, REGRESSION, Labels
from .models import architecture_of, load_classifier, write_model
from .predict import predict_logits
from .report import probabilities
from .texts import as_texts
from .tokenizer import Tokenizer

FILE = "simpletext.json"
FORMAT = 1


def get_predictor(model: keras.Model, preproc: Any, batch_size: int = 32) -> "Predictor":
    """A predictor from a trained model and the `Transformer` that made its data.

    Raises:
        ArgumentError: the `Transformer` has seen no training labels yet.
    """
    if getattr(preproc, "labels", None) is None:
        raise ArgumentError(
            "preproc must be the Transformer whose preprocess_train made the training data; "
            f"this is {preproc!r}."
        )
    return Predictor(model, preproc.tokenizer, preproc.labels, preproc.maxlen, batch_size)


def load_predictor(path: str | os.PathLike, batch_size: int = 32) -> "Predictor":
    """The predictor in a folder that `Predictor.save` wrote. Runs nothing from the folder.

    Raises:
        CheckpointError: no such folder, or one that isn't whole, or was written by a newer
            version.
    """
    folder = Path(path).expanduser()
    if not (folder / FILE).is_file():
        raise CheckpointError(
            f"There is no {FILE} in {os.fspath(path)!r}, so it is no folder of Predictor.save."
        )
    settings = read_json(folder / FILE)
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        version = settings.get("format") if isinstance(settings, dict) else None
        raise CheckpointError(
            f"{folder / FILE} has format {version!r}; this version of simpletext reads format "
            f"{FORMAT}. A newer simpletext can read it: pip install --upgrade simpletext."
        )
    try:
        labels = Labels(settings["task"], tuple(settings["classes"]))
        maxlen, pooling = int(settings["maxlen"]), settings["pooling"]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / FILE} is damaged: {error!r}.") from error
    checkpoint = open_folder(folder, os.fspath(path))
    model = load_classifier(checkpoint, len(labels.classes), labels.task, pooling)
    return Predictor(model, Tokenizer.load(folder), labels, maxlen, batch_size)


class Predictor:
    """Answers for raw texts. Made by `get_predictor` or `load_predictor`.

    Args:
        model: dict of ids -> logits.
        tokenizer: the checkpoint's.
        labels: the task and the classes.
        maxlen: tokens of a text that the model sees.
        batch_size: texts at a time.
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Tokenizer,
        labels: Labels,
        maxlen: int,
        batch_size: int = 32,
    ) -> None:
        self.model, self.tokenizer, self.labels = model, tokenizer, labels
        self.maxlen, self.batch_size = maxlen, batch_size
        family = family_of(architecture_of(model).config)
        self._layout = tokenizer.layout.for_inputs(family.inputs)

    learner: Any = None  # what `train` attaches
    report: Any = None

    def __repr__(self) -> str:
        return f"Predictor({self.labels.describe()}, maxlen={self.maxlen})"

    def get_classes(self) -> list[Any]:
        """The classes in the order of the probabilities."""
        return list(self.labels.classes)

    def predict(self, texts: Any, return_proba: bool = False) -> Any:
        """The class of a text, or of each in a list.

        Args:
            texts: one text, or a list of them (pairs: a tuple, or a list of tuples).
            return_proba: give probabilities instead, as `predict_proba`.

        Returns:
            One answer for one text, a list for a list: a class; for multi-label a list of those
            with a probability of 0.5 or more; for regression a number, or a list of them.
        """
        if return_proba:
            return self.predict_proba(texts)
        single, rows = _listed(texts)
        values = self._values(rows)
        if self.labels.task == REGRESSION:
            answers = self.labels.decode(values)
        elif self.labels.task == MULTI:
            answers = self.labels.decode(values >= 0.5)
        else:
            answers = self.labels.decode(values.argmax(axis=1))
        return answers[0] if single else answers

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Probabilities (regression: values), (classes,) for one text, else (texts, classes)."""
        single, rows = _listed(texts)
        values = self._values(rows)
        return values[0] if single else values

    def explain(
        self, doc: str, truncate_len: int = 512, all_targets: bool = False, n_samples: int = 2500
    ) -> Any:
        """Which words speak for and against the answer, by LIME.

        Args:
            doc: the text.
            truncate_len: words of the text that are looked at.
            all_targets: weights for every class, not only for the predicted one.
            n_samples: variations of the text that are predicted.

        Returns:
            An `Explanation`, which shows itself in a notebook and prints in a terminal.
        """
        from .explain import explain_with_lime

        return explain_with_lime(self, doc, truncate_len, all_targets, n_samples)

    def save(self, path: str | os.PathLike) -> None:
        """Write a Hugging Face checkpoint and simpletext.json into a new folder.

        With mean pooling it is a sentence-transformers folder. No pickle is in it.

        Raises:
            FolderExistsError: the folder is there already.
        """
        settings = {
            "format": FORMAT,
            "task": self.labels.task,
            "classes": list(self.labels.classes),
            "maxlen": self.maxlen,
            "pooling": architecture_of(self.model).pooling,
        }
        with new_folder(path) as folder:
            write_model(self.model, folder, self.maxlen)
            self.tokenizer.save(folder)
            write_json(folder / FILE, settings)

    def _values(self, texts: Any) -> np.ndarray:
        texts, pairs = as_texts(texts)
        encodings = self.tokenizer.encode(texts, pairs, self.maxlen)
        data = pack(encodings, self._layout, texts, pairs)
        return probabilities(predict_logits(self.model, data, self.batch_size), self.labels)


def _listed(texts: Any) -> tuple[bool, Any]:
    """Whether `texts` is one text (or one pair, a tuple), and the texts as a list."""
    single = isinstance(texts, str) or (
        isinstance(texts, tuple) and len(texts) == 2 and all(isinstance(t, str) for t in texts)
    )
    return single, [texts] if single else texts
