"""Text files as people have them: CSV, JSON lines, plain text, in any encoding.

Guesses are printed: UTF-8 is tried first, another encoding is detected with a message, and
what can't be read is named with its file and line.
"""

import codecs
import csv
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..utils import console
from ..utils.files import ADDRESS, plain_path
from ..utils.validation import did_you_mean, shown
from .texts import shown_rows

QUOTED = re.compile(r'"(?:[^"]|"")*"')
SAMPLE = 1 << 18  # bytes read to detect an encoding
BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def existing_file(path: str | os.PathLike) -> Path:
    """The file at `path`, which exists and isn't empty.

    Raises:
        DataError: there is none (with the nearest names beside it), or it is empty.
    """
    if isinstance(path, (str, os.PathLike)) and ADDRESS.match(os.fspath(path)):
        raise DataError(f"{shown(str(path))} is an address, not a local file. Download it first.")
    file = plain_path(path)
    if file.is_dir():
        raise DataError(
            f"{shown(str(path))} is a folder. Pass a file; a folder with a subfolder per class is "
            "read by simpletext.text.texts_from_folder."
        )
    if not file.is_file():
        here = file.parent.iterdir() if file.parent.is_dir() else ()
        beside = [p.name for p in here if p.is_file()]
        hint = did_you_mean(file.name, beside)
        raise DataError(f"There is no file {shown(str(path))}.{hint}")
    if file.stat().st_size == 0:
        raise DataError(f"The file {shown(str(path))} is empty.")
    return file


def encoding_of(path: Path, encoding: str | None = None) -> str:
    """The encoding that a file can be read with: the argument, else UTF-8, else detected (printed).

    Raises:
        DataError: the file isn't text, or has bytes that aren't of its encoding, with their lines.
    """
    if encoding is not None:
        _check_encoding(path, encoding)
        # With "utf-8" alone a byte order mark would become part of the first column's name.
        return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    marked = next((name for bom, name in BOMS.items() if head.startswith(bom)), None)
    if marked is not None:
        _check_encoding(path, marked)
        return marked
    if b"\0" in head:
        raise DataError(f"{path} isn't text: there are zero bytes in it.")
    with path.open("rb") as file:
        good, bad, sample = _not_utf8(file)
    if not bad:
        return "utf-8-sig"
    if good >= len(bad):
        raise DataError(
            f"{path} is UTF-8 but for {len(bad)} of its lines, at lines {shown_rows(bad)}, whose "
            "bytes are damaged or of another encoding. Correct them, or pass encoding=."
        )
    return detected(sample, str(path))


def _not_utf8(lines: Iterable[bytes]) -> tuple[int, list[int], bytes]:
    """Lines with UTF-8 beyond ASCII, line numbers that aren't UTF-8, and these lines' start."""
    good, bad, sample = 0, [], bytearray()
    for number, line in enumerate(lines, start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            good += 1
        except UnicodeDecodeError:
            bad.append(number)
            if len(sample) < SAMPLE:
                sample += line
    return good, bad, bytes(sample)


def detected(sample: bytes, name: str) -> str:
    """The encoding that these bytes, which aren't UTF-8, most likely have. Prints it.

    Raises:
        DataError: they don't look like text.
    """
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    if best is None:
        raise DataError(
            f"{name} isn't text in a detectable encoding. If it is text, pass encoding=."
        )
    console.note(f"{name}: not UTF-8, read as {best.encoding} (detected; pass encoding= to change)")
    return best.encoding


def _check_encoding(path: Path, encoding: str) -> None:
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"encoding={shown(encoding)} is unknown; usual are 'utf-8', 'cp1252' and 'latin-1'."
        ) from error
    line = 1
    with path.open("rb") as file:
        while block := file.read(SAMPLE):
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeError as error:
                before = getattr(error, "object", b"")[: getattr(error, "start", 0)]
                line += before.decode(encoding, "ignore").count("\n")
                raise DataError(f"{path}, line {line}: not {encoding} ({error}).") from error


