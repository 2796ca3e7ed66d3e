"""How long messages take between us and a venue."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from framework.core.errors import SpecError

_MAX_SIGMA: Final = 3.0  # beyond it one draw in a thousand is ten thousand times the median


class LatencyKind(IntEnum):
    """Where a message's latency comes from."""

    CONSTANT = 0
    """Always the same."""
    LOG_NORMAL = 1
    """Drawn anew for every message: the given latency is the median."""
    FROM_DATA = 2
    """As long as the venue's last market event took to reach us, times a factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """One direction of a link.

    Parameters
    ----------
    kind
        Where a latency comes from.
    sigma
        Standard deviation of the logarithm, for `LatencyKind.LOG_NORMAL`: 0.5 puts one message in
        forty beyond 2.7 times the median.
    factor
        Multiple of the observed feed latency, for `LatencyKind.FROM_DATA`.

    Raises
    ------
    SpecError
        For a number out of range.

    Examples
    --------
    >>> LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=0.5).spread
    0.5
    """

    kind: LatencyKind = LatencyKind.CONSTANT
    sigma: float = 0.0
    factor: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.sigma <= _MAX_SIGMA:
            raise SpecError(
                f"a latency's sigma must be from 0 to {_MAX_SIGMA:g}, got {self.sigma}",
                remedy="write for example sigma: 0.5",
            )
        if not 0.0 <= self.factor <= 1e6 or not math.isfinite(self.factor):
            raise SpecError(
                f"a latency's factor must be a number from 0 to a million, got {self.factor}",
                remedy="write for example factor: 1",
            )

    @property
    def spread(self) -> float:
        """The one number the kind needs."""
        return self.factor if self.kind == LatencyKind.FROM_DATA else self.sigma
