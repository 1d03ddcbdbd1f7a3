"""AdamW as encoders are trained with it, and what a `Learner` changes on any optimizer."""

import re
from typing import Any

import keras
from keras import ops

from ..errors import ArgumentError
from ..utils import backend
from ..utils.validation import require_number, shown
from .schedules import require_learning_rate

NOT_DECAYED = ("bias", "gamma", "beta")  # leaf names of biases and norms


@keras.saving.register_keras_serializable("simpletext")
class AdamW(backend.Adam):
    """AdamW (https://arxiv.org/abs/1711.05101) with no decay on biases and norms.

    Unlike Keras' own it holds beta_1 in a variable, so that a momentum schedule reaches the
    compiled step, and it can give lower layers a lower rate (https://arxiv.org/abs/1801.06146).

    Args:
        learning_rate: the learning rate; a `Learner`'s schedules set it step by step.
        weight_decay: share of a weight that is taken off a step, times the learning rate.
        beta_1: the momentum.
        layer_decay: what the rate is multiplied with from each block to the one below it; the
            head has the full rate, and the embeddings have the lowest.
        options: Keras' own, such as `global_clipnorm`, `epsilon` and
            `gradient_accumulation_steps`.

    Raises:
        ArgumentError: a weight decay below 0, a layer decay outside of (0, 1].

    Example:
        >>> AdamW(1e-4, layer_decay=0.9, global_clipnorm=1.0).get_config()["layer_decay"]
        0.9
    """

    def __init__(
        self,
        learning_rate: float = 5e-5,
        weight_decay: float = 0.01,
        beta_1: float = 0.9,
        *,
        layer_decay: float = 1.0,
        **options: Any,
    ) -> None:
        check_weight_decay(weight_decay)
        require_number("layer_decay", layer_decay, 1e-3, 1, "a number above 0 and at most 1")
        require_number("beta_1", beta_1, 0, 0.999999)
        if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            learning_rate = require_learning_rate(learning_rate)
        beta_1 = keras.initializers.Constant(beta_1)
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.layer_decay = layer_decay
        self.beta_1: Any = self.add_variable((), beta_1, name="beta_1")

    def build(self, var_list: list) -> None:
        """Make the state of these variables, and decide how each is treated."""
        if self.built:
            return
        super().build(var_list)
        paths = [variable.path for variable in var_list]
        self._scales = layer_scales(paths, self.layer_decay)
        self._decays = [path.rpartition("/")[2] not in NOT_DECAYED for path in paths]

    def begin_step(self, learning_rate: Any) -> None:
        """Compute the rates, and the shares that weight decay leaves, once for all variables."""
        # Tensors, for a variable would be read again at each place.
        self._rates = {scale: ops.multiply(learning_rate, scale) for scale in set(self._scales)}
        self._shares = {s: 1 - rate * self.weight_decay for s, rate in self._rates.items()}

    def treatment_of(self, variable: Any) -> tuple[float, float]:
        """What a variable's rate is multiplied with, and its weight decay."""
        index = self.index_of(variable)
        decay = self.weight_decay if self._decays[index] else 0.0
        return self._scales[index], float(decay or 0.0)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras' call for one variable: decay it, then take Adam's step."""
        index = self.index_of(variable)
        scale = self._scales[index]
        if self.weight_decay and self._decays[index]:
            share = ops.cast(self._shares[scale], variable.dtype)  # of the weight that stays
            self.assign(variable, ops.multiply(variable, share))
        super().update_step(gradient, variable, ops.cast(self._rates[scale], variable.dtype))

    def get_config(self) -> dict[str, Any]:
        """The arguments, as they are now."""
        beta_1 = float(ops.convert_to_numpy(self.beta_1))
        return super().get_config() | {"layer_decay": self.layer_decay, "beta_1": beta_1}


def layer_scales(paths: list[str], layer_decay: float) -> list[float]:
    """What the learning rate is multiplied with for each variable, by its place in the encoder.

    Raises:
        ArgumentError: a decay for a model without numbered blocks.

    Example:
        >>> layer_scales(["embeddings/norm/gamma", "layer_0/output/bias", "pooler/bias"], 0.5)
        [0.25, 0.5, 1.0]
    """
    encoder = 1 + max((int(n) for n in _numbers("", paths) if n), default=-1)
    decoder = 1 + max((int(n) for n in _numbers("decoder_", paths) if n), default=-1)
    count = encoder + decoder
    if layer_decay < 1 and not count:
        raise ArgumentError(
            f"layer_decay={layer_decay}, but the model has no blocks named layer_0, layer_1, ... "
            "Leave it at 1."
        )
    heights = [
        int(own) + 1 if own else encoder + int(above) + 1 if above
        else 0 if "embeddings" in path else count + 1
        for path, own, above in zip(
            paths, _numbers("", paths), _numbers("decoder_", paths), strict=True
        )
    ]  # fmt: skip
    return [layer_decay ** (count + 1 - height) for height in heights]


def _numbers(prefix: str, paths: list[str]) -> list[str | None]:
    """For each path the number of its block, of those named `<prefix>layer_<number>`."""
    found = [re.search(rf"(?:^|/){prefix}layer_(\d+)/", path) for path in paths]
    return [each and each[1] for each in found]


def require_optimizer(optimizer: Any) -> keras.optimizers.Optimizer:
    """A Keras optimizer, or the one of that name.

    Raises:
        ArgumentError: neither.
    """
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    try:
        if not isinstance(optimizer, str):  # Keras makes no optimizer, and no error, of None
            raise ValueError
        return keras.optimizers.get(optimizer)
    except ValueError:
        raise ArgumentError(
            f"optimizer={shown(optimizer)}; it must be a Keras optimizer, such as "
            "simpletext.AdamW(1e-4), or the name of one."
        ) from None


def renewed(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The same optimizer without its state, to be built for another set of variables."""
    new = type(optimizer).from_config(optimizer.get_config())
    backend.copy_decay_exclusions(optimizer, new)
    return new


