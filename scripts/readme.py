#!/usr/bin/env python3
"""Runs README.md's ten lines as they stand there, and draws its picture, docs/explanation.png.

    python scripts/readme.py

It needs the installed package, the two things the lines fetch (20newsgroups and all-MiniLM-L6-v2),
and some minutes. What it prints stands below the lines in README.md.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "explanation.png"


def ten_lines(readme: str) -> str:
    """The first Python block."""
    found = re.search(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit("readme: there is no Python in README.md")
    return found[1]


def run() -> dict[str, Any]:
    """Runs the lines in an empty folder, for they save a predictor; gives all that they made."""
    code = compile(ten_lines((ROOT / "README.md").read_text(encoding="utf-8")), "README.md", "exec")
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        old = Path.cwd()
        os.chdir(folder)
        try:
            exec(code, names)
        finally:
            os.chdir(old)
    return names


def draw(explanation: Any) -> None:
    """The explanation's own figure."""
    explanation.figure().savefig(PICTURE, dpi=100, metadata={"Software": None})
    print(f"drawn: {PICTURE}", file=sys.stderr)


if __name__ == "__main__":
    draw(run()["explanation"])
