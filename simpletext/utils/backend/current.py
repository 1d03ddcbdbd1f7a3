"""The backend, what it computes on, and what it has of its own."""

import functools
from typing import Any

import keras
from keras import ops

AMPERE = 8  # the first NVIDIA generation with bfloat16


def name() -> str:
    """The Keras backend: "tensorflow", "jax", "torch" or another one."""
    return keras.backend.backend()


def is_tensorflow() -> bool:
    """Whether Keras runs on TensorFlow."""
    return name() == "tensorflow"


def devices() -> list[str]:
    """What Keras computes on, such as "cpu:0", "gpu:0", "tpu:0", "cuda:0" or "cpu"."""
    if name() in ("tensorflow", "jax"):
        return list(keras.distribution.list_devices())
    # Elsewhere list_devices raises an AttributeError; PyTorch's tensors know their device.
    return [str(getattr(ops.zeros(()), "device", "cpu"))]


def has_fused_operations() -> bool:
    """Whether layers use the framework's own gelu, norm, attention and dropout.

    In PyTorch each is one kernel. Others have compilers, for which ours are written.
    """
    return name() == "torch"


def torch_functions() -> Any:
    """PyTorch's `torch.nn.functional`."""
    import torch

    return torch.nn.functional


@functools.cache
def has_flash_attention() -> bool:
    """Whether Keras' attention operation may have a kernel of its own here: JAX on a GPU."""
    return name() == "jax" and any(device.startswith(("gpu", "cuda")) for device in devices())


def gpu_has_bfloat16() -> bool:
    """Whether the GPU that Keras computes on has bfloat16 in its hardware."""
    if is_tensorflow():
        import tensorflow as tf

        gpu = tf.config.list_physical_devices("GPU")[0]
        capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
        return capability is not None and capability[0] >= AMPERE
    if name() == "jax":
        import jax

        capability = getattr(jax.devices()[0], "compute_capability", "0")
        return int(str(capability).split(".")[0]) >= AMPERE
    import torch

    return bool(torch.cuda.is_bf16_supported())
