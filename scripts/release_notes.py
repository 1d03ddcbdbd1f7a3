#!/usr/bin/env python3
"""The notes of a release, out of CHANGELOG.md: python scripts/release_notes.py [version].

Without a version it is the one in pyproject.toml. Prints Markdown, for the page of the release:

    python scripts/release_notes.py > notes.md
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def sections(changelog: str) -> dict[str, str]:
    """What the changelog says by version, the newest first; the part above the first is left out.

    Raises:
        ValueError: a heading that isn't "## [version] - date", a kind that Keep a Changelog
            doesn't have, a version that stands there twice, or a release without a date.
    """
    found = list(HEADING.finditer(changelog))
    if len(found) != len(re.findall(r"^## ", changelog, re.MULTILINE)):
        raise ValueError('a heading isn\'t of the form "## [1.2.3] - 2026-01-31"')
    ends = [match.start() for match in found[1:]] + [len(changelog)]
    parts: dict[str, str] = {}
    for match, end in zip(found, ends, strict=True):
        name = match["name"]
        if name in parts:
            raise ValueError(f"{name} stands there twice")
        if (match["date"] is None) != (name == "Unreleased"):
            raise ValueError(f"{name}: a release has a date, and Unreleased has none")
        parts[name] = changelog[match.end() : end].strip()
        check_kinds(name, parts[name])
    return parts


def check_kinds(name: str, text: str) -> None:
    """Refuses headings that Keep a Changelog doesn't have."""
    for kind in re.findall(r"^### (.+)$", text, re.MULTILINE):
        if kind not in KINDS:
            raise ValueError(f"{name}: there is no kind {kind!r}; allowed are {', '.join(KINDS)}")


def notes(changelog: str, version: str) -> str:
    """The notes of one version: what changed, and how to get it.

    Raises:
        ValueError: the changelog has nothing under that version.
    """
    parts = sections(changelog)
    if not parts.get(version):
        raise ValueError(f"nothing is written under [{version}]; there is {', '.join(parts)}")
    text = re.sub(r"^###", "##", parts[version], flags=re.MULTILINE)
    if version == "Unreleased":
        return f"# simpletext, not yet released\n\n{text}\n"
    install = f"## Install\n\n    pip install simpletext-keras=={version}"
    return f"# simpletext {version}\n\n{text}\n\n{install}\n"


def main(words: list[str]) -> None:
    """Prints the notes, or ends with a message and the exit status 1."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version = words[0] if words else settings["project"]["version"]
    try:
        print(notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version), end="")
    except ValueError as error:
        raise SystemExit(f"release_notes: CHANGELOG.md: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
