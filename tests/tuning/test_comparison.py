import builtins

import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, UnknownModelError

pytest.importorskip("psutil")


def test_settings_side_by_side(tiny, capsys):
    base = {"checkpoint": str(tiny), "maxlen": 16, "batch_size": 8, "epochs": 1}
    table = st.compare(
        [base | {"lr": 1e-9}, base | {"epochs": 6, "lr": 3e-3, "frozen_blocks": 1}],
        (TEXTS, LABELS), val_pct=0.25,
    )  # fmt: skip
    assert list(table.columns) == [
        "checkpoint", "lr", "epochs", "batch_size", "maxlen", "frozen_blocks", "accuracy", "loss",
        "seconds", "texts_per_second", "memory_mb", "parameters",
    ]  # fmt: skip
    assert table["epochs"].tolist() == [1, 6]
    assert table["loss"].nunique() == 2  # each has trained with its own settings
    assert (table[["seconds", "texts_per_second"]] > 0).all().all()
    assert (table["memory_mb"] > 50).all()
    assert table["parameters"].nunique() == 1
    assert capsys.readouterr().err.count("accuracy") == 2


def test_wrong_settings_are_refused_before_any_training(tiny):
    with pytest.raises(ArgumentError, match="There is no setting 'epoch'"):
        st.compare([{"epoch": 2}], "nofile.csv")
    with pytest.raises(ArgumentError, match="settings='bert'; it must be a list of checkpoints"):
        st.compare("bert", "nofile.csv")
    with pytest.raises(UnknownModelError):
        st.compare([{"checkpoint": str(tiny), "maxlen": 16}, "no/such/folder"], (TEXTS, LABELS),
                   verbose=0)  # fmt: skip


def test_without_psutil_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "psutil":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ArgumentError, match=r'psutil: pip install "simpletext-keras\[tune\]"'):
        st.compare(["one"], (TEXTS, LABELS))
