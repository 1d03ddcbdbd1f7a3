"""What `precision="auto"` makes of a processor."""

import pytest

from simpletext.models.precision import _cpu_gains_by_bfloat16

INTEL, AMD = "vendor_id\t: GenuineIntel\n", "vendor_id\t: AuthenticAMD\n"


@pytest.mark.parametrize(
    ("told", "gains"),
    [
        (INTEL + "flags\t\t: sse avx512f avx512_bf16\n", False),  # AMX is hidden, or not there
        (INTEL + "flags\t\t: sse avx512_bf16 amx_tile amx_bf16\n", True),
        (AMD + "flags\t\t: sse avx512_bf16\n", True),
        (AMD + "flags\t\t: sse avx2\n", False),
        ("Features\t: fp asimd bf16 sve\n", True),  # ARM names no vendor
        ("processor\t: 0\n", False),
    ],
)
def test_bfloat16_is_taken_where_products_are_faster_in_it(told, gains, tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text(told, encoding="utf-8")
    assert _cpu_gains_by_bfloat16(file) is gains


def test_a_system_that_says_nothing_gets_float32(tmp_path):
    assert _cpu_gains_by_bfloat16(tmp_path / "missing") is False
