"""What importing the package loads and writes, each in a process of its own."""

import gc
import os
import subprocess
import sys

import pytest

import simpletext as st
from simpletext.utils import startup


def run(code, **environment):
    environment = {k: v for k, v in os.environ.items() if k != startup.LEVEL} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_import_loads_neither_keras_nor_its_backend():
    done = run("import simpletext, sys; print(*sys.modules)")
    heavy = {"keras", "tensorflow", "jax", "torch", "numpy", "pandas", "transformers"}
    assert heavy & set(done.stdout.split()) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    ["import simpletext; simpletext.Transformer", "from simpletext.sklearn import TextClassifier"],
)
def test_tensorflow_starts_quietly(code):
    done = run(code + "; import keras; keras.layers.Dense(2).build((None, 2)); print('done')")
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_failed_start_shows_what_was_written(capfd):
    with pytest.raises(ImportError), startup._standard_error_aside():
        os.write(2, b"why it failed\n")
        raise ImportError
    assert capfd.readouterr().err == "why it failed\n"
    with startup._standard_error_aside():
        os.write(2, b"oneDNN custom operations are on\n")
    assert capfd.readouterr().err == ""


def test_garbage_is_searched_for_again_after_the_import():
    with startup._without_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with startup._without_garbage_collection():
            pass
        assert not gc.isenabled()  # whoever switched it off wants it so
    finally:
        gc.enable()


def test_dir_shows_public_names_only():
    assert dir(st) == sorted([*st.__all__, "__version__"])
    assert all(getattr(st, name) is not None for name in st.__all__)
    with pytest.raises(AttributeError, match="module 'simpletext' has no attribute 'trian'"):
        st.trian  # noqa: B018 - the access is what is tested
