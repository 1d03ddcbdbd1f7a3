"""What a reader of an old format returns: config, tensors under PyTorch's names, tokenizer."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, CheckpointError, WeightsError
from ..utils.files import read_json

BRACKETED = re.compile(r"\[.*\]")
LARGEST_VOCABULARY = 1 << 26  # bytes
MOST_LAYERS = 1000


class LazyTensors(Mapping[str, np.ndarray]):
    """Tensors by name, each read on access.

    Args:
        name: the file's name, for messages.
        readers: name -> a function that returns the tensor.
    """

    def __init__(self, name: str, readers: Mapping[str, Callable[[], np.ndarray]]) -> None:
        self.name, self._readers = name, dict(readers)

    def __getitem__(self, key: str) -> np.ndarray:
        return np.asarray(self._readers[key](), dtype="float32")

    def __contains__(self, key: object) -> bool:
        return key in self._readers  # Mapping's own would read the tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def with_changed(self, key: str, change: Callable[[np.ndarray], np.ndarray]) -> "LazyTensors":
        """The same tensors, with a function applied to one of them when it is read."""
        read = self._readers[key]
        return LazyTensors(self.name, {**self._readers, key: lambda: change(read())})


@dataclass(frozen=True)
class Head:
    """The classification head of an old checkpoint.

    Attributes:
        module: the output layer's name in PyTorch.
        outputs: its number of outputs.
        activation: "softmax" or "sigmoid"; None if the file doesn't have it.
        task: the task's name; None if the file doesn't have it.
    """

    module: str
    outputs: int
    activation: str | None = None
    task: str | None = None


@dataclass(frozen=True)
class OldTokenizer:
    """The tokenizer's files of an old checkpoint.

    Attributes:
        vocabulary: a WordPiece vocabulary, a SentencePiece model, or the vocabulary of a BPE.
        merges: the merges of a BPE.
        lowercase: whether texts are lowercased; None if it isn't known.
        strip_accents: whether accents are removed; None follows `lowercase`.
    """

    vocabulary: Path
    merges: Path | None = None
    lowercase: bool | None = None
    strip_accents: bool | None = None


@dataclass(frozen=True)
class OldCheckpoint:
    """A checkpoint of another program, in the form of a Hugging Face folder.

    Attributes:
        source: its path.
        format: its format, for messages.
        config: the content of config.json, without labels.
        tensors: all tensors, under PyTorch's names.
        architecture: PyTorch's class, if there is a head that isn't for classification.
        head: the classification head, if there is one.
        tokenizer: its files, if they were found.
        files: a folder whose tokenizer files are in Hugging Face's form already.
        notes: messages for the user, one sentence each.
    """

    source: Path
    format: str
    config: dict[str, Any]
    tensors: LazyTensors
    architecture: str | None = None
    head: Head | None = None
    tokenizer: OldTokenizer | None = None
    files: Path | None = None
    notes: Sequence[str] = field(default_factory=tuple)


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: no JSON, or not an object.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds {type(content).__name__}, not an object.")
    return content


def with_sizes(config: Mapping[str, Any], sizes: Mapping[str, int], name: str) -> dict[str, Any]:
    """A config with the tensors' sizes.

    Raises:
        WeightsError: the config has other sizes.
    """
    for key, size in sizes.items():
        if key in config and config[key] != size:
            raise WeightsError(
                f"{name}: the config has {key}={config[key]!r} and the tensors {size}. They are of "
                "different checkpoints; get both again."
            )
    return {**config, **sizes}


def tokens_in(path: Path) -> list[str]:
    """The tokens of a WordPiece vocabulary, one per line.

    Raises:
        CheckpointError: not a text file, or too long.
    """
    try:
        tokens = vocabulary_bytes(path).decode("utf-8").split("\n")
    except (UnicodeDecodeError, OSError) as error:
        raise CheckpointError(f"{path} isn't a vocabulary: {error}. Get it again.") from error
    return [token.rstrip("\r") for token in tokens[: -1 if tokens[-1] == "" else None]]


def vocabulary_bytes(path: Path) -> bytes:
    """The content of a vocabulary.

    Raises:
        CheckpointError: it is too long for one.
    """
    if path.stat().st_size > LARGEST_VOCABULARY:
        raise CheckpointError(f"{path} has {path.stat().st_size} bytes, too many for a vocabulary.")
    return path.read_bytes()


def looks_lowercase(tokens: Sequence[str]) -> bool:
    """Whether no token has a capital letter, except special tokens such as "[CLS]"."""
    return not any(t != t.lower() for t in tokens if not BRACKETED.fullmatch(t))


def find_config(*folders: Path) -> Path | None:
    """The config of an old checkpoint, such as bert_config.json, in the first folder with one."""
    for folder in folders:
        found = sorted(folder.glob("*_config.json")) + sorted(folder.glob("config.json"))
        for path in found:
            if not path.name.startswith(("tokenizer", "generation")):
                return path
    return None


def find_tokenizer(*folders: Path, lowercase: bool | None = None) -> OldTokenizer | None:
    """The vocabulary of an old checkpoint, in the first folder with one."""
    for folder in folders:
        for path in [folder / "vocab.txt", *sorted(folder.glob("*.model"))]:
            if path.is_file():
                return OldTokenizer(path, lowercase=lowercase)
    return None


def layer_count(name: str, found: Any, given: int | None) -> int:
    """The number of layers: from the files, else from the user.

    Raises:
        ArgumentError: neither has it, or they differ.
        WeightsError: a number that is impossible.
    """
    if found is None and given is None:
        raise ArgumentError(
            f"{name} doesn't contain its number of layers, because they share weights. Put "
            "its albert_config.json beside it, or pass layers=, such as 12 for ALBERT base."
        )
    if None not in (found, given) and found != given:
        raise ArgumentError(f"layers={given}, but {name} has {found} layers. Leave it out.")
    count = given if found is None else found
    if type(count) is not int or not 1 <= count <= MOST_LAYERS:
        raise WeightsError(
            f"{name} says that it has {count!r} layers, which can't be. Get it again."
        )
    return count


def merged_heads(value: np.ndarray, is_bias: bool, is_output: bool) -> np.ndarray:
    """A weight of Keras' attention in PyTorch's orientation, which merges heads and widths.

    Args:
        value: (hidden, heads, width); of the output projection (heads, width, hidden); or a bias.
        is_bias: whether it is a bias, (heads, width) or (hidden,).
        is_output: whether it belongs to the output projection.
    """
    if is_bias:
        return value.reshape(-1)
    if value.ndim == 3:
        outer = value.shape[-1] if is_output else value.shape[0]
        value = value.reshape((-1, outer) if is_output else (outer, -1))
    return value.T


def missing(name: str, what: str) -> WeightsError:
    """The error for a missing tensor."""
    return WeightsError(
        f"{name} has no {what}: it is incomplete, or of another architecture. Get it again."
    )
