"""The floating-point format in which a model computes: chosen by hardware, one per model."""

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
        precision: "float32"; "bfloat16", with weights kept in float32; "auto" for bfloat16 on
            hardware that computes faster in it, else float32.

    Raises:
        ArgumentError: another value.

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
    """The precision for a saved predictor: "auto" means the saved one, if the hardware has it."""
    check_precision(wanted)
    if wanted != "auto":
        return wanted
    return saved if saved == "float32" else "auto"


def has_bfloat16() -> bool:
    """Whether Keras' device, an accelerator or the processor, is faster in bfloat16."""
    devices = backend.devices()
    if any(device.startswith("tpu") for device in devices):
        return True
    if any(device.startswith(("gpu", "cuda")) for device in devices):
        return backend.gpu_has_bfloat16()
    return _cpu_gains_by_bfloat16()


def _cpu_gains_by_bfloat16(path: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies faster in bfloat16, from Linux's /proc/cpuinfo.

    With AVX-512 BF16, AMD's processors do twice as many products per cycle. Intel's do no more than
    in float32 and have to convert besides; they gain from AMX only, which virtual machines with
    AVX-512 BF16 may lack.
    """
    cpuinfo = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return bool(MATRIX_UNITS & flags) or ("avx512_bf16" in flags and "AuthenticAMD" in cpuinfo)
