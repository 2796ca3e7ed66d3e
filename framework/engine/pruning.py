"""Ending trials that are not worth going on with, at instants of the market's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from framework.core.clock import duration_ns
from framework.core.errors import SpecError
from framework.engine.result import Result


@dataclass(frozen=True, slots=True)
class Prune:
    """When to look at the trials of a run, and which of them to end.

    Parameters
    ----------
    interval
        Time between two looks, such as ``"1h"`` or nanoseconds; looks fall on its whole multiples
        since the epoch, so that how data is cut cannot be seen in a result.
    decide
        Given the number of a trial and its result so far, true ends the trial.

    Raises
    ------
    SpecError
        Where the interval is no time.

    Examples
    --------
    >>> losing = Prune("1h", lambda trial, so_far: so_far.equity["net_pnl"][-1] < -1_000.0)
    >>> losing.interval_ns
    3600000000000
    """

    interval: str | int
    decide: Callable[[int, Result], bool]

    def __post_init__(self) -> None:
        if self.interval_ns <= 0:
            raise SpecError(
                f"the time between two looks must be positive, got {self.interval!r}",
                remedy='give a duration such as "1h"',
            )

    @property
    def interval_ns(self) -> int:
        """Time between two looks in nanoseconds."""
        return duration_ns(self.interval)
