"""What a worker writes, without Ray around it, and what `predict` refuses before Ray starts."""

import pickle

import numpy as np
import pytest
from conftest import TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, CheckpointError, DataError, FolderExistsError
from simpletext.saving.archive import SavedFolder
from simpletext.scale.plan import Run, parts_of
from simpletext.scale.worker import Worker

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    predictor = st.get_predictor(trained.learner.model, trained.transformer)
    predictor.save(tmp_path_factory.mktemp("scale") / "predictor")
    return predictor


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "in.parquet"
    pq.write_table(pa.table({"key": [f"k{i}" for i in range(96)], "text": TEXTS}), path)
    return path


def worked(predictor, table, out, size, **options):
    """What a worker writes of a table in parts of one size, and what it returns."""
    run = Run("", [], ["text"], None, [], False, "truncate")
    run = Run(**vars(run) | options)
    folder = pickle.loads(pickle.dumps(predictor.__reduce__()[1][0]))
    parts = parts_of([(str(table), pq.read_metadata(table).num_rows)], size)
    out.mkdir(exist_ok=True)
    return Worker(folder, 16, run, str(out))({"part": np.array([p.as_json() for p in parts])})


def test_rows_and_predictions_in_order(saved, table, tmp_path):
    found = worked(saved, table, tmp_path / "out", 40)
    assert found == {"rows": [40, 40, 16], "error": ["", "", ""]}
    rows = pq.read_table(tmp_path / "out").to_pydict()
    assert rows == {"row": list(range(96)), "predicted": saved.predict(TEXTS)}
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_ids_columns_and_probabilities(saved, table, tmp_path):
    worked(saved, table, tmp_path / "out", 50, id="key", columns=["key", "text"], proba=True)
    rows = pq.read_table(tmp_path / "out").to_pydict()
    assert list(rows) == ["key", "text", "predicted", "neg", "pos"]
    assert (rows["key"][95], rows["text"]) == ("k95", TEXTS)
    values = np.array([rows["neg"], rows["pos"]]).T
    np.testing.assert_allclose(values, saved.predict_proba(TEXTS), atol=1e-6)


def test_a_text_that_is_none_is_reported_with_its_rows(saved, tmp_path):
    pq.write_table(pa.table({"text": ["a", "b", None, "c"]}), tmp_path / "in.parquet")
    found = worked(saved, tmp_path / "in.parquet", tmp_path / "out", 2)
    assert found["error"][0] == ""
    assert found["error"][1].startswith("Rows 2 to 3: ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["part-000000.parquet"]


def test_other_tasks_have_one_type_in_all_files(tiny, tmp_path):
    labels = {"multi": [["a", "b"], [], ["b"], []], "number": [0.5, 1.5, 2.0, 3.0]}
    texts = ["good film", "bad film", "a film", "the film"]
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet")
    for name, y in labels.items():
        t = st.Transformer(str(tiny), maxlen=8)
        t.preprocess_train(texts, y, verbose=0)
        predictor = st.get_predictor(t.get_model(verbose=0), t)
        predictor.save(tmp_path / name)
        worked(predictor, tmp_path / "in.parquet", tmp_path / f"out-{name}", 1)
        found = pq.read_table(tmp_path / f"out-{name}")["predicted"].to_pylist()
        for one, other in zip(found, predictor.predict(texts), strict=True):
            np.testing.assert_array_equal(one, other) if name == "multi" else None
            assert name == "multi" or abs(one - other) < 1e-5


def test_entities_are_lists_of_structs(tiny, tmp_path):
    t = st.Transformer(str(tiny), maxlen=8)
    t.preprocess_train([["a", "good", "film"]] * 2, [["O", "B-X", "O"]] * 2, verbose=0)
    predictor = st.get_predictor(t.get_classifier(verbose=0), t)
    predictor.save(tmp_path / "predictor")
    pq.write_table(pa.table({"text": ["good film", "", "a"]}), tmp_path / "in.parquet")
    result = worked(predictor, tmp_path / "in.parquet", tmp_path / "out", 1)
    assert result["error"] == [""] * 3
    found = pq.read_table(tmp_path / "out")["predicted"].to_pylist()
    wanted = [list(row) for row in predictor.predict(["good film", "", "a"])]
    assert [[e["text"] for e in row] for row in found] == [
        [e["text"] for e in row] for row in wanted
    ]


# --- refused before Ray starts -----------------------------------------------------------------


@pytest.fixture
def no_ray(monkeypatch):
    def fail(*_):
        raise AssertionError("Ray was started")

    monkeypatch.setattr("simpletext.scale.predicting.connected", fail)


@pytest.mark.usefixtures("no_ray")
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"text": "txt"}, DataError, "no column 'txt'.*Did you mean 'text'"),
        ({"id": "nr"}, DataError, "no column 'nr'"),
        ({"columns": ["key", "x"]}, DataError, "no column 'x'"),
        ({"columns": "keys"}, DataError, "no column 'keys'"),
        ({"columns": 1.5}, ArgumentError, "1.5 can't be a column's name"),
        ({"id": ["key", "text"]}, ArgumentError, r"id=\['key', 'text'\]; name one column"),
        ({"text": ["text"] * 3}, ArgumentError, "name one column, or two"),
        ({"batch_size": 0}, ArgumentError, "batch_size=0"),
        ({"long_text": "cut"}, ArgumentError, "long_text='cut'; allowed are"),
        ({"proba": 3}, ArgumentError, "proba=3"),
    ],
)
def test_arguments(saved, table, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        st.scale.predict(saved, table, tmp_path / "out", workers=1, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_ray")
def test_predictors_and_outputs(saved, trained, table, tmp_path):
    with pytest.raises(ArgumentError, match="isn't saved, or was changed since"):
        fresh = st.get_predictor(trained.learner.model, trained.transformer)
        st.scale.predict(fresh, table, tmp_path / "out", workers=1)
    with pytest.raises(ArgumentError, match="predictor=5; it must be a predictor or"):
        st.scale.predict(5, table, tmp_path / "out", workers=1)
    with pytest.raises(CheckpointError, match="There is no folder"):
        st.scale.predict(tmp_path / "gone", table, tmp_path / "out", workers=1)
    (tmp_path / "out").mkdir()
    with pytest.raises(FolderExistsError, match="exists already and is left as it is"):
        st.scale.predict(saved.folder, table, tmp_path / "out", workers=1)


@pytest.mark.usefixtures("no_ray")
def test_a_column_that_would_be_written_twice(saved, tmp_path):
    pq.write_table(pa.table({"text": ["a"], "row": [1]}), tmp_path / "in.parquet")
    with pytest.raises(DataError, match="The column 'row' has the name of a column that predict"):
        st.scale.predict(
            saved.folder, tmp_path / "in.parquet", tmp_path / "out", columns="all", workers=1
        )


def test_the_folder_must_be_there(tmp_path):
    folder = SavedFolder(str(tmp_path / "gone"), "abc")
    run = Run("", [], ["text"], None, [], False, "truncate")
    part = parts_of([("x", 1)], 1)[0]
    found = Worker(folder, 1, run, str(tmp_path))({"part": np.array([part.as_json()])})
    assert "isn't on this machine" in found["error"][0]


def test_rows_that_kill_their_workers_are_given_up(saved, table, tmp_path):
    for i in range(3):
        (tmp_path / f".000000-{i}.parquet").touch()
    found = worked(saved, table, tmp_path, 96)
    assert found["error"][0].startswith("Rows 0 to 95: 3 workers died of them")