class CsvFile:
    """A CSV file with a header, read as a stream.

    Iterating returns one list of strings per row; a field is never taken for missing or a number.

    Args:
        path: the file.
        encoding: by default UTF-8, else detected.
        sep: what separates fields; by default a comma, a tab in a .tsv file.

    Raises:
        DataError: no such file, an empty one, one that isn't text, a broken quote, a row with
            more or fewer fields than the header, each with its line.
    """

    def __init__(
        self, path: str | os.PathLike, encoding: str | None = None, sep: str | None = None
    ) -> None:
        self.path = existing_file(path)
        self.encoding = encoding_of(self.path, encoding)
        declared = self._declared_sep()
        self._skipped = declared is not None
        if sep is not None and (not isinstance(sep, str) or len(sep) != 1):
            raise DataError(f"sep={shown(sep)}; it must be one character, such as ',' or '\\t'.")
        self.sep = sep or declared or ("\t" if self.path.suffix.lower() == ".tsv" else ",")
        self._quoting = self._quoting_rule()
        self._width: int | None = None
        self.columns: list[str] = []
        header = next(self._records(), [])
        self.columns = header[: self._named_columns(header)]
        self._width = len(self.columns)
        if not any(self.columns):
            raise DataError(f"The file {shown(str(path))} has no header: its first line is empty.")

    def __iter__(self) -> Iterator[list[str]]:
        records = self._records()
        next(records)
        return records

    def _declared_sep(self) -> str | None:
        """The separator in Excel's first line `sep=;`, or None."""
        with self.path.open(encoding=self.encoding) as file:
            found = re.fullmatch(r'"?sep=(.)"?', file.readline(20).rstrip("\r\n"))
        return found[1] if found else None

    def _quoting_rule(self) -> Any:
        """The csv module's rule for quotes in this file."""
        return csv.QUOTE_NONE if self._quotes_are_literal() else csv.QUOTE_MINIMAL

    def _quotes_are_literal(self) -> bool:
        """Whether quotes in a tab-separated file are part of the texts.

        They are if every line has the same number of tabs and some field begins with a quote
        without being a quoted field: read as CSV, that quote would swallow the rows behind it.
        """
        if self.sep != "\t":
            return False
        literal, widths = False, set()
        with self.path.open(encoding=self.encoding, newline="") as file:
            for line in file:
                fields = line.rstrip("\r\n").split("\t")
                widths.add(len(fields))
                literal = literal or any(
                    field.startswith('"') and not QUOTED.fullmatch(field) for field in fields
                )
        return literal and len(widths) == 1

    def _named_columns(self, header: list[str]) -> int:
        """How many columns there are without the empty ones that spreadsheets add at the end."""
        count = len(header)
        while count and not header[count - 1].strip():
            count -= 1
        return count

    def _records(self) -> Iterator[list[str]]:
        csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))  # a text may be long
        with self.path.open(encoding=self.encoding, newline="") as file:
            if self._skipped:
                file.readline()
            reader = csv.reader(file, delimiter=self.sep, quoting=self._quoting, strict=True)
            width, line = self._width, 1
            while True:
                try:
                    record = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    hint = separator_hint(self.columns)
                    raise DataError(_broken(self.path, line, error) + hint) from error
                if record:
                    width = width or len(record)
                    while len(record) > width and not record[-1].strip():
                        record.pop()  # empty fields that spreadsheets add at the end
                    self._check_width(record, width, line)
                    yield record
                line = reader.line_num + 1

    def _check_width(self, record: list[str], width: int, line: int) -> None:
        if len(record) != width:
            hint = separator_hint(self.columns)
            raise DataError(
                f"{self.path}, line {line}: the row has {len(record)} fields, the header "
                f"{width}. A field with {shown(self.sep)} in it must be in quotes"
                + (
                    f".{hint}"
                    if hint
                    else "; if the file is separated by something else, pass sep=."
                )
            )


def separator_hint(columns: list[str]) -> str:
    """A sentence for an error where the one column's name has another separator in it, or "".

    Example:
        >>> separator_hint(["text;label"])
        " The columns seem to be separated by ';': pass sep=';'."
    """
    if len(columns) == 1 and (sep := next((sep for sep in ";\t|" if sep in columns[0]), "")):
        return f" The columns seem to be separated by {sep!r}: pass sep={sep!r}."
    return ""


def _broken(path: Path, line: int, error: csv.Error) -> str:
    return (
        f"{path}, line {line}: a broken quote in the row that starts there ({error}). A field in "
        'quotes must end with one, and a quote within it must be doubled, as in "say ""hi""".'
    )


def json_rows(path: str | os.PathLike, encoding: str | None = None) -> Iterator[dict[str, Any]]:
    """The objects of a JSON lines file, or of a JSON file that holds a list of them.

    Raises:
        DataError: a line that isn't a JSON object, with its number.
    """
    file = existing_file(path)
    text = file.read_text(encoding=encoding_of(file, encoding))
    columns = _columns_of(text)
    if columns is not None:
        names = list(columns)
        yield from (
            dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)
        )
    elif text.lstrip().startswith("["):
        yield from _objects(file, [(1, text)], many=True)
    else:
        lines = enumerate(text.split("\n"), start=1)  # JSON may hold other line ends in a string
        yield from _objects(file, ((n, line) for n, line in lines if line.strip()), many=False)


def _columns_of(text: str) -> dict[str, list[Any]] | None:
    """The columns of pandas' `DataFrame.to_json()`, {"text": {"0": "...", ...}, ...}, else None."""
    try:
        content = json.loads(text)
    except ValueError:  # several lines, or broken: the caller reports it with its line
        return None
    if not isinstance(content, dict) or not content:
        return None
    columns = list(content.values())
    if all(isinstance(c, dict) for c in columns) and len({tuple(c) for c in columns}) == 1:
        return {name: list(column.values()) for name, column in content.items()}
    if all(isinstance(c, list) for c in columns) and len({len(c) for c in columns}) == 1:
        return content
    return None


def _objects(path: Path, pieces: Iterable[tuple[int, str]], many: bool) -> Iterator[dict[str, Any]]:
    for line, piece in pieces:
        try:
            content = json.loads(piece)
        except ValueError as error:
            raise DataError(f"{path}, line {line}: no JSON ({error}).") from error
        for row in content if many else [content]:
            if not isinstance(row, dict):
                raise DataError(
                    f"{path}, line {line}: {str(row)[:60]!r} is no JSON object, as in "
                    '{"text": "...", "label": "..."}.'
                )
            yield row
