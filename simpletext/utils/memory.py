"""The most memory that this process takes for a while."""

import threading
from typing import Any, Self

from ..errors import ArgumentError

INTERVAL = 0.05  # seconds between two looks


class PeakMemory:
    """Measures the resident memory of this process in a block, by looking every 50 ms.

    Attributes:
        megabytes: the most so far.
    """

    def __init__(self) -> None:
        self.require()
        self.megabytes = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @staticmethod
    def require() -> Any:
        """The package psutil.

        Raises:
            ArgumentError: it isn't installed.
        """
        try:
            import psutil
        except ImportError as error:
            raise ArgumentError(
                'Memory is measured by the package psutil: pip install "simpletext-keras[tune]".'
            ) from error
        return psutil

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        process = self.require().Process()
        while True:
            self.megabytes = max(self.megabytes, process.memory_info().rss / 2**20)
            if self._ended.wait(INTERVAL):
                return
