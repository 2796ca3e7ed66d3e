"""Heat of news: intensities that add up and fade exponentially."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np

from framework._jit import kernel
from framework.core.events import F64Array, I64Array
from framework.features.base import Feature, Kernels, check_positive, nanoseconds

_TIME, _MEMORY_NS, _HEAT = range(3)
HEAT_WORDS: Final = 3


@kernel
def faded_heat(heat: float, age_ns: int, memory_ns: float) -> float:
    """Return what is left of a heat after a while, 0 where there was none (an age below 0).

    So much a strategy needs that reads the heat after each headline as a signal:
    ``faded_heat(ctx.signal_value(heat), ctx.signal_age_ns(heat), memory_ns)``.

    >>> round(faded_heat(2.0, 5, 10.0), 4)  # 2 e^(−1/2)
    1.2131
    >>> faded_heat(math.nan, -1, 10.0)
    0.0
    """
    if age_ns < 0:
        return 0.0
    return heat * math.exp(-age_ns / memory_ns)


@kernel
def log_heat(heat: float, age_ns: int, memory_ns: float) -> float:
    """Return ``log(1 + heat)`` of a heat that has faded: what models learn from."""
    return math.log1p(faded_heat(heat, age_ns, memory_ns))


@kernel
def heat_update(state: I64Array, ts_ns: int, size: float) -> float:
    """Take a headline's intensity; return the heat right after it."""
    floats = state.view(np.float64)
    left = faded_heat(floats[_HEAT], ts_ns - state[_TIME], floats[_MEMORY_NS])
    floats[_HEAT] = left + size
    state[_TIME] = ts_ns
    heat: float = floats[_HEAT]
    return heat


@kernel
def heat_at(state: I64Array, ts_ns: int) -> float:
    """Return the heat at an instant, as far as headlines are known."""
    floats = state.view(np.float64)
    return faded_heat(floats[_HEAT], ts_ns - state[_TIME], floats[_MEMORY_NS])


@kernel
def _over(state: I64Array, ts_ns: I64Array, sizes: F64Array) -> F64Array:
    out = np.empty(sizes.size)
    for i in range(out.size):
        out[i] = heat_update(state, ts_ns[i], sizes[i])
    return out


@kernel
def faded_heat_over(
    heats: F64Array, known_ns: I64Array, at_ns: I64Array, memory_ns: float
) -> F64Array:
    """Compute `faded_heat` at ascending instants, of the heats after ascending headlines."""
    out = np.zeros(at_ns.size)
    last = -1
    for i in range(out.size):
        while last + 1 < known_ns.size and known_ns[last + 1] <= at_ns[i]:
            last += 1
        if last >= 0:
            out[i] = faded_heat(heats[last], at_ns[i] - known_ns[last], memory_ns)
    return out


@kernel
def log_heat_over(
    heats: F64Array, known_ns: I64Array, at_ns: I64Array, memory_ns: float
) -> F64Array:
    """Compute `log_heat` at ascending instants, of the heats after ascending headlines."""
    out = faded_heat_over(heats, known_ns, at_ns, memory_ns)
    for i in range(out.size):
        out[i] = math.log1p(out[i])
    return out


class Heat(Feature):
    r"""Sum of intensities that fade: :math:`h \leftarrow h e^{-\Delta / \tau} + x`.

    Parameters
    ----------
    memory_ns
        Time constant, nanoseconds or such as ``"40s"``.

    Examples
    --------
    >>> heat = Heat(memory_ns=10)
    >>> heat.update(10, 1.0), round(heat.update(20, 2.0), 4)  # 2 + e⁻¹
    (1.0, 2.3679)
    >>> round(heat.at(30), 4)
    0.8711
    """

    kernels: ClassVar[Kernels] = {"update": heat_update, "at": heat_at}

    def __init__(self, memory_ns: float | str) -> None:
        super().__init__(HEAT_WORDS)
        memory_ns = nanoseconds(memory_ns)
        check_positive("memory_ns", memory_ns)
        self._floats()[_MEMORY_NS] = memory_ns

    def update(self, ts_ns: int, size: float) -> float:
        """Take a headline's intensity; return the heat right after it."""
        return float(heat_update(self.state, ts_ns, size))

    def at(self, ts_ns: int) -> float:
        """Heat at an instant, as far as headlines are known."""
        return float(heat_at(self.state, ts_ns))

    def over(self, ts_ns: I64Array, sizes: F64Array) -> F64Array:
        """Update with every headline; return the heat right after each."""
        return _over(self.state, ts_ns, sizes)
