"""What objects show of themselves: one line in a terminal, a small table in a notebook."""

from abc import abstractmethod
from collections.abc import Mapping
from html import escape
from typing import Any

LONGEST = 200  # characters of a value


class Described:
    """Mix-in of classes that show a few facts: their repr is one line, a notebook has a table."""

    @abstractmethod
    def _facts(self) -> Mapping[str, Any]:
        """Name -> value; None leaves the fact out."""

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in _known(self._facts()))
        return f"{type(self).__name__}({facts})"

    def _repr_html_(self) -> str:
        """For notebooks."""
        left = 'style="text-align:left"'
        rows = "".join(
            f"<tr><th {left}>{escape(name.replace('_', ' '))}</th>"
            f"<td {left}>{escape(value)}</td></tr>"
            for name, value in _known(self._facts())
        )
        return f"<b>{escape(type(self).__name__)}</b><table>{rows}</table>"


def _known(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The facts that are there, as short texts of one line."""
    texts = [(name, " ".join(str(v).split())) for name, v in facts.items() if v is not None]
    return [(n, t if len(t) <= LONGEST else f"{t[: LONGEST - 3]}...") for n, t in texts]
