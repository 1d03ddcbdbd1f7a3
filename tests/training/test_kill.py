"""A training whose process is killed, also in the midst of writing, goes on where it was."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

TRAIN = """
import sys, time
import numpy as np
sys.path.insert(0, {tests!r})
from conftest import LABELS, TEXTS
import simpletext as st
from simpletext.training import checkpointing

checkpoint, folder, out, moment = sys.argv[1:]
if moment == "writing":  # linger between the writing of a file and its renaming
    import pathlib
    replace = pathlib.Path.replace
    def slow(self, target):
        if target.name == "last.safetensors" and target.exists():
            print("writing", flush=True)
            time.sleep(60)
        return replace(self, target)
    pathlib.Path.replace = slow

import keras
class Linger(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if moment == "training" and self.epoch == 2 and batch == 3:
            print("training", flush=True)
            time.sleep(60)
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

t = st.Transformer(checkpoint, maxlen=16)
data = t.preprocess_train(TEXTS, LABELS, verbose=0)
model = t.get_classifier(optimizer=st.AdamW(global_clipnorm=1.0))
learner = st.get_learner(model, data, data, batch_size=16)
learner.fit_onecycle(1e-3, 4, checkpoint_folder=folder, resume=True, cycle_momentum=True,
                     callbacks=[Linger()], verbose=0)
state = [*model.variables, *model.optimizer.variables]
np.savez(out, *[keras.ops.convert_to_numpy(v) for v in state])
"""


def start(tiny, folder, out, moment):
    """A training in a process of its own; a context manager closes its pipe."""
    code = TRAIN.format(tests=os.path.dirname(os.path.dirname(__file__)))
    command = [sys.executable, "-c", code, str(tiny), str(folder), str(out), moment]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with start(tiny, folder, folder / "end.npz", "never") as process:
        assert process.wait() == 0
    return folder / "end.npz"


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["training", "writing"])
def test_a_killed_training_ends_with_the_same_numbers(tiny, tmp_path, whole, moment):
    folder = tmp_path / "run"
    with start(tiny, folder, tmp_path / "none", moment) as process:
        while process.stdout.readline().strip() != moment:
            assert process.poll() is None
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    load_file(folder / "last.safetensors")  # what is there is whole
    with start(tiny, folder, tmp_path / "end.npz", "never") as process:
        assert process.wait() == 0
    one, other = np.load(whole), np.load(tmp_path / "end.npz")
    assert len(one.files) == len(other.files) > 50
    assert all(np.array_equal(one[name], other[name]) for name in one.files)
    assert sorted(p.name for p in folder.iterdir()) == ["best.safetensors", "last.safetensors"]
