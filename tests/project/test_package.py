"""The package as it is installed."""

import os
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


# dev.py sets this after it has built and installed the wheel.
of_the_wheel = pytest.mark.skipif(
    os.environ.get("SIMPLETEXT_INSTALLED") != "1", reason="not started by dev.py"
)


@of_the_wheel
def test_the_installed_wheel_is_tested_not_the_source_tree():
    import simpletext

    assert "site-packages" in Path(simpletext.__file__).parts
    assert not Path(simpletext.__file__).is_relative_to(ROOT / "simpletext")


@of_the_wheel
def test_the_wheel_holds_the_package_and_nothing_else():
    files = metadata.files("simpletext-keras") or []
    scripts = [file for file in files if file.parts[0] == ".."]  # made from the entry point
    assert [file.stem for file in scripts] == ["simpletext"]
    folders = {file.parts[0] for file in files if file not in scripts}
    version = metadata.version("simpletext-keras")
    assert folders == {"simpletext", f"simpletext_keras-{version}.dist-info"}
    assert {"simpletext/__init__.py", "simpletext/py.typed"} <= {f.as_posix() for f in files}


@of_the_wheel
def test_all_of_the_package_is_in_the_wheel():
    source = {path.relative_to(ROOT).as_posix() for path in (ROOT / "simpletext").rglob("*.py")}
    assert source <= {file.as_posix() for file in metadata.files("simpletext-keras") or []}


@of_the_wheel
def test_the_license_is_in_the_wheel():
    text = metadata.metadata("simpletext-keras")
    assert text["License-Expression"] == "Apache-2.0"
    licenses = [f for f in metadata.files("simpletext-keras") or [] if f.name == "LICENSE"]
    assert licenses[0].read_text() == (ROOT / "LICENSE").read_text()


@of_the_wheel
def test_pytorch_is_not_required():
    required = " ".join(metadata.requires("simpletext-keras") or [])
    assert "torch" not in required
