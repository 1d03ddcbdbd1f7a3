"""The examples in the docstrings of the package do what they say."""

import doctest
import importlib
import importlib.util
from pathlib import Path

import pytest


def module_names():
    """All modules of the installed package, found without importing any."""
    spec = importlib.util.find_spec("simpletext")
    if spec is None or spec.origin is None:
        return []
    root = Path(spec.origin).parent
    names = [file.relative_to(root.parent).with_suffix("").parts for file in root.rglob("*.py")]
    return sorted(".".join(name).removesuffix(".__init__") for name in names)


NEEDED = {"simpletext.serving.app": "fastapi"}  # modules of an extra


@pytest.mark.parametrize("name", module_names())
def test_examples(name, tmp_path, monkeypatch):
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    monkeypatch.chdir(tmp_path)  # an example may save something
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(importlib.import_module(name), optionflags=flags).failed == 0
