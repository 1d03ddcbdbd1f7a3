"""Training on several devices, as docs/scale.md tells it; two made of one processor."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

TRAIN = """
import sys
sys.path.insert(0, {helpers!r})
from conftest import LABELS, TEXTS
import simpletext as st

t = st.Transformer({folder!r}, maxlen=16, precision="float32")
train = t.preprocess_train(TEXTS[:{rows}], LABELS[:{rows}], verbose=0)
with scope:
    model = t.get_classifier()
    learner = st.get_learner(model, train, train, batch_size=8)
    learner.lr_find(max_epochs=1, verbose=0)
    learner.fit_onecycle(2e-3, 8, verbose=0)
assert learner.history["loss"][-1] < 0.4, learner.history["loss"]
assert learner.validate(print_report=False).sum() == {rows}
predictor = st.get_predictor(learner.model, t)
assert predictor.predict(["the film was good", "the film was awful"]) == ["pos", "neg"]
predictor.save({saved!r})
again = st.load_predictor({saved!r})
apart = abs(again.predict_proba(TEXTS[:5]) - predictor.predict_proba(TEXTS[:5])).max()
assert apart < 1e-5, apart
"""

TENSORFLOW = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
scope = strategy.scope()
"""

JAX = """
import contextlib
import keras
assert len(keras.distribution.list_devices()) == 2
keras.distribution.set_distribution(keras.distribution.DataParallel())
scope = contextlib.nullcontext()
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_one_model(backend, tiny, tmp_path):
    if keras.backend.backend() != backend:
        pytest.skip(f"this is Keras on {keras.backend.backend()}")
    helpers, saved = str(Path(__file__).parents[1]), str(tmp_path / "saved")
    start = {"tensorflow": TENSORFLOW, "jax": JAX}[backend]
    code = start + TRAIN.format(helpers=helpers, folder=str(tiny), saved=saved, rows=95)
    env = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
