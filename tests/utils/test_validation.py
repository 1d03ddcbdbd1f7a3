import numpy as np
import pytest

from simpletext.errors import ArgumentError
from simpletext.utils.validation import require_count


def test_whole_numbers_come_back_as_int():
    assert type(require_count("epochs", np.int64(2))) is int
    assert require_count("seed", 0, least=0) == 0


@pytest.mark.parametrize("wrong", [0, -1, 1.0, "1", None, True, np.float64(1)])
def test_what_is_no_count(wrong):
    with pytest.raises(ArgumentError, match="epochs=.*; it must be a whole number, 1 or more"):
        require_count("epochs", wrong)


def test_a_largest_number():
    with pytest.raises(ArgumentError, match="blocks=4; it must be a whole number from 0 to 3"):
        require_count("blocks", 4, 0, 3)
