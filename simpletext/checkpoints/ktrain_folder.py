"""Folders of ktrain's `predictor.save`, read as data (https://github.com/amaiml/ktrain).

Classes, task and maxlen are only in the pickle beside the weights. No class in it is imported and
nothing is called (see `pickle_data`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..utils.files import beside
from .pickle_data import Fields, Record, as_list, read_pickle

PREPROC = "tf_model.preproc"
TRANSFORMERS = ("Transformer", "TransformersPreprocessor", "DistilBertPreprocessor")
KERAS_BERT = "BERTPreprocessor"
SUPPORTED = 'text classifiers and regressions of ktrain\'s Transformer, "distilbert" and "bert"'


@dataclass(frozen=True)
class KtrainFolder:
    """The content of a ktrain predictor's pickle.

    Attributes:
        folder: where weights and config.json are.
        kind: the preprocessor's class name.
        classes: the labels in the order of the outputs; empty for regression.
        task: the task's name, one of Hugging Face's problem types.
        maxlen: tokens per text, or None if it isn't in the pickle.
        checkpoint: Hub name of the checkpoint that was fine-tuned, or None.
        segments: whether token types separate the texts of a pair.
        vocabulary: tokens by id from a tokenizer inside the pickle; None if there is none.
        lowercase: whether that tokenizer lowercases; None if it isn't in the pickle.
    """

    folder: Path
    kind: str
    classes: tuple[str, ...]
    task: str
    maxlen: int | None
    checkpoint: str | None
    segments: bool
    vocabulary: list[str] | None
    lowercase: bool | None

    @property
    def is_keras_bert(self) -> bool:
        """Whether the weights are from keras_bert, not from a TensorFlow class."""
        return self.kind == KERAS_BERT


def find_preproc(folder: Path) -> Path | None:
    """The pickle of a ktrain predictor: in its folder, or in old layouts beside it."""
    places = (folder / PREPROC, beside(folder, ".preproc"))
    return next((path for path in places if path.is_file()), None)


def read_ktrain(folder: Path) -> KtrainFolder:
    """The content of the pickle in a ktrain predictor's folder.

    Raises:
        CheckpointError: no such pickle, a damaged one, or another kind of predictor.
    """
    path = find_preproc(folder)
    if path is None:
        raise CheckpointError(f"There is no {PREPROC} in {folder} or beside it.")
    record = read_pickle(path)
    kind = record.name.rpartition(".")[2] if isinstance(record, Record) else ""
    if not isinstance(record, Record) or not record.name.startswith("ktrain."):
        raise CheckpointError(f"{path} isn't a preprocessor of ktrain, so nothing is read from it.")
    if kind not in (*TRANSFORMERS, KERAS_BERT):
        raise CheckpointError(
            f"{folder} is a ktrain predictor of the kind {kind}. simpletext opens {SUPPORTED}."
        )
    classes = _classes(record, path)
    tokenizer = record.get("tok")
    vocabulary = _vocabulary(tokenizer) if isinstance(tokenizer, Record) else None
    return KtrainFolder(
        folder=folder,
        kind=kind,
        classes=classes,
        task=_task(classes, record.get("multilabel")),
        maxlen=_positive(record.get("maxlen")),
        checkpoint=_text(record.get("model_name")),
        segments=record.get("use_token_type_ids") is not False,
        vocabulary=vocabulary,
        lowercase=_lowercase(tokenizer) if vocabulary else None,
    )


def _classes(record: Record, path: Path) -> tuple[str, ...]:
    """The classes, from the attributes in which ktrain's versions stored them."""
    transform, encoder = record.get("ytransform"), record.get("label_encoder")
    found = [record.get("c")]
    if isinstance(transform, Record):
        found.append(transform.get("c"))
        inner = transform.get("le")
        found.append(inner.get("classes_") if isinstance(inner, Record) else None)
    if isinstance(encoder, Record):
        found.append(encoder.get("classes_"))
    for values in map(as_list, found):
        if values:
            if not all(isinstance(value, (str, int, float, bool)) for value in values):
                raise CheckpointError(f"{path} has classes that are neither texts nor numbers.")
            return tuple(map(str, values))
    return ()


def _task(classes: tuple[str, ...], multilabel: Any) -> str:
    if not classes:
        return "regression"
    return "multi_label_classification" if multilabel is True else "single_label_classification"


def _positive(value: Any) -> int | None:
    return value if type(value) is int and 3 <= value <= 100_000 else None


def _text(value: Any) -> str | None:
    return value if type(value) is str and value else None


def _vocabulary(tokenizer: Record) -> list[str] | None:
    """The tokens by id of a WordPiece tokenizer inside the pickle."""
    table = tokenizer.get("_token_dict") or tokenizer.get("vocab")
    pairs = table.items if isinstance(table, Record) else table
    if not isinstance(pairs, (list, Fields)) or not pairs:
        return None
    tokens: dict[int, str] = {}
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            return None
        token, number = pair
        if type(token) is not str or type(number) is not int:
            return None
        tokens[number] = token
    if sorted(tokens) != list(range(len(tokens))):
        return None
    return [tokens[number] for number in range(len(tokens))]


def _lowercase(tokenizer: Record) -> bool | None:
    cased = tokenizer.get("_cased")
    if isinstance(cased, bool):
        return not cased
    options = tokenizer.get("basic_tokenizer")
    value = options.get("do_lower_case") if isinstance(options, Record) else None
    return value if isinstance(value, bool) else None
