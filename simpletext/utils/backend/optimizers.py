"""Adam in few operations."""

import math
from typing import Any

import keras
from keras import ops

from .current import is_tensorflow, name


class Adam(keras.optimizers.Adam):
    """Keras' Adam, which on TensorFlow updates a variable in one operation.

    Subclasses override `begin_step` and `update_step`; weight decay is theirs. `beta_1` may be a
    variable.
    """

    def begin_step(self, learning_rate: Any) -> None:
        """Called once per step, before the variables are updated one by one."""

    def index_of(self, variable: Any) -> int:
        """The place of a variable among those that the optimizer was built for."""
        return self._get_variable_index(variable)

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        """Keras' call for all variables: what they share is computed once."""
        self.begin_step(learning_rate)
        if name() == "torch" and not self.amsgrad:
            self._step_by_torch(grads, trainable_variables, learning_rate)
            return None
        if self._in_one_operation:
            step = ops.cast(self.iterations + 1, "float32")
            beta_1 = ops.multiply(self.beta_1, 1.0)  # a tensor: a variable would be read each time
            self._scalars = {  # by the names that TensorFlow's operation has for them
                "beta1": beta_1,
                "beta2": ops.convert_to_tensor(self.beta_2, "float32"),
                "beta1_power": ops.power(beta_1, step),
                "beta2_power": ops.power(self.beta_2, step),
                "epsilon": ops.convert_to_tensor(self.epsilon, "float32"),
            }
        return super()._backend_update_step(grads, trainable_variables, learning_rate)

    def treatment_of(self, variable: Any) -> tuple[float, float]:
        """What a variable's rate is multiplied with, and its weight decay."""
        return 1.0, 0.0

    def _step_by_torch(self, grads: list, variables: list, learning_rate: Any) -> None:
        """PyTorch's step for all variables of one treatment at once."""
        import torch
        from torch.optim.adamw import adamw

        numbers = (self.iterations, self.beta_1, learning_rate)  # read together: it waits once
        step, beta_1, rate = torch.stack([ops.cast(n, "float32") for n in numbers]).tolist()
        by_treatment: dict[tuple[float, float], list[int]] = {}
        for i, variable in enumerate(variables):
            by_treatment.setdefault(self.treatment_of(variable), []).append(i)
        for (scale, weight_decay), rows in by_treatment.items():
            places = [self.index_of(variables[i]) for i in rows]
            first = variables[rows[0]].value
            steps = torch.full((len(rows),), step, device=first.device)
            with torch.no_grad():
                adamw(
                    [variables[i].value for i in rows],
                    [grads[i] for i in rows],
                    [self._momentums[place].value for place in places],
                    [self._velocities[place].value for place in places],
                    [],
                    list(steps.unbind()),
                    fused=True,
                    amsgrad=False,
                    beta1=beta_1,
                    beta2=self.beta_2,
                    lr=rate * scale,
                    weight_decay=weight_decay,
                    # PyTorch adds epsilon after the correction of the bias, Keras before.
                    eps=self.epsilon / math.sqrt(1.0 - self.beta_2 ** (step + 1)),
                    maximize=False,
                )

    @property
    def _in_one_operation(self) -> bool:
        # Keras' own step is some 25 operations per variable, each of them a pass over memory.
        return is_tensorflow() and not self.amsgrad

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Adam's step for one variable, by the same formula on all backends."""
        if not self._in_one_operation:
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        index = self.index_of(variable)
        scalars = self._scalars | {"lr": learning_rate}
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
            **{name: ops.cast(scalar, variable.dtype) for name, scalar in scalars.items()},
        )

    def _apply_weight_decay(self, variables: list) -> None:
        """Nothing: a subclass decays in `update_step`, at each variable's own rate."""


def copy_decay_exclusions(
    source: keras.optimizers.Optimizer, target: keras.optimizers.Optimizer
) -> None:
    """Exclude the variables from weight decay that `source` excludes."""
    for attribute in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(source, attribute):
            setattr(target, attribute, getattr(source, attribute))
