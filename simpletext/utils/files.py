"""Files and folders: JSON, atomic writes, and links that lead out of a folder."""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, CheckpointError, FolderExistsError
from .processes import is_first
from .validation import require_flag, shown

LITTER_AGE = 3600  # seconds; a running save is younger
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # a Windows drive has one letter


def local_path(path: str | os.PathLike) -> Path:
    """A path on this machine, with `~` expanded.

    Raises:
        ArgumentError: an address such as "s3://bucket/model", which would become a local folder
            of that name; a name that isn't valid Unicode.
    """
    plain = plain_path(path)
    if ADDRESS.match(os.fspath(path)) or os.fspath(path).startswith("dbfs:"):
        raise ArgumentError(
            f"{os.fspath(path)!r} is an address; simpletext writes to local folders only. Use a "
            "local or mounted folder, and copy it there with the tool of that storage."
        )
    try:
        str(plain.absolute()).encode()
    except UnicodeEncodeError as error:  # the libraries in Rust that write files need it
        raise ArgumentError(
            f"{str(plain.absolute())!a} isn't valid Unicode, so not all files can be written "
            "there. Use another folder."
        ) from error
    return plain


def plain_path(path: Any) -> Path:
    """A path with `~` expanded.

    Raises:
        ArgumentError: not a string or path; an empty one; characters or a length that no file
            system takes.
    """
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise ArgumentError(f"{shown(path)} is no path; it must be a string or a pathlib.Path.")
    name = os.fspath(path)
    try:
        parts = [len(os.fsencode(part)) for part in Path(name).parts]
    except UnicodeEncodeError:
        parts = [0]
    if not name.strip() or "\0" in name or max(parts, default=0) > 255 or 0 in parts:
        raise ArgumentError(
            f"{shown(name)} can't be the path of a file or folder. Use a name of letters, digits "
            "and the like, of at most 255 bytes."
        )
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ArgumentError(f"{shown(name)} can't be expanded: {error}.") from error


def work_folder(folder: Any, marker: str, work: str, resume: Any) -> Path:
    """The folder of some work, such as a search, before it begins; it isn't created yet.

    Args:
        folder: the user's.
        marker: what is in the folder once the work has begun.
        work: its name in the message.
        resume: whether work in the folder is continued.

    Raises:
        CheckpointError: such work is there, and it isn't to be continued.
    """
    path = local_path(folder).absolute()
    if not require_flag("resume", resume) and (path / marker).exists():
        raise CheckpointError(
            f"{path} holds a {work} already. Pass resume=True to continue it; for a new one use "
            "another folder, or remove this one."
        )
    return path


def beside(path: Path, ending: str) -> Path:
    """The path whose name has this ending besides; that of "." is the current folder's.

    Example:
        >>> beside(Path("models/a"), ".json").as_posix()
        'models/a.json'
    """
    whole = path if path.name else path.absolute()
    return whole.parent / (whole.name + ending)


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
def new_folder(target: str | os.PathLike, by_all: bool = False) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` when the block ends well.

    Args:
        target: the folder.
        by_all: on several processes each of them writes it; by default the first one alone, and
            what the others write is removed.

    Raises:
        FolderExistsError: `target` is there already.
    """
    if not (by_all or is_first()):
        with tempfile.TemporaryDirectory() as dropped:
            yield Path(dropped)
        return
    target = local_path(target).absolute()
    check_absent(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_litter(target)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        temporary.chmod(0o755)
        yield temporary
        check_absent(target)
        for path in [*temporary.rglob("*"), temporary]:
            sync(path)
        temporary.rename(target)
        sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def whole_file(target: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside `target` that becomes `target` when the block ends well.

    Its name can't be foreseen, so nobody can put a link in its place. Of several processes the
    first one alone writes it.

    Raises:
        FolderExistsError: `target` is there already.
        ArgumentError: a file can't be created there.
    """
    target = local_path(target).absolute()
    if not is_first():
        with tempfile.TemporaryDirectory() as dropped:
            yield Path(dropped) / target.name
        return
    part = _file_beside(target)
    try:
        part.chmod(0o644)
        yield part
        check_absent(target)
        sync(part)
        part.rename(target)
        sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _file_beside(target: Path) -> Path:
    """A new empty file with a random name beside a path at which there is nothing yet."""
    check_absent(target)
    try:
        number, name = tempfile.mkstemp(target.suffix, f".{target.stem}-", target.parent)
    except OSError as error:
        raise _not_writable(target, error) from error
    os.close(number)
    return Path(name)


def require_new_file(target: str | os.PathLike) -> None:
    """Refuse a file that exists or can't be created, before long work starts.

    Raises:
        FolderExistsError: it is there already.
        ArgumentError: it can't be created.
    """
    _file_beside(local_path(target).absolute()).unlink()


def require_new_folder(target: str | os.PathLike) -> None:
    """Refuse a folder that exists or can't be created, before long work starts.

    Raises:
        FolderExistsError: it is there already.
        ArgumentError: it can't be created.
    """
    folder = local_path(target).absolute()
    check_absent(folder)
    try:
        existing = next(parent for parent in folder.parents if parent.exists())
        Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=existing)).rmdir()
    except OSError as error:
        raise _not_writable(folder, error) from error


def _not_writable(path: Path, error: OSError) -> ArgumentError:
    return ArgumentError(
        f"{shown(os.fspath(path))} can't be written: {error.strerror}. Choose a path in a folder "
        "that exists and that you may write into."
    )


def sync(path: Path) -> None:
    """Make a file or folder last through a power cut, before or after it is renamed.

    Windows can't do that for folders, and has no need to.
    """
    if path.is_dir() and os.name == "nt":
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _remove_litter(target: Path) -> None:
    """Remove temporary folders that a killed process left an hour ago or longer."""
    for path in target.parent.glob(f".{target.name}-????????"):
        with suppress(OSError):
            if path.is_dir() and path.stat().st_mtime < time.time() - LITTER_AGE:
                shutil.rmtree(path, ignore_errors=True)


def check_absent(target: str | os.PathLike) -> None:
    """Refuse a path that exists; of several processes the first one alone does, as it writes."""
    if is_first() and local_path(target).exists():
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


def check_links(folder: Path, home: Path | None = None, pattern: str = "**/*") -> None:
    """Refuse links out of `folder`, and anything in it that is neither a file nor a folder.

    Args:
        folder: the folder; one that doesn't exist has no links.
        home: where links may lead to, if that isn't the folder itself.
        pattern: what is looked at; "*" for the folder without its subfolders.

    The Hub's cache keeps a snapshot's files as links into the `blobs` beside it; those are right.

    Raises:
        CheckpointError: a link that leads elsewhere, by name.
    """
    home = home or folder
    homes = [home.resolve()]
    if home.parent.name == "snapshots":
        homes.append(home.parent.parent.resolve() / "blobs")
    for path in folder.glob(pattern):
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise CheckpointError(f"{path} is a link that leads nowhere: {error}.") from error
        if not any(real.is_relative_to(home) for home in homes):
            raise CheckpointError(
                f"{path} is a link out of its folder, to {real}. Don't trust the folder, or put "
                "the file itself in the link's place."
            )
        if not (real.is_file() or real.is_dir()):
            raise CheckpointError(f"{path} is neither a file nor a folder. Don't trust the folder.")
