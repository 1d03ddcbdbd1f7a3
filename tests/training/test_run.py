"""Verbs of training, on a network that trains in no time."""

import keras
import numpy as np
import pytest
from any_models import network, numbers

import simpletext as st
from simpletext.errors import (
    ArgumentError,
    CheckpointError,
    FolderExistsError,
    NotEnoughMemoryError,
    TrainingError,
)
from simpletext.training import checkpointing, lr_finder
from simpletext.utils.interrupt import CtrlC

X, Y = numbers()


def learner_of(model=None, batch_size=16, **options):
    return st.get_learner(model or network(), (X, Y), (X, Y), batch_size=batch_size, **options)


# ---- schedules -------------------------------------------------------------------------------


def test_fit_is_constant_or_cycles():
    learner = learner_of()
    learner.fit(0.01, 2, verbose=0)
    assert learner.history["lr"] == [0.01] * 8
    learner.fit(0.01, 2, cycle_len=1, cycle_mult=2, verbose=0)
    assert len(learner.history["loss"]) == 2 + 3
    assert learner.history["lr"][8] == learner.history["lr"][12] == 0.01


def test_fit_linear_and_one_cycle_reach_the_optimizer():
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    learner = learner_of()
    learner.fit_linear(0.01, 1, callbacks=[Look()], verbose=0)
    learner.fit_onecycle(0.01, 2, callbacks=[Look()], verbose=0)
    np.testing.assert_allclose(seen, learner.history["lr"], rtol=1e-6)


def test_momentum_cycles_and_reaches_the_compiled_step():
    weights = []
    for high, low in ((0.9, 0.9), (0.5, 0.1)):
        learner = learner_of(network(optimizer=st.AdamW(0.01)))
        learner.fit_onecycle(0.01, 2, None, True, high, low, verbose=0)
        weights.append(learner.model.get_weights())
    assert not np.allclose(weights[0][0], weights[1][0], atol=1e-3)
    momentum = learner.history["momentum"]
    assert (momentum[0], min(momentum)) == (0.5, pytest.approx(0.1, abs=0.06))
    assert learner.plot("momentum", return_fig=True).axes[0].get_xlabel() == "step"
    with pytest.raises(ArgumentError, match="Adam keeps its momentum as a constant"):
        learner_of().fit_onecycle(0.01, 1, cycle_momentum=True)


def test_autofit_without_epochs_stops_and_restores_the_best():
    learner = learner_of()
    history = learner.autofit(0.3, verbose=0)
    losses = history["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) - 1 - best == 5
    found = learner.model.evaluate(X, Y, verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(losses[best], rel=1e-4)
    last = history["lr"][-4:]
    assert max(last) < 0.3  # two epochs without a better loss have lowered the rate


def test_autofit_without_validation_data():
    learner = st.get_learner(network(), (X, Y), batch_size=16)
    learner.autofit(0.01, 2, verbose=0)
    assert len(learner.history["loss"]) == 2


def test_early_stopping_needs_something_to_look_at():
    with pytest.raises(ArgumentError, match="monitor='val_loss' needs validation data"):
        st.get_learner(network(), (X, Y)).autofit(0.01)
    with pytest.raises(ArgumentError, match="monitor='val_f1', but this training has"):
        learner_of().autofit(0.01, 2, early_stopping=1, monitor="val_f1", verbose=0)


def test_auto_takes_the_suggestion(monkeypatch):
    learner = learner_of()
    curve = learner.lr_find(1e-4, end_lr=1.0, max_epochs=20, verbose=0)
    monkeypatch.setattr(type(curve), "suggest", lambda self: 0.0123)
    learner.fit_onecycle("auto", 1, verbose=0)
    assert max(learner.history["lr"]) == pytest.approx(0.0123, rel=0.5)
    monkeypatch.setattr(type(curve), "suggest", lambda self: None)
    with pytest.raises(TrainingError, match="curve is inconclusive"):
        learner.fit_onecycle("auto", 1)


def test_a_sweep_subtracts_what_its_batches_differ_in():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])  # no dropout
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner = learner_of(model)
    data = learner._data()
    before = lr_finder.losses_before(learner.model, data, 0, None, 8, CtrlC())
    curve = learner.lr_find(1e-12, end_lr=1e-11, max_epochs=2, verbose=0)
    assert np.std(before) > 0.01
    np.testing.assert_allclose(curve.losses, before.mean(), atol=1e-5)
    assert curve.spread < 1e-5


