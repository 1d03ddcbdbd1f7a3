"""A learner for any compiled Keras model and any kind of data."""

import keras
import numpy as np
import pytest
from any_models import Pieces, network, numbers

import simpletext as st
from simpletext.errors import ArgumentError, DataError

X, Y = numbers()


def as_tf_dataset(x, y, size=16):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).batch(size)


KINDS = {
    "arrays": lambda x, y: (x, y),
    "dataset": as_tf_dataset,
    "unknown length": lambda x, y: as_tf_dataset(x, y).filter(lambda *_: True),
    "PyDataset": Pieces,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_way_with_any_data(kind):
    data = KINDS[kind](X, Y)
    learner = st.get_learner(network(), data, data, batch_size=16)
    before = learner.model.get_weights()
    curve = learner.lr_find(start_lr=1e-4, end_lr=1.0, max_epochs=5, verbose=0)
    assert len(curve.rates) > 4
    assert all(map(np.array_equal, before, learner.model.get_weights()))
    learner.fit_onecycle(0.05, 15, verbose=0)
    assert learner.history["val_accuracy"][-1] > 0.8
    probabilities = learner.predict()
    assert probabilities.shape == (64, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    right = (probabilities.argmax(axis=1) == learner.ground_truth()).mean()
    assert right == pytest.approx(learner.history["val_accuracy"][-1])
    assert learner.ground_truth().tolist() == Y.tolist()
    assert learner.validate(print_report=False).sum() == 64
    table = learner.top_losses(100)
    assert list(table.columns) == ["row", "true", "predicted", "probability", "loss"]
    assert len(table) == round((1 - right) * 64)
    assert learner.layer_output(0, example_id=20).shape == (1, 16)


def test_each_row_counts_once_where_every_device_answers(monkeypatch):
    """As in the scope of a tf.distribute strategy of two devices."""
    learner, predict = st.get_learner(network(), (X, Y), (X, Y)), keras.Model.predict_on_batch

    def doubled(model, x):
        return np.concatenate([predict(model, x)] * 2)

    monkeypatch.setattr(keras.Model, "predict_on_batch", doubled)
    assert learner.validate(print_report=False).sum() == 64


def test_a_small_cnn():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(48, 8, 8, 1)).astype("float32")
    y = (x.mean(axis=(1, 2, 3)) > 0).astype(int)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    learner = st.get_learner(model, (x, y), (x, y), batch_size=16)
    learner.fit(0.01, 2, verbose=0)
    matrix = learner.validate(print_report=False)
    assert matrix.shape == (2, 2)
    assert matrix.sum(axis=1).tolist() == np.bincount(y).tolist()


LOSSES = {
    "sparse_categorical_crossentropy": ("softmax", 3, Y, "single_label_classification"),
    "categorical_crossentropy": ("softmax", 3, np.eye(3)[Y], "single_label_classification"),
    "binary_crossentropy": ("sigmoid", 3, np.eye(3)[Y], "multi_label_classification"),
    "mse": (None, 1, X[:, :1] * 2.0, "regression"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_tells_the_task(loss):
    activation, width, y, task = LOSSES[loss]
    learner = st.get_learner(network(width, loss, activation, metrics=[]), (X, y), (X, y))
    assert learner.val_data.labels.task == task
    result = learner.validate(print_report=False)
    assert (result if task == "regression" else result.sum()) is not None
    assert learner.predict().shape == (64, width)


def test_dicts_of_arrays_and_weights():
    inputs = {name: keras.Input((6,), name=name) for name in ("a", "b")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, keras.layers.Dense(3)(joined))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    weights = np.where(Y == 0, 0.0, 1.0)
    learner = st.get_learner(model, ({"a": X, "b": X}, Y, weights), batch_size=16)
    learner.fit(0.05, 10, class_weight={1: 2.0}, verbose=0)
    answers = learner.predict(({"a": X, "b": X}, Y)).argmax(axis=1)
    assert (answers == 0).mean() < 0.1  # rows of class 0 weigh nothing


def test_bad_arrays():
    model = network()
    with pytest.raises(DataError, match=r"train_data has \[63, 64\] rows"):
        st.get_learner(model, (X, Y[:-1]))
    with pytest.raises(DataError, match="Row 0 of train_data has the label 7, but the model has"):
        st.get_learner(model, (X, np.where(Y[0] == Y, 7, Y)))
    with pytest.raises(DataError, match="train_data has texts; they go through Transformer"):
        st.get_learner(model, (["a", "b"], [0, 1]))
    with pytest.raises(DataError, match="Texts go through Transformer.preprocess_train"):
        st.get_learner(model, (np.array(["a", "b"]), Y[:2]))
    with pytest.raises(DataError, match=r"sample_weight has the shape \(2,\); train_data has 64"):
        st.get_learner(model, (X, Y), sample_weight=[1, 2])
    with pytest.raises(DataError, match="Row 1 has the weight -1.0; it must be 0 or more"):
        st.get_learner(model, (X[:2], Y[:2]), sample_weight=[1, -1])
    with pytest.raises(DataError, match="train_data has no end or no batches"):
        st.get_learner(model, as_tf_dataset(X, Y).repeat()).fit(0.01, 1)
    with pytest.raises(DataError, match="val_data has no labels"):
        st.get_learner(model, val_data=as_tf_dataset(X, Y).map(lambda x, y: (x,))).validate()
    with pytest.raises(ArgumentError, match="must be a dict, class index -> weight"):
        st.get_learner(model, Pieces(X, Y)).fit(0.01, 1, class_weight="balanced")


def test_a_rate_that_belongs_to_somebody_else():
    learner = st.get_learner(network(), (X, Y))
    with pytest.raises(ArgumentError, match="ReduceLROnPlateau sets the learning rate"):
        learner.fit(0.1, 1, callbacks=[keras.callbacks.ReduceLROnPlateau()])
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    fixed = st.get_learner(network(optimizer=keras.optimizers.Adam(schedule)), (X, Y))
    with pytest.raises(ArgumentError, match="made with a LearningRateSchedule"):
        fixed.fit(0.1, 1)
