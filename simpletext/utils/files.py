"""Files and folders: JSON, atomic writes, and links that lead out of a folder."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, FolderExistsError


def read_json(path: Path) -> Any:
    """The content of a JSON file, or an error that names the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} isn't valid JSON: {error}.") from error


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, readable and in its own order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def new_folder(target: str | os.PathLike) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` when the block ends well.

    Raises:
        FolderExistsError: `target` is there already.
    """
    target = Path(target).expanduser().absolute()
    check_absent(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        temporary.chmod(0o755)
        yield temporary
        check_absent(target)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_absent(target: str | os.PathLike) -> None:
    """Refuse a path that exists."""
    if Path(target).expanduser().exists():
        raise FolderExistsError(
            f"{os.fspath(target)!r} exists already and is left as it is. "
            "Choose another folder, or remove this one first."
        )


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, refused when the name leads out of the folder."""
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise CheckpointError(f"{folder} names a file outside of itself: {name!r}. Don't trust it.")
    return path


def check_links(folder: Path) -> None:
    """Refuse links out of `folder`, and anything in it that is neither a file nor a folder.

    The Hub's cache keeps a snapshot's files as links into the `blobs` beside it; those are right.

    Raises:
        CheckpointError: a link that leads elsewhere, by name.
    """
    homes = [folder.resolve()]
    if folder.parent.name == "snapshots":
        homes.append(folder.parent.parent.resolve() / "blobs")
    for path in folder.rglob("*"):
        real = path.resolve()
        if not any(real.is_relative_to(home) for home in homes):
            raise CheckpointError(
                f"{path} is a link out of its folder, to {real}. Don't trust the folder, or put "
                "the file itself in the link's place."
            )
        if not (real.is_file() or real.is_dir()):
            raise CheckpointError(f"{path} is neither a file nor a folder. Don't trust the folder.")
