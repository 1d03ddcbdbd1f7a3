"""The functions of docs/scale.md do the same on Spark and on Dask as one process."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import simpletext as st

SCRIPT = Path(__file__).with_name("engines.py")
TIMEOUT = 300  # seconds
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "package"),
    [("dask", "dask"), pytest.param("spark", "pyspark", marks=needs_java)],
)
def test_the_functions_of_the_page(engine, package, trained, tmp_path):
    if find_spec(package) is None:
        pytest.skip(f"{package} isn't installed")
    folder = tmp_path / "predictor"
    st.get_predictor(trained.learner.model, trained.transformer).save(folder)
    done = subprocess.run(
        [sys.executable, SCRIPT, engine, folder],
        env=os.environ | {"PYSPARK_PYTHON": sys.executable}, capture_output=True, text=True,
        timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["same"], done.stdout + done.stderr
