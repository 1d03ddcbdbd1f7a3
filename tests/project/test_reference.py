"""Each object of the reference has an example: in its docstring, or in reference/examples.md.

`test_docs.py` runs that page, and `test_docstrings.py` the docstrings.
"""

import importlib
import inspect
import re
from functools import cached_property
from pathlib import Path
from types import FunctionType

import pytest

import simpletext as st

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
DIRECTIVE = re.compile(r"\.\. auto(?:class|function):: (\S+)\n((?:   :.*\n)*)")
METHODS = (FunctionType, property, cached_property, classmethod, staticmethod)
HEADINGS = set(re.findall(r"^## (\S+)$", (REFERENCE / "examples.md").read_text("utf-8"), re.M))


def found(name):
    """The object of a directive: with its module, or a public name of simpletext."""
    if not name.startswith("simpletext."):
        return getattr(st, name)
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def members(thing, options):
    """The methods and properties that a class's directive shows."""
    shown = re.search(r":members:(.*)", options)
    if shown is None:
        return []
    hidden = re.search(r":exclude-members:(.*)", options)
    owners = [k for k in thing.__mro__ if k.__module__.startswith("simpletext")]
    owners = owners if ":inherited-members:" in options else [thing]
    names = shown[1].replace(",", " ").split() or [name for k in owners for name in vars(k)]
    left_out = hidden[1].replace(",", " ").split() if hidden else []
    public = [name for name in dict.fromkeys(names) if name[0] != "_" and name not in left_out]
    return [name for name in public if isinstance(inspect.getattr_static(thing, name), METHODS)]


def documented():
    """Name -> docstring of all objects of the reference that have one."""
    docs = {}
    for page in sorted(REFERENCE.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        module = re.search(r"\.\. currentmodule:: (simpletext\.\S+)", text)
        for name, options in DIRECTIVE.findall(text):
            name = f"{module[1]}.{name}" if module else name
            thing = found(name)
            docs[name] = inspect.getdoc(thing)
            for member in members(thing, options) if inspect.isclass(thing) else ():
                docs[f"{name}.{member}"] = inspect.getdoc(inspect.getattr_static(thing, member))
    return docs


DOCUMENTED = documented()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_object_of_the_reference_has_an_example(name):
    ends = {".".join(name.split(".")[-parts:]) for parts in (1, 2, 3)}
    assert ">>>" in DOCUMENTED[name] or ends & HEADINGS


SECTION = re.compile(r"(?m)^(?:Args|Raises|Attributes):\n((?:(?: .*)?\n)*)")


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_entry_of_a_docstring_has_its_names_on_one_line(name):
    """Else the page of the reference can't be built."""
    for section in SECTION.findall(DOCUMENTED[name] + "\n"):
        entries = re.findall(r"(?m)^ {4}(\S.*)$", section)
        assert [line for line in entries if not re.match(r"[\w*., `]+:( |$)", line)] == []


@pytest.mark.parametrize("heading", sorted(HEADINGS))
def test_every_example_belongs_to_an_object_of_the_reference(heading):
    assert any(f".{name}".endswith(f".{heading}") for name in DOCUMENTED)
