"""Functions with custom gradients that save memory in training.

Automatic differentiation keeps every intermediate result until the backward pass. These functions
keep few of them, which also saves time: most of their cost is memory traffic.
"""

import math

from keras import ops

from ..utils import backend

SCORES_AT_ONCE = 2**22  # a step has three or four arrays of this size


def gelu(x):
    """The exact gelu (https://arxiv.org/abs/1606.08415), element by element; keeps two arrays."""
    return _gelu(x)


@backend.custom_gradient
def _gelu(x):
    double = _double_share(x)

    def gradient(g):
        return g * (0.5 * _double_slope(x, double))

    return 0.5 * x * double, gradient


def product_of_gelu(x, kernel):
    """`gelu(x) @ kernel`; keeps `x` alone, from which the backward pass computes gelu again.

    Args:
        x: (tokens, features).
        kernel: (features, units).
    """
    # Twice gelu and half the kernel: the kernel is the smaller one to halve.
    return _product_of_double_gelu(x, 0.5 * ops.cast(kernel, x.dtype))


@backend.custom_gradient
def _product_of_double_gelu(x, kernel):
    def gradient(g):
        (again,) = backend.after(g, x)
        double = _double_share(again)
        d_kernel = ops.matmul(ops.transpose(again * double), g)
        # One after the other, for each holds large arrays.
        g, again, double = backend.after(d_kernel, g, again, double)
        return ops.matmul(g, ops.transpose(kernel)) * _double_slope(again, double), d_kernel

    return ops.matmul(x * _double_share(x), kernel), gradient


def _double_share(x):
    """Twice the factor of `x` in gelu: the normal distribution's cumulative function."""
    return 1.0 + ops.erf(x * math.sqrt(0.5))


def _double_slope(x, double):
    """Twice the derivative of gelu."""
    return double + x * ops.exp(math.log(math.sqrt(2 / math.pi)) - 0.5 * ops.square(x))


def layer_norm(x, epsilon, gamma, *beta):
    """Layer normalisation over the last axis, computed in float32; keeps the normalised `x`.

    Args:
        x: (..., features), of any float type, which is that of the result.
        epsilon: added to the variance.
        gamma: (features,), float32.
        *beta: (features,), float32, or nothing.
    """

    @backend.custom_gradient
    def norm(x, gamma, *beta):
        wide = ops.cast(x, "float32")
        centred = wide - ops.mean(wide, axis=-1, keepdims=True)
        scale = ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)
        y = centred * scale * gamma
        kept = ops.cast(centred * scale, x.dtype)

        def gradient(g):
            g = ops.cast(g, "float32")
            normal = ops.cast(kept, "float32")
            along = tuple(range(len(x.shape) - 1))
            d = g * gamma
            spread = normal * ops.mean(d * normal, axis=-1, keepdims=True)
            dx = scale * (d - ops.mean(d, axis=-1, keepdims=True) - spread)
            biases = [ops.sum(g, axis=along) for _ in beta]
            return (ops.cast(dx, x.dtype), ops.sum(g * normal, axis=along), *biases)

        return ops.cast(y + beta[0] if beta else y, x.dtype), gradient

    return norm(x, gamma, *beta)


def attention(query, key, value, bias, keep):  # -> (batch, query's length, heads * width)
    """Scaled dot-product attention (https://arxiv.org/abs/1706.03762); keeps no scores.

    The backward pass computes them again, as https://arxiv.org/abs/2205.14135 does.

    Args:
        query: (batch, heads, length, width), already scaled.
        key: (batch, heads, key's length, width).
        value: the same shape as `key`.
        bias: added to the scores, (batch or 1, heads or 1, query's length or 1, key's length). A
            bias that is the same for all heads and queries is a mask and has no gradient.
        keep: dropout's mask of the weights that are kept, broadcastable to the scores; None for
            all.
    """
    is_mask = _is_mask(bias)

    @backend.custom_gradient
    def attend(query, key, value, *learned):
        b = bias if is_mask else learned[0]
        shape = (query.shape[0], query.shape[2], query.shape[1] * query.shape[3])
        (context,) = _by_rows((query, key, value, b, keep), _contexts, [shape])

        def gradient(g):
            again = backend.after(g, query, key, value, b)
            shapes = [query.shape, key.shape, value.shape, *((None, *x.shape[1:]) for x in learned)]
            slopes = backend.call_traced_once(
                _by_rows, (*again, keep, g, context), _slopes, tuple(map(tuple, shapes))
            )
            return *slopes[:3], *(_summed_to(d_bias, b) for d_bias in slopes[3:])

        return context, gradient

    return attend(query, key, value, *(() if is_mask else (bias,)))


def _is_mask(bias):
    return bias.shape[1] == bias.shape[2] == 1


def _contexts(query, key, value, bias, keep):
    """The attention's output, in a tuple of one."""
    weights = softmax(ops.matmul(query, _turned(key)) + bias)
    return (join_heads(ops.matmul(_kept(weights, keep), value)),)


def _slopes(query, key, value, bias, keep, g, context):
    """The gradients of query, key, value, and of a bias that isn't a mask; `g` is the output's."""
    weights = softmax(ops.matmul(query, _turned(key)) + bias)
    along = ops.sum(split_heads(g * context, query.shape[1]), axis=-1, keepdims=True)
    g = split_heads(g, query.shape[1])
    ds = weights * (_kept(ops.matmul(g, _turned(value)), keep) - along)
    dv = ops.matmul(_turned(_kept(weights, keep)), g)
    d_bias = () if _is_mask(bias) else (_summed_to(ds, bias),)
    return ops.matmul(ds, key), ops.matmul(_turned(ds), query), dv, *d_bias


def softmax(scores):
    """Softmax over the last axis; without Keras' warning about texts of one token."""
    return scores * 0.0 + 1.0 if scores.shape[-1] == 1 else ops.softmax(scores)


def split_heads(x, heads):  # (batch, length, heads * width) -> (batch, heads, length, width)
    """Split the features into heads."""
    batch, length, hidden = ops.shape(x)
    return ops.transpose(ops.reshape(x, (batch, length, heads, hidden // heads)), (0, 2, 1, 3))


def join_heads(x):  # (batch, heads, length, width) -> (batch, length, heads * width)
    """The reverse of `split_heads`."""
    batch, heads, length, width = ops.shape(x)
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (batch, length, heads * width))


def _by_rows(arrays, function, shapes):
    """Apply `function` to a few rows of `arrays` at a time, and concatenate its results.

    The scores of all rows at once would be the largest array of a step.

    Args:
        arrays: queries and keys first, (rows, heads, length, width). An array of one row, or None,
            is passed whole each time.
        function: from the arrays' rows to a tuple of arrays.
        shapes: of the results, (rows, ...), as far as they are known.
    """
    _, heads, length, _ = ops.shape(arrays[0])
    scores = heads * length * ops.shape(arrays[1])[2]
    return backend.map_row_slices(function, arrays, shapes, scores, SCORES_AT_ONCE)


def _kept(weights, keep):
    return weights if keep is None else weights * ops.cast(keep, weights.dtype)


def _turned(x):
    return ops.transpose(x, (0, 1, 3, 2))


def _summed_to(gradient, x):
    """The gradient of `x`, from that of a sum in which `x` was broadcast over some axes."""
    sizes = enumerate(zip(gradient.shape, x.shape, strict=True))
    axes = [axis for axis, (size, own) in sizes if own == 1 and size != 1]
    return ops.sum(gradient, axis=axes, keepdims=True) if axes else gradient