def restart_optimizer(model: keras.Model) -> None:
    """Give a model its optimizer anew, after other variables became trainable."""
    model.optimizer = renewed(model.optimizer)  # it has state for the variables it was built with
    backend.forget_training_step(model)


def set_weight_decay(model: keras.Model, weight_decay: float) -> None:
    """Set the weight decay of a model's optimizer.

    Raises:
        ArgumentError: not a weight decay, or an optimizer that has none.
    """
    check_weight_decay(weight_decay)
    if not hasattr(model.optimizer, "weight_decay"):
        kind = type(model.optimizer).__name__
        raise ArgumentError(f"{kind} has no weight decay. Compile with simpletext.AdamW.")
    model.optimizer.weight_decay = weight_decay
    backend.forget_training_step(model)


def check_weight_decay(weight_decay: Any) -> None:
    """Refuse what is no weight decay."""
    require_number("weight_decay", weight_decay, 0, 1, "a number from 0 to 1, like 0.01")


def check_schedulable(optimizer: Any) -> None:
    """Refuse an optimizer whose learning rate nobody can set."""
    try:
        optimizer.learning_rate = float(ops.convert_to_numpy(optimizer.learning_rate))
    except TypeError as error:
        raise ArgumentError(
            "The optimizer was made with a LearningRateSchedule, so a learner can't set its rate. "
            "Compile the model with a number for the learning rate."
        ) from error


def momentum_of(optimizer: Any) -> Any:
    """The variable that holds the optimizer's momentum, or an error that there is none."""
    for name in ("beta_1", "momentum"):
        if isinstance(getattr(optimizer, name, None), keras.Variable):
            return getattr(optimizer, name)
    raise ArgumentError(
        f"cycle_momentum=True, but {type(optimizer).__name__} keeps its momentum as a constant of "
        "the compiled step. Compile the model with simpletext.AdamW, or use cycle_momentum=False."
    )
