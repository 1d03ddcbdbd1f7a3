"""The frameworks' own operations, each of them one kernel; `layers.kernels` decides on their use.

The random numbers of PyTorch's are its global ones, which `backend.seed_dropout` seeds.
"""

from typing import Any

import keras
from keras import ops

from ..utils import backend


def gelu(x: Any) -> Any:
    """The exact gelu."""
    return backend.torch_functions().gelu(x)


def linear(x: Any, kernel: Any, bias: Any) -> Any:
    """`x @ kernel + bias` of variables, (features, units) and (units,) or None."""
    weights = kernel.value.t(), None if bias is None else bias.value
    return backend.torch_functions().linear(x, *weights)


def layer_norm(x: Any, epsilon: float, gamma: Any, *beta: Any) -> Any:
    """Layer normalisation over the last axis, with sums in float32; `x` keeps its type."""
    weights = [weight.value for weight in (gamma, *beta)]
    if x.device.type != "cpu":  # its kernel has one type for all
        weights = [weight.to(x.dtype) for weight in weights]
    norm = backend.torch_functions().layer_norm
    return norm(x, weights[0].shape, *weights, eps=epsilon)


def split_heads(x: Any, heads: int) -> Any:
    """Split the features into heads: (batch, length, hidden) -> (batch, heads, length, width)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(query: Any, key: Any, value: Any, bias: Any, rate: float) -> Any:
    """Scaled dot-product attention, each (batch, heads, length, width); `query` isn't scaled."""
    attend = backend.torch_functions().scaled_dot_product_attention
    context = attend(query, key, value, bias.to(query.dtype), dropout_p=rate)
    return context.transpose(1, 2).flatten(2)


def dropout(x: Any, rate: float) -> Any:
    """`x` with a share `rate` of its values set to zero and the rest scaled up."""
    return backend.torch_functions().dropout(x, rate)


def has_cudnn_attention(query: Any, bias: Any) -> bool:
    """Whether JAX's kernel for GPUs takes these: 16 bits, narrow heads, a mask as the bias."""
    width = query.shape[-1]
    is_short = keras.backend.standardize_dtype(query.dtype) in ("bfloat16", "float16")
    return is_short and width % 8 == 0 and width <= 128 and bias.shape[1] == bias.shape[2] == 1


def cudnn_attention(query: Any, key: Any, value: Any, bias: Any, plain: Any) -> Any:
    """JAX on a GPU: attention without its scores in memory, -> (batch, length, heads * width).

    The kernel takes the number of tokens of each text. A mask of another form, such as that of
    padding on the left, would cost more than `plain` attention, which is called for it.

    Args:
        query: (batch, heads, length, width), not scaled.
        key: (batch, heads, key's length, width).
        value: the same shape as `key`.
        bias: 0 for tokens and very negative for padding, (batch or 1, 1, 1, length).
        plain: the same by other means, of a scaled query.
    """
    import jax

    rows, heads, length, width = query.shape
    kept = ops.broadcast_to(bias[:, 0, 0] > -1.0, (rows, key.shape[2]))
    counts = ops.sum(ops.cast(kept, "int32"), axis=-1)

    def by_kernel() -> Any:
        turned = (ops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
        context = jax.nn.dot_product_attention(
            *turned, implementation="cudnn", key_value_seq_lengths=counts,
            query_seq_lengths=ops.full_like(counts, length),
        )  # fmt: skip
        return ops.reshape(context, (rows, length, heads * width))

    is_right = ops.all(kept == (ops.arange(key.shape[2])[None] < counts[:, None]))
    return jax.lax.cond(is_right, by_kernel, lambda: plain(query * width**-0.5, key, value, bias))
