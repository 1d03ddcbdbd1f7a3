import numpy as np
import pytest

from simpletext.utils.memory import PeakMemory

pytest.importorskip("psutil")


def test_the_most_memory_counts():
    with PeakMemory() as before:
        pass
    with PeakMemory() as memory:
        array = np.ones(50_000_000)  # 400 MB
        del array
    assert before.megabytes > 10
    assert memory.megabytes > before.megabytes + 300
