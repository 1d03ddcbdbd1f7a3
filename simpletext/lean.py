"""Functions for training whose gradients are written by hand, so that a step keeps little.

What a framework derives by itself keeps every intermediate result until the backward pass. These
keep one array each; that is also less to write and read, which is most of what they cost.
"""

import math

from keras import ops


def gelu(x):
    """The exact gelu (https://arxiv.org/abs/1606.08415), element by element; keeps `x` only."""
    return _gelu(x)


@ops.custom_gradient
def _gelu(x):
    def gradient(*upstream, **named):
        share = 0.5 + 0.5 * ops.erf(x * math.sqrt(0.5))
        density = ops.exp(-0.5 * ops.square(x)) * (1 / math.sqrt(2 * math.pi))
        return _coming_in(upstream, named) * (share + x * density)

    return 0.5 * x * (1.0 + ops.erf(x * math.sqrt(0.5))), gradient


def layer_norm(x, epsilon, gamma, *beta):
    """Layer normalisation over the last axis, computed in float32; keeps the normalised `x`.

    Args:
        x: (..., features), of any float type, which is that of the result.
        epsilon: added to the variance.
        gamma: (features,), float32.
        *beta: (features,), float32, or nothing.
    """

    @ops.custom_gradient
    def norm(x, gamma, *beta):
        wide = ops.cast(x, "float32")
        centred = wide - ops.mean(wide, axis=-1, keepdims=True)
        scale = ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)
        y = centred * scale * gamma
        kept = ops.cast(centred * scale, x.dtype)

        def gradient(*upstream, **named):
            g = ops.cast(_coming_in(upstream, named), "float32")
            normal = ops.cast(kept, "float32")
            along = tuple(range(len(x.shape) - 1))
            d = g * gamma
            spread = normal * ops.mean(d * normal, axis=-1, keepdims=True)
            dx = scale * (d - ops.mean(d, axis=-1, keepdims=True) - spread)
            biases = [ops.sum(g, axis=along) for _ in beta]
            return (ops.cast(dx, x.dtype), ops.sum(g * normal, axis=along), *biases)

        return ops.cast(y + beta[0] if beta else y, x.dtype), gradient

    return norm(x, gamma, *beta)


def _coming_in(upstream, named):
    """The gradient of the result: backends hand it over by name or by place."""
    return named["upstream"] if named else upstream[0]
