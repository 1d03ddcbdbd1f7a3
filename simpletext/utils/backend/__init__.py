"""What depends on the Keras backend, and every use of a private Keras or TensorFlow API.

No module outside of this folder asks which backend runs or uses an API of this table. All were tried with Keras
3.15.1: those of TensorFlow with version 2.21.0, the others with PyTorch 2.13.0 and JAX 0.10.2 too.
`tests/utils/test_backend.py` fails if one of them goes away.

| API | used by | why |
|---|---|---|
| `Layer._inbound_nodes`, `KerasTensor._keras_history` | `producing_call` | call the layer that made a symbolic tensor again, with other options |
| `Variable._value` | `traced_once_if_alike` | a variable's value in its own type within a layer's call |
| `keras.src.backend.common`: `get_autocast_scope`, `global_state` with `current_call_ctx` | `training_within_call` | PyTorch: call a layer within another one without Keras' checks |
| `Model.predict_function`, `make_predict_function` | `compile_predict` | compile once for batches of all shapes |
| `Model.train_function` | `forget_training_step` | what changes the step has to compile it anew |
| `Model.train_step`, `test_step`, replaced on the instance | `distribution.prepared` | take padding rows off again |
| `Model._symbolic_build` | `distribution.prepared` | build metrics by a batch without padding rows |
| `jax._src.distributed.global_state.client` | `distribution.require_same` | compare processes within a time limit |
| `Model.jax_state_sync` | `set_learning_rate` | JAX: within `fit` the variables' values are kept elsewhere |
| `Optimizer._exclude_from_weight_decay`, `..._pattern` | `copy_decay_exclusions` | `get_config` leaves them out |
| `Optimizer._backend_update_step`, `_apply_weight_decay`, `_get_variable_index` | `Adam` | work that is shared by all variables is done once per step |
| `Adam._momentums`, `_velocities`, `tf.raw_ops.ResourceApplyAdam` | `Adam` | TensorFlow: one operation per variable instead of some 25 |
| `tf.__internal__.get_enclosing_xla_context` | `map_row_slices` | XLA needs arrays of known shapes |
| `tf.data.experimental.assert_cardinality` | `with_cardinality` | Keras warns of a dataset that ends unexpectedly |
| `tf.config.experimental.get_device_details` | `gpu_has_bfloat16` | the generation of an NVIDIA GPU |
| `keras.ops.custom_gradient` | `custom_gradient` | public, but backends pass the gradient in different ways |
| `keras.distribution.list_devices` | `devices` | public, but fails on PyTorch |
"""  # noqa: E501 - a table

from .alike import layers_alike_traced_once, traced_once_if_alike
from .calls import OutsideCall, training_within_call
from .current import (
    devices,
    gpu_has_bfloat16,
    has_flash_attention,
    has_fused_operations,
    is_tensorflow,
    name,
    torch_functions,
)
from .data import as_fit_dataset, padded_length, with_cardinality
from .gradients import custom_gradient, has_gradients, value_and_gradient
from .graphs import after, call_traced_once, compiled, map_row_slices
from .models import (
    compile_predict,
    forget_training_step,
    in_order,
    number_for,
    producing_call,
    set_learning_rate,
    short_variable_names,
)
from .optimizers import Adam, copy_decay_exclusions
from .random_numbers import own_random_numbers, seed_dropout

__all__ = [
    "Adam",
    "OutsideCall",
    "after",
    "as_fit_dataset",
    "call_traced_once",
    "compile_predict",
    "compiled",
    "copy_decay_exclusions",
    "custom_gradient",
    "devices",
    "forget_training_step",
    "gpu_has_bfloat16",
    "has_flash_attention",
    "has_fused_operations",
    "has_gradients",
    "in_order",
    "is_tensorflow",
    "layers_alike_traced_once",
    "map_row_slices",
    "name",
    "number_for",
    "own_random_numbers",
    "padded_length",
    "producing_call",
    "seed_dropout",
    "set_learning_rate",
    "short_variable_names",
    "torch_functions",
    "traced_once_if_alike",
    "training_within_call",
    "value_and_gradient",
    "with_cardinality",
]
