"""A predictor on its way to another process, for pickle, copy and joblib: data, nothing that runs.

It is sent as the path of its saved folder where that folder holds just this predictor, else as the
bytes of the folder that saving it would write.
"""

import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..utils.checksums import sha256
from ..utils.files import plain_path, read_json
from .settings import FILE

# Entries of simpletext.json that don't decide what a predictor predicts.
DESCRIPTIONS = ("probes", "metrics", "sizes", "base_model")


@dataclass(frozen=True)
class SavedFolder:
    """A folder that every receiver must see under the same path.

    Attributes:
        path: absolute.
        sha256: of its simpletext.json, which has the checksums of the other files.
    """

    path: str
    sha256: str

    def opened(self) -> Path:
        """The folder, if it is here and still the same.

        Raises:
            CheckpointError: it isn't.
        """
        file = Path(self.path) / FILE
        if file.is_file() and sha256(file) == self.sha256:
            return Path(self.path)
        problem = "isn't the one that was sent" if file.is_file() else "isn't on this machine"
        raise CheckpointError(
            f"The predictor was sent as its folder {self.path!r}, which {problem}. Keep the folder "
            "unchanged on storage that all machines see under this path, or load it here with "
            "load_predictor."
        )


def absolute(path: str | os.PathLike) -> str:
    """The path from the root, with `~` expanded: right for processes in other folders too."""
    return os.path.abspath(plain_path(path))


def packed(folder: str | None, write: Callable[..., None], *parts: Any) -> bytes | SavedFolder:
    """What is sent of a predictor.

    Args:
        folder: where it was loaded from or saved to, absolute, or None.
        write: takes a new folder and the parts, and writes the predictor into it.
        parts: model, tokenizer and settings.
    """
    with tempfile.TemporaryDirectory() as temporary:
        new = Path(temporary) / "predictor"
        write(new, *parts)
        if folder is not None and _content(Path(folder)) == _content(new):
            return SavedFolder(folder, sha256(Path(folder) / FILE))
        return _zipped(new)


@contextmanager
def unpacked(content: bytes | SavedFolder) -> Iterator[Path]:
    """The folder of what `packed` returned; that of bytes is a temporary one.

    Raises:
        CheckpointError: a folder that isn't here or has changed.
    """
    if isinstance(content, SavedFolder):
        yield content.opened()
        return
    with tempfile.TemporaryDirectory() as temporary:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(temporary)  # zipfile keeps names inside of the folder
        yield Path(temporary)


def _content(folder: Path) -> dict[str, Any] | None:
    """What decides a folder's predictions, by simpletext.json; None if there is no such file."""
    if not (folder / FILE).is_file():
        return None
    raw = read_json(folder / FILE)
    return {name: value for name, value in raw.items() if name not in DESCRIPTIONS}


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
