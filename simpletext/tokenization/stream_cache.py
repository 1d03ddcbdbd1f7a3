"""Encoded texts of a stream, on disk: neither texts nor ids are held in memory."""

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from ..data.streams import TextStream
from ..data.texts import as_texts
from ..errors import DataError
from ..utils import console
from ..utils.checksums import checksums_match, write_checksums
from ..utils.files import local_path, new_folder
from .cache import FLAT, PER_TEXT, read_cache
from .encoded_texts import EncodedTexts
from .stored_texts import StoredTexts, TextWriter
from .text_encoder import TextEncoder

SIDES = ("texts", "pairs")


def encode_stream(
    encoder: TextEncoder, stream: TextStream, cache_dir: str | os.PathLike, verbose: int
) -> tuple[EncodedTexts, list[Any]]:
    """The texts of a stream as memory-mapped ids, and their labels.

    Files are encoded once: a cache of the same files, columns, tokenizer and maxlen is used again.
    A stream without files is encoded at each call.

    Args:
        encoder: texts -> ids.
        stream: the texts and labels.
        cache_dir: the folder that holds the caches; created if it doesn't exist.
        verbose: 1 shows a progress bar.

    Raises:
        DataError: texts that can't be used, with their rows; no texts.
    """
    folder = local_path(cache_dir).absolute() / _name(encoder, stream)
    if folder.is_dir() and checksums_match(folder):
        return _read(folder, encoder), stream.labels() if stream.label else []
    with new_folder(folder) as temporary:
        labels = _write(temporary, encoder, stream, verbose)
        write_checksums(temporary)
    return _read(folder, encoder), labels


def _name(encoder: TextEncoder, stream: TextStream) -> str:
    """The cache's name: a hash of all that decides its content."""
    if not stream.identity:
        return f"stream-{uuid.uuid4().hex}"
    digest = hashlib.blake2b(digest_size=20)
    for part in (encoder.tokenizer.fingerprint(), str(encoder.maxlen).encode()):
        digest.update(len(part).to_bytes(8, "little") + part)
    digest.update(stream.identity.encode())
    return f"stream-{digest.hexdigest()}"


def _write(folder: Path, encoder: TextEncoder, stream: TextStream, verbose: int) -> list[Any]:
    """Write the ids and texts of a stream; returns its labels."""
    labels: list[Any] = []
    known: dict[Any, Any] = {}  # equal labels become one object
    with ExitStack() as stack:
        files = {
            part: stack.enter_context((folder / f"{part}.bin").open("wb"))
            for part in (*FLAT, *PER_TEXT)
        }
        writers = [
            stack.enter_context(closing(TextWriter(*_text_files(folder, side))))
            for side in SIDES[: len(stream.text)]
        ]
        bar = stack.enter_context(console.bar(None, "encoding", verbose))
        for texts, pairs, found in _checked(stream):
            encoder.check_pairs(pairs)
            for chunk in encoder.tokenizer.encode(texts, pairs, encoder.maxlen):
                for part, file in files.items():
                    file.write(np.ascontiguousarray(getattr(chunk, part)).tobytes())
            for writer, side in zip(writers, (texts, pairs or ()), strict=False):
                writer.write(side)
            labels += [known.setdefault(y, y) if isinstance(y, str) else y for y in found]
            bar.update(len(texts))
    return labels


def _checked(stream: TextStream) -> Iterator[tuple[list[str], list[str] | None, list[Any]]]:
    """The chunks of a stream; an error names the rows of the whole."""
    first = 0
    for rows, labels in stream.chunks():
        if not rows:
            continue
        try:
            texts, pairs = as_texts(rows)
        except DataError as error:
            raise DataError(f"{error} These rows are counted from row {first}.") from error
        yield texts, pairs, labels
        first += len(rows)
    if not first:
        raise DataError("The stream has no rows.")


def _text_files(folder: Path, side: str) -> tuple[Path, Path]:
    return folder / f"{side}.bin", folder / f"{side}_lengths.bin"


def _read(folder: Path, encoder: TextEncoder) -> EncodedTexts:
    sides: list[Sequence[str] | None] = []
    for side in SIDES:
        texts, lengths = _text_files(folder, side)
        sides.append(StoredTexts(texts, np.fromfile(lengths, "int64")) if texts.is_file() else None)
    return read_cache(folder, encoder.layout, sides[0] or (), sides[1])
