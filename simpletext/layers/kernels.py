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


def product_of_gelu(x, kernel):
    """`gelu(x) @ kernel` in training: (tokens, features), (features, units) -> (tokens, units)."""
    if backend.has_fused_operations():
        return ops.matmul(fused.gelu(x), kernel)
    return recomputation.product_of_gelu(x, kernel)


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
        return join_heads(fused.attention(query, key, value, bias, rate if training else 0.0))
    if not training and backend.has_flash_attention():
        return _at_once(query, key, value, bias)
    query = query * query.shape[-1] ** -0.5
    if training:
        # One mask for all heads: with 256 tokens, one per head is a sixth of attention's time.
        rows, _, length, _ = ops.shape(query)
        shape = (rows, 1, length, ops.shape(key)[2])
        keep, scale = to_keep(shape, rate, seed_generator, training)
        # The values are scaled up instead of the weights, which are many more.
        return recomputation.attention(query, key, value * scale, bias, keep)
    weights = softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + bias)
    return join_heads(ops.matmul(weights, value))  # weights: (batch, heads, length, length)


def _at_once(query, key, value, bias):
    """Attention by Keras' operation, which knows the GPU's own kernel."""
    turned = (ops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
    context = ops.dot_product_attention(*turned, bias=ops.cast(bias, query.dtype))
    batch, length, heads, width = ops.shape(context)
    return ops.reshape(context, (batch, length, heads * width))