# ---- weights in the loss, the optimizer ------------------------------------------------------


def test_class_weights_by_name_index_and_balance():
    from simpletext.tasks.labels import Labels
    from simpletext.tasks.losses import class_weights

    labels = Labels("single_label_classification", ("cat", "dog"))
    y = np.array([0, 0, 0, 1])
    assert class_weights({"dog": 2}, labels, y).tolist() == [1, 1, 1, 2]
    assert class_weights({0: 3}, labels, y).tolist() == [3, 3, 3, 1]
    expected = np.array([2 / 3] * 3 + [2])
    np.testing.assert_allclose(class_weights("balanced", labels, y), expected, rtol=1e-6)
    with pytest.raises(ArgumentError, match=r"names 'dgo', which is no class.*Did you mean 'dog'"):
        class_weights({"dgo": 2}, labels, y)
    with pytest.raises(
        ArgumentError, match="class_weight of 'dog'=-1; it must be a number, 0 or more"
    ):
        class_weights({"dog": -1}, labels, y)
    with pytest.raises(ArgumentError, match="the one word allowed"):
        class_weights("even", labels, y)
    with pytest.raises(ArgumentError, match="needs one class a text"):
        class_weights({0: 1}, Labels("regression", ("target",)), y)


def test_an_unknown_class_weight_is_refused_before_training():
    with pytest.raises(ArgumentError, match="class_weight names 9, which is no class"):
        learner_of().fit(0.01, 1, class_weight={9: 1.0})


def test_decay_spares_biases_and_norms():
    model = network(optimizer=st.AdamW(0.1, weight_decay=0.5))
    learner = learner_of(model)
    for weight in model.trainable_variables:
        weight.assign(np.ones(weight.shape))
    model.optimizer.build(model.trainable_variables)
    model.optimizer.apply([np.zeros(w.shape, "float32") for w in model.trainable_variables])
    for weight in model.trainable_variables:
        expected = 1.0 if weight.path.endswith("bias") else 0.95
        np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-5)
    learner.set_weight_decay(0.1)
    assert learner.get_weight_decay() == 0.1
    with pytest.raises(ArgumentError, match="weight_decay='a'; it must be a number"):
        learner.set_weight_decay("a")


def test_accumulated_gradients_are_those_of_a_larger_batch():
    def train(size, steps):
        optimizer = st.AdamW(0.01, gradient_accumulation_steps=steps)
        model = network(optimizer=optimizer)
        model.layers[1].rate = 0.0
        data = st.get_learner(model, (X, Y), batch_size=size, seed=3)
        data.fit(0.01, 2, verbose=0)
        return model.get_weights()

    for one, other in zip(train(32, None), train(16, 2), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_lower_layers_learn_more_slowly():
    from simpletext.training.optimizer import layer_scales

    paths = ["embeddings/word_embeddings/embeddings", "layer_0/a/kernel", "layer_11/b/bias"]
    scales = layer_scales([*paths, "classifier/kernel"], 0.9)
    assert scales == pytest.approx([0.9**13, 0.9**12, 0.9, 1.0])
    bart = ["embeddings/a", "layer_1/a/kernel", "decoder_layer_0/a/kernel", "decoder_layer_1/a/b"]
    assert layer_scales([*bart, "pooler/bias"], 0.5) == [0.5**5, 0.5**3, 0.25, 0.5, 1.0]
    with pytest.raises(ArgumentError, match="the model has no blocks named layer_0"):
        layer_scales(["dense/kernel"], 0.9)
    with pytest.raises(ArgumentError, match="layer_decay=0"):
        st.AdamW(layer_decay=0)


# ---- what can go wrong -----------------------------------------------------------------------


def test_a_loss_that_is_no_number_stops_at_once():
    learner = learner_of()
    first = learner.model.get_weights()
    with pytest.raises(TrainingError, match=r"The loss is (nan|inf) at batch \d+ of epoch \d+"):
        learner.fit(1e30, 5, verbose=0)
    learner.reset_weights()
    assert all(map(np.array_equal, first, learner.model.get_weights()))
    learner.fit(0.01, 1, verbose=0)
    assert np.isfinite(learner.history["loss"][-1])


class Fails(keras.callbacks.Callback):
    def __init__(self, error, batch=5):
        super().__init__()
        self.error, self.batch, self.count = error, batch, 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        if self.count == self.batch:
            raise self.error


def test_ctrl_c_leaves_model_and_history(capsys):
    learner = learner_of()
    history = learner.fit(0.01, 3, callbacks=[Fails(KeyboardInterrupt())])
    told = capsys.readouterr().err
    assert "Stopped by Ctrl-C in epoch 2 of 3. The model has the weights that it had" in told
    assert len(history["loss"]) == 1
    assert len(history["lr"]) == 5
    learner.fit(0.01, 1, verbose=0)
    assert len(learner.history["loss"]) == 2


def test_out_of_memory_says_what_to_lower():
    with pytest.raises(NotEnoughMemoryError, match="A batch of 16 rows doesn't fit into memory"):
        learner_of().fit(0.01, 1, callbacks=[Fails(MemoryError(), 2)], verbose=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_cycles": 0}, "n_cycles=0"),
        ({"cycle_len": 0}, "cycle_len=0"),
        ({"early_stopping": 0}, "early_stopping=0"),
        ({"lr": -1}, "learning rate=-1; it must be a number above 0"),
        ({"lr": "fast"}, "learning rate='fast'; it must be"),
        ({"resume": True}, "resume=True needs checkpoint_folder"),
    ],
)
def test_bad_arguments_of_fit(wrong, message):
    with pytest.raises(ArgumentError, match=message):
        learner_of().fit(**{"lr": 0.01, "n_cycles": 1, **wrong})


