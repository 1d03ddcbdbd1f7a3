"""Writes the table of families into README.md and docs/families.md, from the rows of families.py.

    export SIMPLETEXT_MEASURED=$PWD/tests/parity/measured.json
    python3 dev.py test tests/models/test_parity.py
    python3 tests/parity/make_table.py

The first command measures the differences to the original, and keeps them in measured.json.
Needs the standard library alone.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

if __name__ == "__main__":
    from families import FAMILIES, FamilyCase
else:
    from .families import FAMILIES, FamilyCase

HERE = Path(__file__).parent
PAGES = ("README.md", "docs/families.md")
MEASURED = HERE / "measured.json"
START, END = "<!-- families: written by tests/parity/make_table.py -->", "<!-- /families -->"
HEADER = ("`model_type`", "checkpoints people know", "token types", "the tokenizer needs", "notes")
DIFFERENCES = "largest difference (tiny, 384 wide)"


def table() -> str:
    """The whole table, a line a family; with the differences once they are measured."""
    rows = [HEADER, ("---",) * len(HEADER), *map(cells, FAMILIES.values())]
    if MEASURED.is_file():
        found = json.loads(MEASURED.read_text(encoding="utf-8"))
        column = [DIFFERENCES, "---", *(told(found[name]) for name in FAMILIES)]
        rows = [(*row, cell) for row, cell in zip(rows, column, strict=True)]
    return "\n".join(map(line, rows))


def told(differences: dict[str, float]) -> str:
    """The largest differences of one family."""
    return ", ".join(f"{differences[size]:.0e}" for size in ("tiny", "realistic"))


def cells(family: FamilyCase) -> tuple[str, ...]:
    """One family: what people load, and what it wants."""
    types = "yes" if family.pairs else ""
    return (f"`{family.model_type}`", family.known, types, needs(family), family.note)


def line(cells: tuple[str, ...]) -> str:
    """A row in Markdown."""
    return " ".join(["|", *(f"{cell} |" if cell else "|" for cell in cells)])


def needs(family: FamilyCase) -> str:
    """The package that its tokenizer wants, with the extra that brings it."""
    if family.tokenizer in ("xlm", "flaubert"):
        return "`simpletext-keras[xlm]`"
    if any((HERE / "tokenizers" / f"{family.tokenizer}-vocab").glob("*.model")):
        return "`simpletext-keras[sentencepiece]`, without tokenizer.json"
    return ""


def with_table(page: str) -> str:
    """A page with the table put between its two marks."""
    pattern = f"{re.escape(START)}.*?{re.escape(END)}"
    new, count = re.subn(pattern, lambda _: f"{START}\n{table()}\n{END}", page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"the page must have {START} and {END} once; it has them {count} times")
    return new


def main() -> None:
    """Brings the pages up to date."""
    for name in PAGES:
        path = HERE.parents[1] / name
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
