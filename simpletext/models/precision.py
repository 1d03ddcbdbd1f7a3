"""In which floating-point format a model computes: decided by the machine, held per model."""

import re
from pathlib import Path

import keras

from ..utils import backend
from ..utils.validation import require_choice

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
MATRIX_UNITS = {"amx_bf16", "bf16"}  # Intel's, ARM's


DTYPES = ("float32", "bfloat16", "float16", "float64", "mixed_bfloat16", "mixed_float16")


def dtype_policy(precision: str) -> str:
    """The Keras dtype policy behind a precision.

    Args:
        precision: "float32"; "bfloat16", with weights still kept in float32; "auto" for bfloat16
            where the machine is faster in it, else float32.

    Raises:
        ArgumentError: none of these.

    Example:
        >>> dtype_policy("bfloat16")
        'mixed_bfloat16'
    """
    check_precision(precision)
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16() else "float32"
    return POLICIES[precision]


def check_precision(precision: str) -> None:
    """Refuse what is no precision, without a look at the machine."""
    require_choice("precision", precision, ("auto", *POLICIES))


def check_dtype(dtype: str) -> None:
    """Refuse what is no Keras dtype policy in which encoders compute."""
    require_choice("dtype", dtype, DTYPES)


def precision_of(model: keras.Model) -> str:
    """The precision in which a model computes."""
    exact = all(layer.compute_dtype == "float32" for layer in model.layers[1:])
    return "float32" if exact else "bfloat16"


def as_saved(saved: str, wanted: str) -> str:
    """The precision for a saved predictor: "auto" is the one it had, if the machine has it."""
    check_precision(wanted)
    if wanted != "auto":
        return wanted
    return saved if saved == "float32" else "auto"


def has_bfloat16() -> bool:
    """Whether what Keras computes on, accelerator or else processor, is faster in bfloat16."""
    devices = backend.devices()
    if any(device.startswith("tpu") for device in devices):
        return True
    if any(device.startswith(("gpu", "cuda")) for device in devices):
        return backend.gpu_has_bfloat16()
    return _cpu_gains_by_bfloat16()


def _cpu_gains_by_bfloat16(path: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies faster in bfloat16, by what Linux says of it.

    AVX-512 BF16 alone is a gain on AMD's processors, which then do twice as many products a cycle.
    Intel's do as many as in float32, and the conversions come on top; there AMX is the gain, and a
    virtual machine may have the one without the other.
    """
    told = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", told, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return bool(MATRIX_UNITS & flags) or ("avx512_bf16" in flags and "AuthenticAMD" in told)
