"""HDF5 files opened safely: only data inside the file itself, of sizes that it can hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from .safetensors_file import is_lfs_pointer

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_EXPANSION = 20  # how many times larger than the file a compressed data set may be


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A context manager: the file, opened with h5py.

    Raises:
        WeightsError: not an HDF5 file, or a damaged one, noticed when opened or in the block.
    """
    import h5py

    _require_hdf5(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except WeightsError:  # it is an OSError too, and has its message already
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise WeightsError(
            f"{path} can't be read ({lines[0]}). It is truncated or damaged; get it again."
        ) from error


def data_sets(group: Any) -> list[str]:
    """The names of all data sets in a group; links aren't followed."""
    import h5py

    found: list[str] = []
    group.visititems(lambda n, node: found.append(n) if isinstance(node, h5py.Dataset) else None)
    return found


def local_array(file: Any, path: Path, place: str) -> Any:
    """The data set at a place in the file, checked but not read.

    Args:
        file: from `opened`.
        path: the file's path, for messages.
        place: the data set's name, with "/" between the groups.

    Raises:
        WeightsError: links, external or virtual storage, no numbers, or more bytes than the file
            can hold.
    """
    import h5py

    require_no_links(file, path, place)
    data = file[place]
    if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "fiu":
        raise WeightsError(f"{path} has no numbers under {place!r}. Get the checkpoint again.")
    if data.is_virtual or data.id.get_create_plist().get_external_count():
        raise WeightsError(
            f"{path} keeps {place!r} outside of itself. Don't trust the file; get the checkpoint "
            "again."
        )
    declared, size = byte_size(data), path.stat().st_size
    stored = data.id.get_storage_size()
    most = stored if data.chunks is None else MOST_EXPANSION * size
    if declared > most or (data.id.get_offset() or 0) + min(declared, stored) > size:
        raise WeightsError(
            f"{path} declares {declared} bytes for {place!r} and holds {stored}: it is truncated "
            "or damaged. Get it again."
        )
    return data


def byte_size(data: Any) -> int:
    """The bytes of a data set's values in memory."""
    count = 1
    for length in data.shape:
        count *= int(length)
    return data.dtype.itemsize * count


def require_no_links(file: Any, path: Path, place: str) -> None:
    """Refuse a place that is reached through a link other than a hard link.

    Raises:
        WeightsError: a soft or external link on the way.
    """
    import h5py

    parts = place.split("/")
    for depth in range(1, len(parts) + 1):
        link = file.get("/".join(parts[:depth]), getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise WeightsError(
                f"{path} holds a link in place of {place!r}. Don't trust the file; get the "
                "checkpoint again."
            )


def values_of(data: Any) -> np.ndarray:
    """The values of a data set."""
    return np.asarray(data[()])


def _require_hdf5(path: Path) -> None:
    """Refuse a file that isn't HDF5; the message names its format if it is recognised."""
    if is_lfs_pointer(path):
        what = "a Git LFS pointer, not the file itself. Run `git lfs pull`, or download it"
    else:
        with path.open("rb") as file:
            head = file.read(len(SIGNATURE))
        if head == SIGNATURE:
            return
        what = "not an HDF5 file. Get it again" if head else "empty. Get it again"
    raise WeightsError(f"{path} is {what}.")
