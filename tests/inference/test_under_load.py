"""One predictor under load: threads, forks, many predictions, a web server's workers."""

import json
import re
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import simpletext as st
from simpletext.errors import ArgumentError

TEXTS = ["a good film", "bad", "it was very sad", "", "nice " * 12] * 3


def test_eight_threads_get_the_answers_of_one(trained):
    """All at once from the first call on, in both ways to read a text."""
    predictor = st.Predictor(
        trained.predictor.model, trained.predictor.tokenizer, trained.predictor.settings
    )
    ways = ["truncate", "chunk"]
    jobs = [(text, way) for text in TEXTS for way in ways] * 4

    def ask(job):
        return predictor.predict_proba(job[0], long_text=job[1])

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, jobs))
    np.testing.assert_allclose(together, [ask(job) for job in jobs], atol=1e-6)


def test_a_fork_is_refused_before_it_hangs(trained, monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(ArgumentError, match="is a fork of process.*leave out --preload"):
        trained.predictor.predict("nice")


MANY = """
import random, resource, sys, psutil, simpletext as st
predictor, random = st.load_predictor(sys.argv[1]), random.Random(0)
me = psutil.Process()
def ask(count):
    for _ in range(count):
        predictor.predict(["good " * random.randint(0, 30)] * random.randint(1, 3))
ask(1000)
before = me.memory_info().rss
ask(10_000)
print(me.memory_info().rss / before)
"""


@pytest.mark.slow
def test_memory_does_not_grow(trained, tmp_path):
    pytest.importorskip("psutil")
    trained.predictor.save(tmp_path / "saved")
    command = [sys.executable, "-P", "-c", MANY, str(tmp_path / "saved")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.splitlines()[-1]) < 1.05


APPLICATION = """
import json, os, simpletext as st
predictor = st.load_predictor({folder!r})
def application(environ, start_response):
    text = environ["QUERY_STRING"]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([predictor.predict(text), os.getpid()]).encode()]
"""


@pytest.mark.slow
@pytest.mark.enable_socket
def test_two_workers_of_gunicorn(trained, tmp_path):
    pytest.importorskip("gunicorn")
    trained.predictor.save(tmp_path / "saved")
    (tmp_path / "app.py").write_text(APPLICATION.format(folder=str(tmp_path / "saved")))
    command = [sys.executable, "-m", "gunicorn", "app", "-w", "2", "-b", "127.0.0.1:0", "-t", "300"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        try:
            address = None
            while address is None:
                address = re.search(r"Listening at: (http://\S+)", server.stderr.readline())
            answers = [
                json.load(urllib.request.urlopen(f"{address[1]}/?{text}", timeout=300))
                for text in ["good", "bad"] * 10
            ]
        finally:
            server.terminate()
    assert [answer for answer, _ in answers] == ["pos", "neg"] * 10
