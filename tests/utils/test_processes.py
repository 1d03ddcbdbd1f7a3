"""Forked workers are refused before they hang; spawned ones and copies work."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

TRAIN = """
import os, signal, sys
import simpletext as st

def train():
    t = st.Transformer(sys.argv[1], maxlen=8)
    data = t.preprocess_train(["good", "bad"] * 8, ["pos", "neg"] * 8, verbose=0)
    st.get_learner(t.get_classifier(verbose=0), data, batch_size=8).fit(1e-4, 1, verbose=0)

train()
if not os.fork():
    signal.alarm(100)
    try:
        train()
    except st.SimpletextError as error:
        print(type(error).__name__, error, flush=True)
        os._exit(3)
    os._exit(0)
print("ended with", os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_training_in_a_fork_is_refused(tiny):
    command = [sys.executable, "-c", TRAIN, str(tiny)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert "ArgumentError This process is a fork of process" in done.stdout
    assert "ended with 3" in done.stdout


@pytest.mark.parametrize("how", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_copies_of_a_predictor_predict_the_same(trained, how):
    texts = ["a text", "another"]
    again = how(trained.predictor)
    np.testing.assert_allclose(
        again.predict_proba(texts), trained.predictor.predict_proba(texts), atol=1e-6
    )
    assert again.batch_size == trained.predictor.batch_size
    assert again.labels == trained.predictor.labels


def test_a_copy_of_a_transformer_has_its_labels(tiny):
    import simpletext as st

    t = st.Transformer(tiny, maxlen=8)
    t.preprocess_train([("a", "b"), ("c", "d")], ["x", "y"], verbose=0)
    again = pickle.loads(pickle.dumps(t))
    assert (again.labels, again.paired, again.maxlen) == (t.labels, True, 8)
    assert again.preprocess_test([("a", "b")], ["y"], verbose=0).y.tolist() == [1]
    with pytest.raises(st.SimpletextError, match="These are single texts"):
        again.preprocess_test(["a"], verbose=0)
