"""The random numbers of dropout."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .current import name


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """A block after which PyTorch's global random numbers go on as if it hadn't been."""
    if name() != "torch":
        yield
        return
    import torch

    with torch.random.fork_rng():
        yield


def seed_dropout(seed: int, epoch: int) -> None:
    """Fix what dropout draws in an epoch on PyTorch; other backends draw by seeds of the layers."""
    if name() == "torch":
        import torch

        torch.manual_seed(int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0]))
