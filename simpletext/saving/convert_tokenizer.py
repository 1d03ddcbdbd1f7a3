"""The tokenizer of an old checkpoint in the files of a Hugging Face folder."""

import os
import shutil
from pathlib import Path
from typing import Any

from ..checkpoints.hub import find_small_files
from ..checkpoints.old_checkpoint import (
    OldCheckpoint,
    OldTokenizer,
    looks_lowercase,
    tokens_in,
    vocabulary_bytes,
)
from ..checkpoints.protobuf import fields
from ..errors import ArgumentError, CheckpointError
from ..models.families import family_of
from ..models.loading import layout_for, max_positions
from ..tokenization.tokenizer import TOKENIZER, Tokenizer
from ..utils import console
from ..utils.files import plain_path, write_json

CONFIG = "tokenizer_config.json"
WORDPIECE = "vocab.txt"
# model_type -> the file's name and the class of a SentencePiece tokenizer; ids beyond the pieces.
SENTENCEPIECE = {
    "albert": ("spiece.model", "AlbertTokenizer", 0),
    "xlnet": ("spiece.model", "XLNetTokenizer", 0),
    "fnet": ("spiece.model", "FNetTokenizer", 0),
    "rembert": ("sentencepiece.model", "RemBertTokenizer", 0),
    "xlm-roberta": ("sentencepiece.bpe.model", "XLMRobertaTokenizer", 2),
    "deberta-v2": ("spm.model", "DebertaV2Tokenizer", 1),
}
CASED = ("xlnet", "fnet", "xlm-roberta", "deberta-v2", "rembert")  # SentencePiece's, by default
COPIED = ("*token*.json", "vocab.*", "merges.txt", "*.model")


def write_tokenizer(
    old: OldCheckpoint, folder: Path, cased: bool | None, given: str | os.PathLike | None
) -> None:
    """Write the tokenizer's files into the new folder, and print what it is.

    Args:
        old: the checkpoint.
        folder: the new folder, with its config.json.
        cased: what the user says about capital letters.
        given: the tokenizer that the user passed: a folder, a vocabulary file or a Hub name.

    Raises:
        CheckpointError: a vocabulary that doesn't fit the embeddings.
        ArgumentError: `cased` where the tokenizer's own files say it.
    """
    files = old.tokenizer
    if given is not None:
        files = _given(plain_path(given), os.fspath(given), folder)
    elif old.files is not None:
        _copy(old.files, folder)
    found = any(next(folder.glob(pattern), None) for pattern in COPIED)
    if files is None and cased is not None:
        why = "the tokenizer's own settings say it" if found else "there is no vocabulary here"
        raise ArgumentError(f"cased={cased!r}, but {why}. Leave it out, or pass tokenizer=.")
    if files is not None:
        _write_files(old, files, folder, cased, exact=given is None)
    elif not found:
        console.note(
            "  tokenizer: none was found; pass tokenizer= with a folder or a vocabulary file, or "
            "put the files into the new folder yourself"
        )
        return
    words = Tokenizer.load(folder)
    if given is not None:
        _require_fit(old, Path(os.fspath(given)), words.size, exact=False)
    words.save(folder, layout_for(old.config, words.layout).model_input_names)


def _given(path: Path, name: str, folder: Path) -> OldTokenizer | None:
    """The tokenizer that was passed: its vocabulary; None if its files were copied as they are."""
    if path.is_file():
        return OldTokenizer(path)
    source = path if path.is_dir() else find_small_files(name)
    if not (source / TOKENIZER).is_file() and (source / WORDPIECE).is_file():
        return OldTokenizer(source / WORDPIECE)
    _copy(source, folder)
    return None


def _copy(source: Path, folder: Path) -> None:
    for pattern in COPIED:
        for path in source.glob(pattern):
            shutil.copyfile(path, folder / path.name)


def _write_files(
    old: OldCheckpoint, files: OldTokenizer, folder: Path, cased: bool | None, exact: bool
) -> None:
    config: dict[str, Any] = {}
    limit = max_positions(family_of(old.config), old.config)
    if limit is not None:
        config["model_max_length"] = limit
    lowercase = files.lowercase if cased is None else not cased
    if files.vocabulary.suffix == ".txt":
        tokens = tokens_in(files.vocabulary)
        _require_fit(old, files.vocabulary, len(tokens), exact)
        lowercase = looks_lowercase(tokens) if lowercase is None else lowercase
        shutil.copyfile(files.vocabulary, folder / WORDPIECE)
        config |= {"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase}
    elif files.vocabulary.suffix == ".json":
        shutil.copyfile(files.vocabulary, folder / "vocab.json")
        if files.merges is not None:
            shutil.copyfile(files.merges, folder / "merges.txt")
        config["tokenizer_class"] = "RobertaTokenizer"
        lowercase = False
    else:
        kind = old.config["model_type"]
        name, own_class, more = SENTENCEPIECE.get(kind, SENTENCEPIECE["albert"])
        _require_fit(old, files.vocabulary, _pieces(files.vocabulary) + more, exact and not more)
        lowercase = kind not in CASED if lowercase is None else lowercase
        shutil.copyfile(files.vocabulary, folder / name)
        config |= {"tokenizer_class": own_class, "do_lower_case": lowercase}
    if files.strip_accents is not None:
        config["strip_accents"] = files.strip_accents
    write_json(folder / CONFIG, config)
    console.note(
        f"  tokenizer: {files.vocabulary.name}, "
        + ("uncased (texts are lowercased)" if lowercase else "cased")
        + ("" if cased is not None else "; if not, pass cased=")
    )


def _require_fit(old: OldCheckpoint, path: Path, count: int, exact: bool) -> None:
    """Refuse a vocabulary that isn't that of the embeddings."""
    rows = family_of(old.config).read_config(old.config).vocab_size
    if count > rows or (exact and count != rows):
        raise CheckpointError(
            f"{path} has {count} tokens and the checkpoint embeddings for {rows}: they are of "
            "different models. Pass tokenizer= with the right vocabulary"
            + (", or with this one to take it all the same." if count < rows else ".")
        )


def _pieces(path: Path) -> int:
    """The number of pieces in a SentencePiece model."""
    try:
        return sum(number == 1 for number, _ in fields(vocabulary_bytes(path)))
    except (ValueError, OSError) as error:
        raise CheckpointError(
            f"{path} isn't a SentencePiece model: {error}. Get it again."
        ) from error
