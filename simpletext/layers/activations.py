"""Activation functions by their names in config.json."""

from keras import ops

from ..errors import UnsupportedModelError

ACTIVATIONS = {
    # The exact gelu is written with erf: what Keras writes (erfc) has no ONNX counterpart.
    "gelu": lambda x: 0.5 * x * (1.0 + ops.erf(x * 0.7071067811865476)),
    "gelu_new": lambda x: ops.gelu(x, approximate=True),
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "quick_gelu": lambda x: x * ops.sigmoid(1.702 * x),
    "relu": ops.relu,
    "silu": ops.silu,
    "swish": ops.silu,
    "tanh": ops.tanh,
    "mish": lambda x: x * ops.tanh(ops.softplus(x)),
    "linear": lambda x: x,
}
ACTIVATIONS["gelu_python"] = ACTIVATIONS["gelu"]
ACTIVATIONS["gelu_fast"] = ACTIVATIONS["gelu_new"]


def activation(name: str):
    """The function behind a Hugging Face activation's name."""
    if name not in ACTIVATIONS:
        raise UnsupportedModelError(
            f"The activation {name!r} isn't supported. Supported are: {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[name]
