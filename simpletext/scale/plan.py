"""Which rows make up which file of the output, and the file that keeps this for a second run."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, FolderExistsError
from ..utils.files import read_json, sync, write_json

FILE = "_run.json"  # readers of Parquet folders skip names that begin with _ or .
FORMAT = 1
MOST_ROWS = 10_000  # per file of the output: what a killed worker loses at most
FILES_PER_WORKER = 4  # at least, so that no worker waits long for the last one


@dataclass(frozen=True)
class Part:
    """Rows that become one file of the output.

    Attributes:
        number: that of the file.
        first: the number of its first row in the whole input.
        slices: (file, first row in it, row after the last) of the input.
    """

    number: int
    first: int
    slices: tuple[tuple[str, int, int], ...]

    @property
    def name(self) -> str:
        """The file's name."""
        return f"part-{self.number:06d}.parquet"

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(stop - start for _, start, stop in self.slices)

    def as_json(self) -> str:
        """A string from which `from_json` makes the part again."""
        return json.dumps([self.number, self.first, self.slices])

    @classmethod
    def from_json(cls, content: str) -> "Part":
        """The part that `as_json` made the string of."""
        number, first, slices = json.loads(content)
        return cls(number, first, tuple((file, start, stop) for file, start, stop in slices))


def parts_of(files: Sequence[tuple[str, int]], rows_per_file: int) -> list[Part]:
    """Cut the rows of files, in their order, into parts of one size.

    Args:
        files: names and numbers of rows.
        rows_per_file: rows per part; the last one may have fewer.

    Example:
        >>> [part.slices for part in parts_of([("a", 3), ("b", 2)], 4)]
        [(('a', 0, 3), ('b', 0, 1)), (('b', 1, 2),)]
    """
    parts: list[Part] = []
    slices: list[tuple[str, int, int]] = []
    first = room = 0
    for name, rows in files:
        start = 0
        while start < rows:
            room = room or rows_per_file
            stop = min(rows, start + room)
            slices.append((name, start, stop))
            room, start = room - (stop - start), stop
            if not room:
                parts.append(Part(len(parts), first, tuple(slices)))
                first, slices = first + parts[-1].rows, []
    return [*parts, Part(len(parts), first, tuple(slices))] if slices else parts


def rows_per_file(rows: int, workers: int) -> int:
    """How many rows a file gets: few enough that each worker has several files to write.

    Raises:
        ArgumentError: more workers than rows.
    """
    if workers > rows:
        raise ArgumentError(f"workers={workers}, but there are {rows} rows. Use fewer workers.")
    return min(MOST_ROWS, max(1, -(-rows // (workers * FILES_PER_WORKER))))


@dataclass(frozen=True)
class Run:
    """All that decides the content of the output; kept in it as `_run.json`.

    Attributes:
        predictor: the checksum of the predictor's simpletext.json.
        source: names, sizes and times of the input's files; [] for a Ray Dataset.
        text: the column with the texts, or the two of pairs.
        id: the column that names the rows, or None for their numbers.
        columns: the input's columns that are copied.
        proba: whether the probability of each class is written.
        long_text: as for `Predictor.predict`.
        rows_per_file: rows per file of the output; 0 before it is known.
        complete: whether all files are there.
    """

    predictor: str
    source: list[list[Any]]
    text: list[str]
    id: str | None
    columns: list[str]
    proba: bool
    long_text: str
    rows_per_file: int = 0
    complete: bool = False

    def write(self, out: Path) -> None:
        """Write the file, over an older one; there is always one of them."""
        temporary = out / f".{FILE}"
        write_json(temporary, {"format": FORMAT} | asdict(self))
        sync(temporary)
        temporary.replace(out / FILE)

    def resumed(self, out: Path) -> "Run":
        """This run, with the rows per file of a run that was broken off in `out`, if there is one.

        Raises:
            FolderExistsError: `out` is something else, complete, or of another run.
        """
        if not out.exists():
            return self
        if not (out / FILE).is_file():
            raise FolderExistsError(
                f"{str(out)!r} exists already and is left as it is: it has no {FILE} of a run that "
                "could be continued. Choose another folder, or remove this one first."
            )
        raw = read_json(out / FILE)
        if not isinstance(raw, dict) or raw.pop("complete", None):
            raise FolderExistsError(f"{str(out)!r} is complete already. Choose another folder.")
        rows = raw.get("rows_per_file", 0)
        mine = {"format": FORMAT} | json.loads(
            json.dumps(asdict(replace(self, rows_per_file=rows)))
        )
        other = [
            name for name, value in mine.items() if name != "complete" and raw.get(name) != value
        ]
        if other:
            raise FolderExistsError(
                f"{str(out)!r} was begun with another {' and '.join(other)}. Continue it with the "
                "same arguments, or choose another folder."
            )
        return replace(self, rows_per_file=rows)