# ---- snapshots -------------------------------------------------------------------------------


def everything(model):
    return [keras.ops.convert_to_numpy(v) for v in [*model.variables, *model.optimizer.variables]]


PLANS = {
    "one_cycle": lambda learner, **o: learner.fit_onecycle(0.02, 4, **o),
    "sgdr": lambda learner, **o: learner.fit(0.02, 2, cycle_len=1, cycle_mult=3, **o),
    "early_stopping": lambda learner, **o: learner.autofit(
        0.3, 8, early_stopping=3, reduce_on_plateau=1, **o
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_resumed_training_ends_as_an_uninterrupted_one(name, tmp_path):
    train = PLANS[name]
    whole = learner_of(network(optimizer=st.AdamW(0.01)))
    train(whole, verbose=0)
    broken = learner_of(network(optimizer=st.AdamW(0.01)))
    with pytest.raises(RuntimeError, match="power"):
        train(broken, checkpoint_folder=tmp_path, callbacks=[Fails(RuntimeError("power"), 7)],
              verbose=0)  # fmt: skip
    resumed = learner_of(network(optimizer=st.AdamW(0.01)))
    train(resumed, checkpoint_folder=tmp_path, resume=True, verbose=0)
    assert all(map(np.array_equal, everything(whole.model), everything(resumed.model)))
    assert resumed.history == whole.history
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors"]
    again = learner_of(network(optimizer=st.AdamW(0.01)))
    train(again, checkpoint_folder=tmp_path, resume=True, verbose=0)  # nothing is left to do
    assert all(map(np.array_equal, whole.model.get_weights(), again.model.get_weights()))


def test_a_folder_of_another_training(tmp_path):
    learner_of().fit(0.01, 1, checkpoint_folder=tmp_path, verbose=0)
    with pytest.raises(
        CheckpointError, match="holds a training already. Pass resume=True to continue"
    ):
        learner_of().fit(0.01, 1, checkpoint_folder=tmp_path)
    with pytest.raises(CheckpointError, match="another training: lr was 0.01 and is 0.02"):
        learner_of().fit(0.02, 1, checkpoint_folder=tmp_path, resume=True)
    other = st.get_learner(network(4), (X, Y), (X, Y), batch_size=16)
    with pytest.raises(CheckpointError, match="is of another model or optimizer"):
        other.fit(0.01, 1, checkpoint_folder=tmp_path, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="checkpoint_folder can't be created"):
        learner_of().fit(0.01, 1, checkpoint_folder=tmp_path / "file")


def test_a_damaged_or_newer_snapshot(tmp_path, monkeypatch):

    last = tmp_path / "last.safetensors"
    last.write_bytes(b"no")
    with pytest.raises(CheckpointError, match="can't be read"):
        learner_of().fit(0.01, 1, checkpoint_folder=tmp_path, resume=True)
    last.unlink()
    monkeypatch.setattr(checkpointing, "FORMAT", 2)
    learner_of().fit(0.01, 1, checkpoint_folder=tmp_path, verbose=0)
    monkeypatch.setattr(checkpointing, "FORMAT", 1)
    with pytest.raises(CheckpointError, match="has format 2; this version .* reads format 1"):
        learner_of().fit(0.01, 1, checkpoint_folder=tmp_path, resume=True)


def test_the_best_epoch_can_be_loaded(tmp_path):
    learner = learner_of()
    learner.fit(0.3, 5, checkpoint_folder=tmp_path, verbose=0)
    learner.load_model(tmp_path / "best.safetensors")
    found = learner.model.evaluate(X, Y, verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(min(learner.history["val_loss"]), rel=1e-4)


# ---- the model -------------------------------------------------------------------------------


def test_freeze_and_unfreeze_any_model(capsys):
    learner = learner_of()
    learner.fit(0.01, 1, verbose=0)
    learner.freeze()
    before = learner.model.get_weights()
    learner.fit(0.01, 1, verbose=0)
    same = [np.array_equal(*pair) for pair in zip(before, learner.model.get_weights(), strict=True)]
    assert same == [True, True, False, False]
    learner.print_layers(show_wd=True)
    assert "frozen, 112 numbers" in capsys.readouterr().out
    learner.unfreeze()
    learner.fit(0.01, 1, verbose=0)
    after = learner.model.get_weights()
    assert not any(np.array_equal(*pair) for pair in zip(before, after, strict=True))
    learner.freeze(3)
    with pytest.raises(ArgumentError, match="All of the model is frozen"):
        learner.fit(0.01, 1)
    with pytest.raises(ArgumentError, match="freeze_range=9; it must be a whole number from 0"):
        learner.freeze(9)
    with pytest.raises(ArgumentError, match="no layers named like the blocks of simpletext's"):
        learner.freeze("embeddings")


def test_save_and_load_a_model(tmp_path):
    learner, other = learner_of(), learner_of()
    learner.fit(0.01, 1, verbose=0)
    learner.save_model(tmp_path / "model.keras")
    other.load_model(tmp_path / "model.keras")
    assert all(map(np.array_equal, learner.model.get_weights(), other.model.get_weights()))
    with pytest.raises(FolderExistsError, match="exists already and is left as it is"):
        learner.save_model(tmp_path / "model.keras")
    with pytest.raises(ArgumentError, match="wasn't made by load_encoder"):
        learner.save_model(tmp_path / "folder")


def test_set_model_and_set_lr():
    learner = learner_of()
    learner.set_lr(0.5)
    assert float(learner.model.optimizer.learning_rate) == 0.5
    learner.set_model(network())
    learner.fit(0.01, 1, verbose=0)
    with pytest.raises(ArgumentError, match="The model isn't compiled"):
        learner.set_model(keras.Sequential([keras.Input((2,))]))


# ---- counts, callbacks, resuming, what is said -------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [
        lambda learner: learner.fit_onecycle("auto", 0),
        lambda learner: learner.fit("auto", 0),
        lambda learner: learner.fit("auto", 1, cycle_len=1.5),
        lambda learner: learner.fit_linear("auto", 1, early_stopping=0),
        lambda learner: learner.autofit("auto", 2, reduce_on_plateau=True),
    ],
)
def test_bad_counts_are_refused_before_the_range_test(start):
    learner = learner_of()
    with pytest.raises(ArgumentError, match="it must be a whole number, 1 or more"):
        start(learner)
    assert learner.curve is None


def test_counts_may_be_numpys(tmp_path):
    one, two = np.int64(1), np.int64(2)
    learner = learner_of(batch_size=np.int32(16), seed=one)
    learner.fit_onecycle(np.float32(0.01), two, checkpoint_folder=tmp_path / "a", verbose=0)
    learner.fit(
        0.01, two, cycle_len=one, cycle_mult=two, early_stopping=two,
        checkpoint_folder=tmp_path / "b", verbose=0,
    )  # fmt: skip
    learner.autofit(0.01, two, two, one, np.float64(2), checkpoint_folder=tmp_path / "c", verbose=0)
    assert len(learner.history["loss"]) == 2 + 3 + 2


def test_a_callback_alone_is_a_list_of_one():
    callback = keras.callbacks.EarlyStopping("loss", mode="max", patience=1)
    learner = learner_of()
    learner.fit(0.01, 5, callbacks=callback, verbose=0)
    assert len(learner.history["loss"]) < 5
    with pytest.raises(ArgumentError, match=r"callbacks=\['stop'\]; it must be a list of keras"):
        learner.fit(0.01, 1, callbacks=["stop"])


def test_resuming_in_the_same_learner_keeps_one_history(tmp_path):
    learner = learner_of()
    learner.fit(0.01, 1, verbose=0)
    options = {"checkpoint_folder": tmp_path, "verbose": 0}
    with pytest.raises(RuntimeError, match="power"):
        learner.fit(0.01, 3, callbacks=[Fails(RuntimeError("power"), 7)], **options)
    for _ in range(3):
        learner.fit(0.01, 3, resume=True, **options)
        assert len(learner.history["loss"]) == 1 + 3
        assert len(learner.history["lr"]) == 4 * (1 + 3)


def test_a_training_that_a_callback_stopped_is_not_continued(tmp_path, capsys):
    def train(learner, **options):
        stop = keras.callbacks.EarlyStopping(
            "loss", mode="max", patience=2, restore_best_weights=True
        )
        learner.fit(0.01, 6, checkpoint_folder=tmp_path, callbacks=[stop], **options)
        return learner

    whole = train(learner_of(), verbose=0)
    epochs = len(whole.history["loss"])
    assert epochs < 6
    resumed = train(learner_of(), resume=True)
    assert "has ended already; its weights were loaded" in capsys.readouterr().err
    assert len(resumed.history["loss"]) == epochs
    assert all(map(np.array_equal, whole.model.get_weights(), resumed.model.get_weights()))


def test_ctrl_c_with_early_stopping_says_that_the_best_weights_are_restored(capsys):
    learner = learner_of()
    learner.fit(0.01, 3, early_stopping=2, callbacks=[Fails(KeyboardInterrupt(), 6)])
    assert "The model has the weights of the best epoch so far, epoch 1" in capsys.readouterr().err
    found = learner.model.evaluate(X, Y, verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(learner.history["val_loss"][0], rel=1e-4)


def test_a_new_model_has_no_curve():
    learner = learner_of()
    learner.lr_find(max_epochs=2, verbose=0)
    learner.set_model(network())
    assert learner.curve is None


def test_an_unusual_rate_is_pointed_out(capsys):
    learner_of().fit_onecycle(1, 1)
    assert "The learning rate 1 is unusually high" in capsys.readouterr().err
    learner_of().fit_onecycle(0.1, 1)
    assert "unusually" not in capsys.readouterr().err


def test_the_output_of_a_layer_is_of_a_row_that_there_is():
    learner = learner_of()
    assert learner.layer_output(0, example_id=np.int64(63)).shape == (1, 16)
    for wrong in (-1, 64, 1.0):
        with pytest.raises(ArgumentError, match=r"example_id=.*; it must be a whole number from 0"):
            learner.layer_output(0, example_id=wrong)
    with pytest.raises(ArgumentError, match="layer_id=9; the model has layers 0 to 2"):
        learner.layer_output(9)


def test_plots_return_the_figure_and_show_it_outside_of_notebooks(monkeypatch):
    learner, opened = learner_of(), []
    monkeypatch.setattr("simpletext.evaluation.figures._open_window", opened.append)
    learner.lr_find(max_epochs=2, verbose=0)
    learner.fit(0.01, 1, verbose=0)
    for plot in (learner.plot, learner.lr_plot, lambda **o: learner.plot("confusion_matrix", **o)):
        opened.clear()
        assert plot() is opened[0]
        assert plot(return_fig=True) is not None
        assert len(opened) == 1
    monkeypatch.setattr("simpletext.utils.console.in_notebook", lambda: True)
    assert learner.plot() is not None
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"data": (X[::-1].copy(), Y)}, "train_data"),
        ({"val": (X[:50], Y[:50])}, "val_data"),
        ({"class_weight": {0: 2.0}}, "class_weight"),
        ({"optimizer": st.AdamW(0.01, weight_decay=0.1)}, "weight_decay"),
        ({"optimizer": st.AdamW(0.01)}, "optimizer"),
    ],
)
def test_another_training_is_not_resumed(change, name, tmp_path):
    def start(data=(X, Y), val=(X, Y), class_weight=None, optimizer=None, resume=True):
        model = network() if optimizer is None else network(optimizer=optimizer)
        learner = st.get_learner(model, data, val, batch_size=16)
        options = {"checkpoint_folder": tmp_path, "class_weight": class_weight, "verbose": 0}
        learner.fit(0.01, 2, resume=resume, **options)

    first = {"optimizer": st.AdamW(0.01)} if name == "weight_decay" else {}
    start(**first, resume=False)
    with pytest.raises(CheckpointError, match=f"holds another training: .*{name} was"):
        start(**change)
    start(**first)
