"""How fast displayed liquidity comes back after it was taken or pulled."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from framework._jit import kernel
from framework.core.clock import NS_PER_S
from framework.core.errors import SpecError
from framework.core.events import F64Array, I64Array
from framework.features.average import TIME_EMA_WORDS, TimeEma, time_ema_update
from framework.features.base import Feature, Kernels, nanoseconds, number

_USUAL, _SINCE, _LEAST, _LOW, _HIGH, _REFILLED, _TOOK_NS, _TIMES = range(
    TIME_EMA_WORDS, TIME_EMA_WORDS + 8
)
RECOVERY_WORDS: Final = TIME_EMA_WORDS + 8
_CALM: Final = -1


@kernel
def recovery_value(state: I64Array) -> float:
    """Return the mean speed of recovery so far, nan before the first."""
    if state[_TOOK_NS] == 0:
        return np.nan
    speed: float = state.view(np.float64)[_REFILLED] / (state[_TOOK_NS] * 1e-9)
    return speed


@kernel
def recovery_update(state: I64Array, ts_ns: int, lots: int) -> float:
    """Take the displayed lots from an instant on; return the mean speed of recovery."""
    floats = state.view(np.float64)
    if state[_SINCE] == _CALM:
        usual = time_ema_update(state[:TIME_EMA_WORDS], ts_ns, float(lots))
        if lots < floats[_LOW] * usual:
            floats[_USUAL] = usual
            state[_SINCE] = ts_ns
            state[_LEAST] = lots
            # The time of want does not count as usual depth.
            time_ema_update(state[:TIME_EMA_WORDS], ts_ns, usual)
    elif lots >= floats[_HIGH] * floats[_USUAL]:
        floats[_REFILLED] += (lots - state[_LEAST]) / floats[_USUAL]
        state[_TOOK_NS] += ts_ns - state[_SINCE]
        state[_TIMES] += 1
        state[_SINCE] = _CALM
        time_ema_update(state[:TIME_EMA_WORDS], ts_ns, float(lots))
    elif lots < state[_LEAST]:
        state[_LEAST] = lots
        state[_SINCE] = ts_ns
    return recovery_value(state)


@kernel
def _over(state: I64Array, ts_ns: I64Array, lots: I64Array) -> F64Array:
    out = np.empty(ts_ns.size)
    for i in range(out.size):
        out[i] = recovery_update(state, ts_ns[i], lots[i])
    return out


class RecoverySpeed(Feature):
    """Speed at which depth comes back, in usual depths a second.

    Usual depth is the exponential average over time while there is no want. Want begins when depth
    falls below `low` of it and ends at `high` of it. The speed is what was refilled from the
    lowest point on, in usual depths, over the time that took, summed over all times it happened;
    nan before the first.

    Parameters
    ----------
    tau_ns
        Time constant of usual depth, nanoseconds or such as ``"30s"``.
    low, high
        Shares of usual depth.

    References
    ----------
    Large, J. (2007). Measuring the resiliency of an electronic limit order book.

    Examples
    --------
    100 lots stand for a minute, 80 of them go, and come back within two seconds: 0.8 / 2 s.

    >>> recovery = RecoverySpeed(tau_ns=1_000_000_000)
    >>> second = 1_000_000_000
    >>> [recovery.update(t * second, lots) for t, lots in ((0, 100), (60, 100), (60, 20))]
    [nan, nan, nan]
    >>> recovery.update(61 * second, 50)
    nan
    >>> recovery.update(62 * second, 100)
    0.4
    """

    kernels: ClassVar[Kernels] = {"update": recovery_update, "value": recovery_value}

    def __init__(
        self,
        tau_ns: float | str = 30 * NS_PER_S,
        low: float | str = 0.5,
        high: float | str = 0.9,
    ) -> None:
        super().__init__(RECOVERY_WORDS)
        low, high = number("low", low), number("high", high)
        if not low < high:
            raise SpecError(
                f"want must begin below where it ends, got low={low} and high={high}",
                remedy="give for example low=0.5, high=0.9",
            )
        self.state[:TIME_EMA_WORDS] = TimeEma(nanoseconds(tau_ns)).state
        self.state[_SINCE] = _CALM
        floats = self._floats()
        floats[_LOW], floats[_HIGH] = low, high

    def update(self, ts_ns: int, lots: int) -> float:
        """Take the displayed lots from an instant on; return the mean speed of recovery."""
        return float(recovery_update(self.state, ts_ns, lots))

    def over(self, ts_ns: I64Array, lots: I64Array) -> F64Array:
        """Update with every row; return the mean speed after each."""
        return _over(self.state, ts_ns, lots)

    @property
    def value(self) -> float:
        """Mean speed of recovery so far, nan before the first."""
        return float(recovery_value(self.state))

    @property
    def times(self) -> int:
        """How many recoveries it has seen."""
        return int(self.state[_TIMES])
