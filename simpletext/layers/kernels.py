"""The operations that take most of the time, each in the form that is fastest on this backend.

On PyTorch they are the framework's own (`layers.fused`). Elsewhere a training uses gradients
written by hand (`layers.recomputation`), and a prediction what the compiler makes of plain
operations.
"""

from keras import ops

from ..utils import backend
from . import activations, fused, recomputation
from .dropout import to_keep
from .recomputation import join_heads, softmax


def gelu(x, training):
    """The exact gelu (https://arxiv.org/abs/1606.08415), element by element."""
    if backend.has_fused_operations():
        return fused.gelu(x)
    return recomputation.gelu(x) if training else activations.ACTIVATIONS["gelu"](x)


def linear(x, kernel, bias, activate, of_gelu=False):
    """`activate(x @ kernel + bias)` over the last axis: (..., features) -> (..., units).

    Args:
        x: (..., features).
        kernel: (features, units).
        bias: (units,), or None.
        activate: a function, element by element.
        of_gelu: take gelu of `x` first, in training.
    """
    if backend.has_fused_operations():
        return activate(fused.linear(fused.gelu(x) if of_gelu else x, kernel, bias))
    product = recomputation.product_of_gelu if of_gelu else ops.matmul
    # In two dimensions: one large product is faster than a batched one.
    is_flat = len(x.shape) == 2
    y = product(x if is_flat else ops.reshape(x, (-1, x.shape[-1])), kernel)
    if bias is not None:
        y = ops.add(y, bias)
    # Activated before the reshape: then TensorFlow fuses product, bias and activation.
    y = activate(y)
    return y if is_flat else ops.reshape(y, (*ops.shape(x)[:-1], kernel.shape[1]))


def layer_norm(x, epsilon, gamma, *beta, training):
    """Layer normalisation over the last axis (https://arxiv.org/abs/1607.06450), in float32.

    Args:
        x: (..., features), of any float type, which is that of the result.
        epsilon: added to the variance.
        gamma: (features,), float32.
        *beta: (features,), float32, or nothing.
        training: whether there will be a backward pass.
    """
    if backend.has_fused_operations():
        return fused.layer_norm(x, epsilon, gamma, *beta)
    gamma, *beta = (ops.reshape(weight, (-1,)) for weight in (gamma, *beta))  # not variables
    if training:
        return recomputation.layer_norm(x, epsilon, gamma, *beta)
    wide = ops.cast(x, "float32")
    centred = wide - ops.mean(wide, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    y = centred * ops.rsqrt(variance + epsilon) * gamma
    return ops.cast(y + beta[0] if beta else y, x.dtype)


def attention(query, key, value, bias, rate, seed_generator, training):
    """Scaled dot-product attention (https://arxiv.org/abs/1706.03762), with dropout in training.

    Args:
        query: (batch, heads, length, width).
        key: (batch, heads, key's length, width).
        value: the same shape as `key`.
        bias: added to the scores, (batch or 1, heads or 1, query's length or 1, key's length).
        rate: the share of the weights that dropout sets to zero.
        seed_generator: Keras', for the backends that draw by it.
        training: whether dropout is active.

    Returns:
        (batch, query's length, heads * width).
    """
    if backend.has_fused_operations():
        return fused.attention(query, key, value, bias, rate if training else 0.0)
    drops = training and rate
    if not drops and backend.has_flash_attention() and fused.has_cudnn_attention(query, bias):
        return fused.cudnn_attention(query, key, value, bias, _plain_attention)
    query = query * query.shape[-1] ** -0.5
    if training:
        # One mask for all heads: with 256 tokens, one per head is a sixth of attention's time.
        rows, _, length, _ = ops.shape(query)
        shape = (rows, 1, length, ops.shape(key)[2])
        keep, scale = to_keep(shape, rate, seed_generator, training)
        # The values are scaled up instead of the weights, which are many more.
        return recomputation.attention(query, key, value * scale, bias, keep)
    return _plain_attention(query, key, value, bias)


def _plain_attention(query, key, value, bias):
    """Attention as its formula has it; `query` is scaled."""
    weights = softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + bias)
    return join_heads(ops.matmul(weights, value))  # weights: (batch, heads, length, length)


def split_heads(x, heads):
    """Split the features into heads: (batch, length, hidden) -> (batch, heads, length, width)."""
    if backend.has_fused_operations():
        return fused.split_heads(x, heads)
    return recomputation.split_heads(x, heads)
