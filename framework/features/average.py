"""Exponential averages: by events, and by time."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np

from framework._jit import kernel
from framework.core.events import F64Array, I64Array
from framework.features.base import Feature, Kernels, check_positive, nanoseconds, number

_N, _WEIGHT, _MEAN = range(3)
EMA_WORDS: Final = 3

_TIME, _TAU_NS, _TIME_MEAN, _LATEST = range(1, 5)
TIME_EMA_WORDS: Final = 5


@kernel
def ema_update(state: I64Array, value: float) -> float:
    """Take one value; return the average."""
    floats = state.view(np.float64)
    if state[_N]:
        floats[_MEAN] += floats[_WEIGHT] * (value - floats[_MEAN])
    else:
        floats[_MEAN] = value
    state[_N] += 1
    mean: float = floats[_MEAN]
    return mean


@kernel
def ema_value(state: I64Array) -> float:
    """Return the average after the latest update."""
    mean: float = state.view(np.float64)[_MEAN]
    return mean


@kernel
def _ema_over(state: I64Array, values: F64Array) -> F64Array:
    out = np.empty(values.size)
    for i in range(out.size):
        out[i] = ema_update(state, values[i])
    return out


@kernel
def time_ema_update(state: I64Array, ts_ns: int, value: float) -> float:
    """Take a value that holds from an instant on; return the average at that instant."""
    floats = state.view(np.float64)
    if state[_N]:
        faded = -math.expm1(-(ts_ns - state[_TIME]) / floats[_TAU_NS])
        floats[_TIME_MEAN] += faded * (floats[_LATEST] - floats[_TIME_MEAN])
    else:
        floats[_TIME_MEAN] = value
    state[_N] += 1
    state[_TIME] = ts_ns
    floats[_LATEST] = value
    mean: float = floats[_TIME_MEAN]
    return mean


@kernel
def time_ema_value(state: I64Array) -> float:
    """Return the average at the latest update."""
    mean: float = state.view(np.float64)[_TIME_MEAN]
    return mean


@kernel
def _time_ema_over(state: I64Array, ts_ns: I64Array, values: F64Array) -> F64Array:
    out = np.empty(values.size)
    for i in range(out.size):
        out[i] = time_ema_update(state, ts_ns[i], values[i])
    return out


class Ema(Feature):
    r"""Exponential average over events: :math:`m \leftarrow m + \alpha (x - m)`.

    Parameters
    ----------
    span
        :math:`\alpha = 2 / (span + 1)`; the first value starts it.

    Examples
    --------
    >>> ema = Ema(span=3)
    >>> ema.update(10.0), ema.update(20.0)
    (10.0, 15.0)
    """

    kernels: ClassVar[Kernels] = {"update": ema_update, "value": ema_value}

    def __init__(self, span: float | str) -> None:
        super().__init__(EMA_WORDS)
        self._floats()[_WEIGHT] = 2.0 / (number("span", span) + 1.0)

    @property
    def value(self) -> float:
        """Average after the latest update."""
        return float(ema_value(self.state))

    def update(self, value: float) -> float:
        """Take one value; return the average."""
        return float(ema_update(self.state, value))

    def over(self, values: F64Array) -> F64Array:
        """Update with every value; return the average after each."""
        return _ema_over(self.state, values)


class TimeEma(Feature):
    r"""Exponential average over time of a signal that holds until it changes.

    .. math:: m(t) = e^{-\Delta / \tau} m(t - \Delta) + (1 - e^{-\Delta / \tau}) x(t - \Delta)

    exact for quotes, which stand until they are replaced: a value counts from its instant on.

    Parameters
    ----------
    tau_ns
        Time constant, nanoseconds or such as ``"1s"``.

    References
    ----------
    Zumbach, G., & Müller, U. (2001). Operators on inhomogeneous time series.

    Examples
    --------
    A value that has stood for ``tau * ln 2`` has half of the weight.

    >>> ema = TimeEma(tau_ns=1_000_000_000)
    >>> ema.update(0, 10.0), ema.update(0, 20.0)
    (10.0, 10.0)
    >>> round(ema.update(693_147_181, 20.0), 6)
    15.0
    """

    kernels: ClassVar[Kernels] = {"update": time_ema_update, "value": time_ema_value}

    def __init__(self, tau_ns: float | str) -> None:
        super().__init__(TIME_EMA_WORDS)
        tau_ns = nanoseconds(tau_ns)
        check_positive("tau_ns", tau_ns)
        self._floats()[_TAU_NS] = tau_ns

    @property
    def value(self) -> float:
        """Average at the latest update."""
        return float(time_ema_value(self.state))

    def update(self, ts_ns: int, value: float) -> float:
        """Take a value that holds from an instant on; return the average at that instant."""
        return float(time_ema_update(self.state, ts_ns, value))

    def over(self, ts_ns: I64Array, values: F64Array) -> F64Array:
        """Update with every row; return the average at each."""
        return _time_ema_over(self.state, ts_ns, values)
