import builtins

import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, DataError, UnknownModelError

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


@pytest.mark.parametrize(
    "call",
    [
        lambda name: st.compare([name], None),
        lambda name: st.tune(None, checkpoint=name, space={"lr": [1e-4]}, trials=1),
        lambda name: st.train(None, checkpoint=name, minutes=1),
    ],
)
def test_no_data_are_refused(tiny, call):
    with pytest.raises(DataError, match="The data are of the kind NoneType"):
        call(str(tiny))


def test_class_names_may_be_an_array(tiny):
    settings = [{"checkpoint": str(tiny), "maxlen": 16, "batch_size": 8, "epochs": 1}]
    names = np.array(sorted(set(LABELS)))
    table = st.compare(settings, (TEXTS, LABELS), val_pct=0.25, class_names=names, verbose=0)
    assert len(table) == 1


def test_epochs_of_a_timed_training_may_be_no_array(tiny):
    with pytest.raises(ArgumentError, match="epochs"):
        st.train((TEXTS, LABELS), checkpoint=str(tiny), minutes=1, epochs=np.array([1, 2]))
