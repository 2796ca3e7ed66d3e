"""Exponential moving standard deviation over time."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np

from framework._jit import kernel
from framework.core.clock import NS_PER_MS
from framework.core.events import F64Array, I64Array
from framework.features.base import Feature, Kernels, check_positive, nanoseconds

_N, _TIME, _TAU_NS, _MEAN, _VARIANCE, _LATEST = range(6)
DEVIATION_WORDS: Final = 6


@kernel
def deviation_update(state: I64Array, ts_ns: int, value: float) -> float:
    """Take a value that holds from an instant on; return the deviation at that instant."""
    floats = state.view(np.float64)
    if state[_N]:
        weight = -math.expm1(-(ts_ns - state[_TIME]) / floats[_TAU_NS])
        off = floats[_LATEST] - floats[_MEAN]
        floats[_MEAN] += weight * off
        floats[_VARIANCE] = (1.0 - weight) * (floats[_VARIANCE] + weight * off * off)
    else:
        floats[_MEAN] = value
    state[_N] += 1
    state[_TIME] = ts_ns
    floats[_LATEST] = value
    return math.sqrt(floats[_VARIANCE])


@kernel
def deviation_value(state: I64Array) -> float:
    """Return the deviation at the latest update."""
    return math.sqrt(state.view(np.float64)[_VARIANCE])


@kernel
def _over(state: I64Array, ts_ns: I64Array, values: F64Array) -> F64Array:
    out = np.empty(values.size)
    for i in range(out.size):
        out[i] = deviation_update(state, ts_ns[i], values[i])
    return out


class Deviation(Feature):
    r"""Exponentially weighted standard deviation of a signal that holds until it changes.

    With :math:`w = 1 - e^{-\Delta / \tau}` and :math:`d = x - m` of the value that has stood,

    .. math:: m \leftarrow m + w d, \qquad v \leftarrow (1 - w)(v + w d^2)

    Parameters
    ----------
    tau_ns
        Time constant, nanoseconds or such as ``"1s"``; 100 ms if left out.

    References
    ----------
    Finch, T. (2009). Incremental calculation of weighted mean and variance.

    Examples
    --------
    After a step from 0 to 2 has stood for ``tau * ln 2``, half of the weight is on either value.

    >>> deviation = Deviation()
    >>> deviation.update(0, 0.0), deviation.update(0, 2.0)
    (0.0, 0.0)
    >>> round(deviation.update(69_314_718, 2.0), 6)
    1.0
    """

    kernels: ClassVar[Kernels] = {"update": deviation_update, "value": deviation_value}

    def __init__(self, tau_ns: float | str = 100 * NS_PER_MS) -> None:
        super().__init__(DEVIATION_WORDS)
        tau_ns = nanoseconds(tau_ns)
        check_positive("tau_ns", tau_ns)
        self._floats()[_TAU_NS] = tau_ns

    @property
    def value(self) -> float:
        """Deviation at the latest update."""
        return float(deviation_value(self.state))

    def update(self, ts_ns: int, value: float) -> float:
        """Take a value that holds from an instant on; return the deviation at that instant."""
        return float(deviation_update(self.state, ts_ns, value))

    def over(self, ts_ns: I64Array, values: F64Array) -> F64Array:
        """Update with every row; return the deviation at each."""
        return _over(self.state, ts_ns, values)
