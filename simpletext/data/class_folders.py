"""Folders of text files, one folder per class."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from .tables import Examples
from .text_files import detected


def class_folders(folder: Path) -> list[str]:
    """The names of the class folders in `folder`.

    Raises:
        DataError: there are fewer than two.
    """
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(names) < 2:
        raise DataError(
            f"{str(folder)!r} has {len(names)} class folders{': ' * bool(names)}"
            f"{', '.join(names)}; it needs two or more, each with the text files of one class."
        )
    return names


def read_folder(folder: Path, classes: Sequence[str], encoding: str | None = None) -> Examples:
    """The texts below `folder`, and the class folder of each as its label.

    Raises:
        DataError: a class folder that isn't there or is empty, a file that isn't text.
    """
    contents: list[tuple[Path, bytes]] = []
    for name in classes:
        if not (folder / name).is_dir():
            raise DataError(f"There is no class folder {str(folder / name)!r}.")
        paths = sorted(p for p in (folder / name).rglob("*") if p.is_file())
        shown = [(path, path.read_bytes()) for path in paths if not path.name.startswith(".")]
        if not shown:
            raise DataError(f"The class folder {str(folder / name)!r} has no files.")
        contents += shown
    labels = [path.relative_to(folder).parts[0] for path, _ in contents]
    return Examples(_decoded(folder, contents, encoding), labels)


def _decoded(folder: Path, contents: list[tuple[Path, bytes]], encoding: str | None) -> list[str]:
    """The files' texts; those that aren't UTF-8 are assumed to share one other encoding."""
    other = [data for _, data in contents if encoding is None and not _is_utf8(data)]
    found = detected(b"\n".join(other), f"{len(other)} files in {folder}") if other else None
    texts = []
    for path, data in contents:
        if b"\0" in data and encoding is None:
            raise DataError(f"{path} isn't text: there are zero bytes in it.")
        name = encoding or ("utf-8-sig" if _is_utf8(data) else found or "utf-8")
        try:
            texts.append(data.decode(name))
        except (UnicodeDecodeError, LookupError) as error:
            raise DataError(f"{path} isn't {name} ({error}). Say encoding=.") from error
    return texts


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
