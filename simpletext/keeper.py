"""`Keeper`: holds a learner's model, its weights, what is frozen and how it decays."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .checkpoints.folder import check_absent
from .errors import ArgumentError, CheckpointError
from .models.freezing import describe_layers, layers_to_freeze
from .models.loading import architecture_of, load_classifier, load_encoder, save_checkpoint
from .training.checkpointing import assign, read_snapshot
from .training.optimizer import check_schedulable, check_weight_decay, renewed
from .training.sources import Source
from .utils import console


class Keeper:
    """Changes a learner's model. The `Learner` has all of it."""

    model: keras.Model
    train_data: Source | None
    val_data: Source | None
    _first_weights: list[tuple[np.ndarray, bool]] | None

    def freeze(self, freeze_range: int | str | None = None, *, blocks: int | None = None) -> None:
        """Keep a part of the model as it is in training. The optimizer starts anew.

        Args:
            freeze_range: "embeddings"; "encoder", which is all but the head, and the default; or
                a number n for the first n of `model.layers`.
            blocks: instead, a number k for the embeddings and the first k blocks.

        Raises:
            ArgumentError: a part that the model doesn't have.
        """
        chosen = layers_to_freeze(self.model, freeze_range, blocks)
        self._set_trainable(chosen, False)

    def unfreeze(self, exclude_range: int | str | None = None) -> None:
        """Train everything again. The optimizer starts anew.

        Args:
            exclude_range: what is left as it is: a number n for the first n of `model.layers`, or
                a part as in `freeze`.
        """
        left = [] if exclude_range is None else layers_to_freeze(self.model, exclude_range)
        names = {layer.name for layer in left}
        self._set_trainable([part for part in self.model.layers if part.name not in names], True)

    def _set_trainable(self, layers: list[Any], trainable: bool) -> None:
        for layer in layers:
            layer.trainable = trainable
        # An optimizer holds state for the variables it was built with, and the compiled step
        # holds the list of those it trains.
        self.model.optimizer = renewed(self.model.optimizer)
        self.model.train_function = None

    def set_lr(self, lr: float) -> None:
        """Set the learning rate; schedules set it again, step by step."""
        check_rate(lr)
        check_schedulable(self.model.optimizer)
        self.model.optimizer.learning_rate = lr

    def set_weight_decay(self, wd: float = 0.01) -> None:
        """Set the optimizer's weight decay: the share of a weight a step, times the rate."""
        check_weight_decay(wd)
        if not hasattr(self.model.optimizer, "weight_decay"):
            kind = type(self.model.optimizer).__name__
            raise ArgumentError(f"{kind} has no weight decay. Compile with simpletext.AdamW.")
        self.model.optimizer.weight_decay = wd
        self.model.train_function = None  # it is a constant of the compiled step

    def get_weight_decay(self) -> float:
        """The optimizer's weight decay; 0 where it has none."""
        return float(getattr(self.model.optimizer, "weight_decay", None) or 0.0)

    def set_model(self, model: keras.Model) -> None:
        """Take another compiled model in the place of the learner's."""
        check_model(model)
        self.model, self._first_weights = model, None

    def reset_weights(self) -> None:
        """Put the weights back that the model had before this learner first trained it."""
        if self._first_weights is None:
            return  # nothing was trained yet
        for variable, (value, new) in zip(self.model.variables, self._first_weights, strict=True):
            variable.assign(value)
            variable.made_new = new
        self.model.optimizer = renewed(self.model.optimizer)
        self.model.train_function = None

    def save_model(self, path: str | os.PathLike) -> None:
        """Write the model: a Hugging Face folder for one of ours, else a `.keras` file.

        A `Predictor` saves the tokenizer and the labels as well.

        Raises:
            FolderExistsError: the folder is there already.
            ArgumentError: a model that isn't of simpletext, and a path not ending in `.keras`.
        """
        if str(path).endswith(".keras"):
            check_absent(path)
            self.model.save(Path(path).expanduser())
        else:
            save_checkpoint(self.model, path)

    def load_model(self, path: str | os.PathLike) -> None:
        """Give the learner's model the weights of a saved one.

        Args:
            path: what `save_model` wrote, or `best.safetensors` in a checkpoint_folder.

        Raises:
            CheckpointError: nothing there, or a model of another architecture.
        """
        file = Path(path).expanduser()
        if file.is_file() and file.suffix == ".safetensors":
            assign(self.model.variables, read_snapshot(file).model, file)
            return
        if file.is_file() and file.suffix == ".keras":
            loaded = keras.saving.load_model(file, compile=False)
        else:
            pooling = architecture_of(self.model).pooling
            loaded = load_classifier(file, pooling=pooling) if pooling else load_encoder(file)
        shapes = [[tuple(w.shape) for w in model.weights] for model in (self.model, loaded)]
        if shapes[0] != shapes[1]:
            raise CheckpointError(f"{path} holds a model of another architecture or other classes.")
        for mine, theirs in zip(self.model.weights, loaded.weights, strict=True):
            mine.assign(theirs)

    def print_layers(self, show_wd: bool = False) -> None:
        """Print the model's layers: number, name, whether they train, how many numbers.

        Args:
            show_wd: tell the weight decay as well.
        """
        decay = self.get_weight_decay() if show_wd else None
        console.say(describe_layers(self.model, decay))

    def layer_output(self, layer_id: int, example_id: int = 0, use_val: bool = False) -> Any:
        """What a layer gives out for one row of the data.

        Args:
            layer_id: its number in `model.layers` (see `print_layers`).
            example_id: the row.
            use_val: take the validation data, not the training data.

        Returns:
            An array whose first dimension is 1.

        Raises:
            ArgumentError: no such layer, no such data.
        """
        source = self.val_data if use_val else self.train_data
        if source is None:
            raise ArgumentError(f"The learner has no {'val' if use_val else 'train'}_data.")
        count = len(self.model.layers)
        if not isinstance(layer_id, int) or not -count <= layer_id < count:
            raise ArgumentError(f"layer_id={layer_id!r}; the model has layers 0 to {count - 1}.")
        # Keras 3 knows a Sequential's input only by this name, and a dict's names only by that.
        is_sequential = isinstance(self.model, keras.Sequential)
        inputs = self.model.inputs[0] if is_sequential else self.model.input
        part = keras.Model(inputs, self.model.layers[layer_id].output)
        return part.predict_on_batch(source.example(example_id))


def first_weights(model: keras.Model) -> list[tuple[np.ndarray, bool]]:
    """A model's variables as they are, and for each whether it is still new (see `headstart`)."""
    return [(keras.ops.convert_to_numpy(v), getattr(v, "made_new", False)) for v in model.variables]


def check_model(model: Any) -> None:
    """Refuse what is no compiled Keras model."""
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"model is a {type(model).__name__}; it must be a Keras model.")
    if not model.compiled:
        raise ArgumentError(
            "The model isn't compiled: call model.compile(optimizer=..., loss=...) first, "
            "or take it from Transformer.get_classifier()."
        )


def check_rate(lr: Any) -> None:
    """Refuse what is no learning rate."""
    is_number = isinstance(lr, (int, float, np.number)) and not isinstance(lr, bool)
    if not is_number or not 0 < lr < np.inf:
        raise ArgumentError(f"The learning rate is {lr!r}; it must be a number above 0, like 1e-4.")
