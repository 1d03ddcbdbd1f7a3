"""Sizes and SHA-256 of a folder's files, by which damage is noticed."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from .files import read_json, write_json

FILE = "checksums.json"
Checksums = Mapping[str, Mapping[str, Any]]  # name -> {"size": bytes, "sha256": hexadecimal}


def checksums_of(folder: Path, exclude: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """The size and SHA-256 of each file in a folder and its subfolders, by relative name."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: {"size": path.stat().st_size, "sha256": sha256(path)}
        for name, path in sorted(names.items())
        if path.is_file() and name not in set(exclude)
    }


def changed_files(folder: Path, expected: Checksums) -> list[str]:
    """The files that are missing or have another content than they had, by name."""
    return [name for name, found in expected.items() if not _is_same(folder / name, found)]


def write_checksums(folder: Path) -> None:
    """Write the checksums of a folder's files into it."""
    write_json(folder / FILE, checksums_of(folder, [FILE]))


def checksums_match(folder: Path) -> bool:
    """Whether a folder's files are those that its `write_checksums` saw."""
    try:
        expected = read_json(folder / FILE)
    except (OSError, CheckpointError):
        return False
    return bool(expected) and not changed_files(folder, expected)


def _is_same(path: Path, expected: Mapping[str, Any]) -> bool:
    if not path.is_file() or path.stat().st_size != expected["size"]:
        return False
    return sha256(path) == expected["sha256"]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
