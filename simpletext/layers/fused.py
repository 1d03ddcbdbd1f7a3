"""PyTorch's own operations, each of them one kernel; `layers.kernels` decides where they are used.

Their random numbers are PyTorch's global ones, which `backend.seeded_dropout` seeds.
"""

from typing import Any

from keras import ops

from ..utils import backend


def gelu(x: Any) -> Any:
    """The exact gelu."""
    return backend.torch_functions().gelu(ops.convert_to_tensor(x))


def layer_norm(x: Any, epsilon: float, gamma: Any, *beta: Any) -> Any:
    """Layer normalisation over the last axis, computed in float32; `x` keeps its type."""
    wide = backend.torch_functions().layer_norm(
        ops.cast(x, "float32"), gamma.shape, gamma, *(beta or (None,)), eps=epsilon
    )
    return ops.cast(wide, x.dtype)


def attention(query: Any, key: Any, value: Any, bias: Any, rate: float) -> Any:
    """Scaled dot-product attention, each (batch, heads, length, width); `query` isn't scaled."""
    return backend.torch_functions().scaled_dot_product_attention(
        query, key, value, ops.cast(bias, query.dtype), dropout_p=rate
    )


def dropout(x: Any, rate: float) -> Any:
    """`x` with a share `rate` of its values set to zero and the rest scaled up."""
    return backend.torch_functions().dropout(ops.convert_to_tensor(x), rate)
