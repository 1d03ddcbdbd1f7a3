"""Encoded texts on disk: may be larger than memory, and are encoded once.

A cache is a folder named after the fingerprint of its texts, tokenizer and maxlen. It is renamed to
that name when it is complete, so that no incomplete one is found. Its arrays are plain,
memory-mapped files with no pickle.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..utils import console
from ..utils.checksums import checksums_match, write_checksums
from ..utils.files import local_path, new_folder
from .encoded_texts import EncodedTexts, offsets_of
from .layout import Layout

FORMAT = b"1"
FLAT = {"ids": "int32", "type_ids": "uint8"}
PER_TEXT = {"lengths": "int64", "full_lengths": "int64"}
CHUNK = 10_000  # texts hashed at a time


def fingerprint(parts: Sequence[bytes], texts: Sequence[str], pairs: Sequence[str] | None) -> str:
    """A hash of texts, tokenizer and maxlen.

    Each text is hashed with its length, so that texts joined differently have another hash.
    """
    digest = hashlib.blake2b(digest_size=20)
    for part in (FORMAT, *parts, b"single" if pairs is None else b"pairs"):
        digest.update(len(part).to_bytes(8, "little") + part)
    for column in (texts, pairs or ()):
        for start in range(0, len(column), CHUNK):
            chunk = [t.encode("utf-8", "surrogatepass") for t in column[start : start + CHUNK]]
            digest.update(np.fromiter(map(len, chunk), "int64", len(chunk)).tobytes())
            digest.update(b"".join(chunk))
    return digest.hexdigest()


def cached(
    cache_dir: str | os.PathLike,
    name: str,
    encode: Callable[[], Iterable[EncodedTexts]],
    layout: Layout,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
) -> EncodedTexts:
    """The encoded texts from the cache `name`, which is written first if it doesn't exist.

    Args:
        cache_dir: the folder that holds the caches; created if it doesn't exist.
        name: the fingerprint of texts, tokenizer and maxlen.
        encode: returns the encodings; called if there is no cache.
        layout: how they are padded.
        texts: the texts.
        pairs: the second texts of pairs, or None.
    """
    from filelock import FileLock

    folder = local_path(cache_dir).absolute() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):  # another process may be encoding the same texts
        if folder.is_dir() and not checksums_match(folder):
            console.note(f"The cache {folder} is damaged and is written again.")
            shutil.rmtree(folder)
        if not folder.is_dir():
            for left in folder.parent.glob(f".{name}-*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            with new_folder(folder, by_all=True) as temporary:
                _write(temporary, encode())
                write_checksums(temporary)
    return read_cache(folder, layout, texts, pairs)


def _write(folder: Path, encodings: Iterable[EncodedTexts]) -> None:
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {
            part: stack.enter_context((folder / f"{part}.bin").open("wb"))
            for part in (*FLAT, *PER_TEXT)
        }
        for chunk in encodings:
            for part, file in files.items():
                file.write(np.ascontiguousarray(getattr(chunk, part)).tobytes())


def read_cache(
    folder: Path, layout: Layout, texts: Sequence[str], pairs: Sequence[str] | None
) -> EncodedTexts:
    """The encoded texts in a cache's folder, memory-mapped."""
    flat = {part: _mapped(folder / f"{part}.bin", kind) for part, kind in FLAT.items()}
    lengths, full = (np.fromfile(folder / f"{p}.bin", kind) for p, kind in PER_TEXT.items())
    return EncodedTexts(
        **flat,
        offsets=offsets_of(lengths),
        layout=layout,
        full_lengths=full,
        texts=texts,
        pairs=pairs,
    )


def _mapped(path: Path, kind: str) -> Any:
    """A file as an array; an empty one can't be mapped."""
    return np.memmap(path, kind, "r") if path.stat().st_size else np.zeros(0, kind)
