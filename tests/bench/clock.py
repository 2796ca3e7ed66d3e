"""Wall and processor seconds of a piece of work."""

from __future__ import annotations

import time
from types import TracebackType


class Clock:
    """Runs within a ``with`` block, and adds up where it is used again.

    Attributes
    ----------
    seconds
        Time gone by.
    cpu_seconds
        Time that all threads of the process spent computing: what others do on the same machine
        moves it less.

    >>> clock = Clock()
    >>> with clock:
    ...     total = sum(range(1000))
    >>> clock.seconds > 0, clock.answer().keys() == {"seconds", "cpu_seconds"}
    (True, True)
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    def __enter__(self) -> Clock:
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds += time.perf_counter() - self._began[0]
        self.cpu_seconds += time.process_time() - self._began[1]

    def answer(self) -> dict[str, float]:
        """Both, as a worker answers them."""
        return {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds}
