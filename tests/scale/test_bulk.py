"""Bulk prediction by Ray: two workers on the loopback address, killed in the middle."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import TEXTS
from ray_jobs import run_job

import simpletext as st

pytestmark = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray isn't installed: pip install 'simpletext-keras[ray]'"
)
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

PRINTED = ("ArgumentError", "FolderExistsError", "killed")  # what bulk.py begins lines with
TIMEOUT = 280  # seconds; a hang must not outlive it
ROWS = 16_000


@pytest.fixture(scope="module")
def predictor(trained, tmp_path_factory):
    predictor = st.get_predictor(trained.learner.model, trained.transformer)
    predictor.save(tmp_path_factory.mktemp("bulk") / "predictor")
    return predictor


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    texts = (TEXTS * (ROWS // len(TEXTS) + 1))[:ROWS]
    for i, start in enumerate(range(0, ROWS, 6000)):
        part = {"text": texts[start : start + 6000]}
        pq.write_table(pa.table(part), folder / f"{i}.parquet", row_group_size=2500)
    return folder


def run(*runs):
    """Start tests/scale/bulk.py, which has a hard limit of time."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    script = Path(__file__).with_name("bulk.py")
    return subprocess.run(
        [sys.executable, script, json.dumps(runs, default=str)],
        env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip


def check(out, predictor, source):
    """Each row has one prediction, in the order of the input."""
    found = pq.read_table(out).to_pydict()
    texts = pq.read_table(source)["text"].to_pylist()
    assert found["row"] == list(range(ROWS))
    assert found["text"] == texts
    values = np.array([found["neg"], found["pos"]]).T
    np.testing.assert_allclose(values, predictor.predict_proba(texts), atol=1e-6)
    assert found["predicted"] == predictor.predict(texts)
    assert not list(out.glob(".*"))


@pytest.mark.slow
def test_killed_and_started_again(predictor, source, tmp_path):
    """The driver is killed; the second run keeps what is there, and survives a killed worker."""
    out = tmp_path / "out"
    options = {
        "predictor": predictor.folder, "source": source, "out": out, "workers": 2,
        "columns": "all", "proba": True,
    }  # fmt: skip
    first = run(options | {"kill_at": 2})
    assert first.returncode == -9, first.stdout + first.stderr
    kept = {path.name: path.stat().st_ino for path in out.glob("part-*")}
    assert 2 <= len(kept) < 7
    too_many = options | {"out": tmp_path / "another", "workers": 500}
    second = run(too_many, options | {"kill_worker_at": len(kept) + 1}, options)
    assert second.returncode == 0, second.stdout + second.stderr
    lines = [line for line in second.stdout.splitlines() if line.split()[0] in PRINTED]
    assert len(lines) == 3, second.stdout
    refused, killed, complete = lines
    assert killed.startswith("killed ray::MapWorker")
    assert refused.startswith("ArgumentError workers=500 with gpus_per_worker=0; the cluster has")
    assert not (tmp_path / "another").exists()
    assert "FolderExistsError" in complete
    assert "is complete already" in complete
    assert "were there already" in second.stderr
    assert kept.items() <= {path.name: path.stat().st_ino for path in out.glob("part-*")}.items()
    check(out, predictor, source)


@pytest.mark.slow
def test_a_machine_is_lost(predictor, source, tmp_path):
    """Three machines of one CPU, which are all this one; the run ends on the other two."""
    out = tmp_path / "out"
    found, done = run_job(
        action="predict", predictor=predictor.folder, source=source, out=out, workers=2,
        columns="all", proba=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(found["lost"]) == 1
    assert found["left"] == 2
    check(out, predictor, source)
