"""Bars of realised variance and what is known at their ends: one code for training and replay.

A quote stands until the next one. Each bar looks at the mid at evenly spaced instants; an instant
is settled once time has passed it, so that nothing can look ahead.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np

from framework._jit import kernel
from framework.core.clock import NS_PER_S
from framework.core.errors import SpecError
from framework.core.events import F64Array, I64Array
from framework.features.base import Feature, Kernels, nanoseconds
from framework.features.deviation import DEVIATION_WORDS, Deviation, deviation_update
from framework.features.quote import spread_pct
from framework.features.range_variance import garman_klass, parkinson, rogers_satchell

BAR_COLUMNS: Final = (
    "rv_bps2",
    "log_rv",
    "log_rv_5",
    "log_rv_22",
    "log_rv_66",
    "log_rv_lag_1",
    "log_rv_lag_2",
    "log_rv_lag_3",
    "log_rv_lag_4",
    "log_tick_rv",
    "log_bipower",
    "log_down",
    "log_parkinson",
    "log_garman_klass",
    "log_rogers_satchell",
    "log_deviation",
    "log_spread",
    "log_quotes",
    "return_bps",
    "abs_return_bps",
    "day_sin",
    "day_cos",
)
"""What a bar's row holds, by place. ``rv_bps2`` is the subsampled variance of the bar, at least one
smallest move of the mid squared; ``log_rv_N`` the logarithm of its mean over the latest N open bars
(as many as there are); ``log_rv_lag_N`` that of N bars before; all in basis points."""
(
    _RV,
    _LOG_RV,
    _LOG_RV_5,
    _LOG_RV_22,
    _LOG_RV_66,
    _LAG_1,
    _LAG_2,
    _LAG_3,
    _LAG_4,
    _TICK_RV,
    _BIPOWER,
    _DOWN,
    _PARKINSON,
    _GARMAN_KLASS,
    _ROGERS_SATCHELL,
    _DEVIATION,
    _SPREAD,
    _QUOTES,
    _RETURN,
    _ABS_RETURN,
    _DAY_SIN,
    _DAY_COS,
) = range(len(BAR_COLUMNS))
BARS_TO_BEGIN: Final = 22
"""Bars before the first row that models use: the longest of Corsi's three means."""

# Places in the memory: settings, the bar in hand, the quote that stands, then arrays.
_HORIZON_NS, _POINTS, _STEP, _CLOSED_NS = range(4)
_END_NS, _NEXT_POINT, _N_BARS, _BAR_NS, _N_QUOTES = range(4, 9)
_HAS_QUOTE, _QUOTE_NS, _MID, _LOG_MID, _QUOTE_SPREAD, _QUOTE_DEVIATION, _SQUARES = range(9, 16)
_AT_DEVIATION: Final = 16
_AT_ROW: Final = _AT_DEVIATION + DEVIATION_WORDS
_AT_RING: Final = _AT_ROW + len(BAR_COLUMNS)
_RING: Final = 66
_AT_POINTS: Final = _AT_RING + _RING

_BPS: Final = 1e4
_DAY_NS: Final = 86_400 * NS_PER_S
_LONG_LAGS: Final = 4
_CHUNK_BARS: Final = 4_096


@kernel
def _mean_of_latest(state: I64Array, n: int) -> float:
    """Return the mean variance of the latest n open bars, or of as many as there are."""
    ring = state[_AT_RING:_AT_POINTS].view(np.float64)
    n_bars = state[_N_BARS]
    n = min(n, n_bars)
    total = 0.0
    for back in range(n):
        total += ring[(n_bars - 1 - back) % _RING]
    return total / n


@kernel
def _measure_moves(state: I64Array, row: F64Array, least: float) -> float:
    """Write the measures of the grid of mids; return the variance."""
    points, step = state[_POINTS], state[_STEP]
    prices = state[_AT_POINTS : _AT_POINTS + points + 1].view(np.float64)
    squares = 0.0
    down = 0.0
    neighbours = 0.0
    n = points + 1 - step
    for i in range(n):
        move = prices[i + step] - prices[i]
        squares += move * move
        if move < 0.0:
            down += move * move
        if i >= step:
            neighbours += abs(move * (prices[i] - prices[i - step]))
    scale = points / step
    row[_DOWN] = math.log(down / n * scale + least)
    bipower = neighbours / (n - step) * scale * math.pi / 2.0
    row[_BIPOWER] = math.log(bipower + least)
    high, low = prices.max(), prices.min()
    open_, close = prices[0], prices[points]
    row[_PARKINSON] = math.log(parkinson(high, low) + least)
    row[_GARMAN_KLASS] = math.log(max(garman_klass(open_, high, low, close), 0.0) + least)
    row[_ROGERS_SATCHELL] = math.log(max(rogers_satchell(open_, high, low, close), 0.0) + least)
    row[_RETURN] = close - open_
    row[_ABS_RETURN] = abs(close - open_)
    variance: float = squares / n * scale
    return variance


@kernel
def _measure(state: I64Array) -> None:
    """Write the row of the bar that ends."""
    floats = state.view(np.float64)
    row = floats[_AT_ROW:_AT_RING]
    ring = floats[_AT_RING:_AT_POINTS]
    mid = floats[_MID]
    root = _BPS * 0.5 / mid
    least = root * root
    variance = max(_measure_moves(state, row, least), least)
    ring[state[_N_BARS] % _RING] = variance
    state[_N_BARS] += 1
    state[_BAR_NS] = state[_END_NS]
    row[_RV] = variance
    row[_LOG_RV] = math.log(variance)
    row[_LOG_RV_5] = math.log(_mean_of_latest(state, 5))
    row[_LOG_RV_22] = math.log(_mean_of_latest(state, 22))
    row[_LOG_RV_66] = math.log(_mean_of_latest(state, _RING))
    for lag in range(_LONG_LAGS):
        before = max(state[_N_BARS] - 2 - lag, 0)
        row[_LAG_1 + lag] = math.log(ring[before % _RING])
    row[_TICK_RV] = math.log(floats[_SQUARES] + least)
    row[_DEVIATION] = math.log(floats[_QUOTE_DEVIATION] / mid * _BPS + root)
    row[_SPREAD] = math.log(max(floats[_QUOTE_SPREAD] * 100.0, 0.0) + root)
    row[_QUOTES] = math.log1p(float(state[_N_QUOTES]))
    angle = 2.0 * math.pi * (state[_END_NS] % _DAY_NS) / _DAY_NS
    row[_DAY_SIN] = math.sin(angle)
    row[_DAY_COS] = math.cos(angle)


@kernel
def _settle(state: I64Array, until_ns: int) -> bool:
    """Settle instants up to one, that included; True, and no further, where an open bar ends."""
    if state[_HAS_QUOTE] == 0:
        return False
    floats = state.view(np.float64)
    points, horizon_ns = state[_POINTS], state[_HORIZON_NS]
    is_open = False
    while True:
        k = state[_NEXT_POINT]
        if state[_END_NS] + ((k - points) * horizon_ns) // points > until_ns:
            return False
        floats[_AT_POINTS + k] = floats[_LOG_MID]
        state[_NEXT_POINT] = k + 1
        if k == points:
            is_open = state[_END_NS] - state[_QUOTE_NS] <= max(state[_CLOSED_NS], horizon_ns)
            if is_open:
                _measure(state)
            # The end of a bar is the beginning of the next.
            floats[_AT_POINTS] = floats[_LOG_MID]
            state[_NEXT_POINT] = 1
            state[_END_NS] += horizon_ns
        if k == 0 or k == points:
            floats[_SQUARES] = 0.0
            state[_N_QUOTES] = 0
            if is_open:
                return True


@kernel
def _stand(
    state: I64Array, ts_ns: int, mid_ticks: float, spread: float, deviation_ticks: float
) -> None:
    """Let a quote stand from its instant on; everything before has been settled."""
    floats = state.view(np.float64)
    log_mid = _BPS * math.log(mid_ticks)
    if state[_HAS_QUOTE] == 0:
        state[_HAS_QUOTE] = 1
        horizon_ns = state[_HORIZON_NS]
        # The first bar begins at the first whole multiple at or after the first quote.
        state[_END_NS] = -(-ts_ns // horizon_ns) * horizon_ns + horizon_ns
    else:
        move = log_mid - floats[_LOG_MID]
        floats[_SQUARES] += move * move
    state[_N_QUOTES] += 1
    state[_QUOTE_NS] = ts_ns
    floats[_MID] = mid_ticks
    floats[_LOG_MID] = log_mid
    floats[_QUOTE_SPREAD] = spread
    floats[_QUOTE_DEVIATION] = deviation_ticks


@kernel
def bars_close(state: I64Array, now_ns: int) -> int:
    """End the bars that end by now, all quotes up to now being known; return how many did."""
    before = state[_N_BARS]
    while _settle(state, now_ns):
        pass
    ended: int = state[_N_BARS] - before
    return ended


@kernel
def bars_update(
    state: I64Array, ts_ns: int, mid_ticks: float, spread: float, deviation_ticks: float
) -> int:
    """Take a quote with its features from an instant on; return how many bars ended before it."""
    ended = bars_close(state, ts_ns - 1)
    _stand(state, ts_ns, mid_ticks, spread, deviation_ticks)
    return ended


@kernel
def bars_quote(state: I64Array, ts_ns: int, bid_ticks: int, ask_ticks: int) -> int:
    """Take the best prices from an instant on; return how many bars ended before it."""
    mid_ticks = 0.5 * (bid_ticks + ask_ticks)
    deviation_ticks = deviation_update(state[_AT_DEVIATION:_AT_ROW], ts_ns, mid_ticks)
    return bars_update(state, ts_ns, mid_ticks, spread_pct(bid_ticks, ask_ticks), deviation_ticks)


@kernel
def bars_count(state: I64Array) -> int:
    """Return how many open bars have ended."""
    count: int = state[_N_BARS]
    return count


@kernel
def bars_end_ns(state: I64Array) -> int:
    """Return the end of the latest open bar, 0 before the first."""
    end_ns: int = state[_BAR_NS]
    return end_ns


@kernel
def bars_column(state: I64Array, place: int) -> float:
    """Return one of `BAR_COLUMNS` of the latest open bar."""
    if state[_N_BARS] == 0 or place < 0 or place >= len(BAR_COLUMNS):
        return np.nan
    found: float = state.view(np.float64)[_AT_ROW + place]
    return found


@kernel
def _over(
    state: I64Array,
    first: int,
    columns: tuple[I64Array, F64Array, F64Array, F64Array],
    out_ns: I64Array,
    out: F64Array,
) -> tuple[int, int]:
    """Take quotes from a row on until `out` is full; return the row to go on with, bars written."""
    ts_ns, mid_ticks, spread, deviation_ticks = columns
    n = 0
    for i in range(first, ts_ns.size):
        while _settle(state, ts_ns[i] - 1):
            out_ns[n] = state[_BAR_NS]
            out[n] = state[_AT_ROW:_AT_RING].view(np.float64)
            n += 1
            if n == out_ns.size:
                return i, n
        _stand(state, ts_ns[i], mid_ticks[i], spread[i], deviation_ticks[i])
    return ts_ns.size, n


class VarianceBars(Feature):
    """Realised variance bar by bar, its past, and what else is known at the end of a bar.

    Parameters
    ----------
    horizon_ns
        Length of a bar, nanoseconds or such as ``"10s"``; bars end at whole multiples.
    points
        Mids looked at in each bar, evenly in time.
    step
        Points from one mid to the next of a sparse grid; the variance is the mean over all such
        grids.
    closed_ns
        The market is closed where the latest quote is older than this, or than the bar is long.
        Such bars are left out: lags count open bars only.

    Notes
    -----
    A strategy calls ``quote`` in ``on_best`` and ``close`` in a timer of the bars' length; rows
    are those of ``research.volatility.volatility_table``, to the last bit.

    References
    ----------
    Zhang, L., Mykland, P. A. and Aït-Sahalia, Y. (2005), "A Tale of Two Time Scales", Journal of
    the American Statistical Association 100(472): subsampling. Corsi, F. (2009), "A Simple
    Approximate Long-Memory Model of Realized Volatility": means of 1, 5 and 22 bars.

    Examples
    --------
    A mid that goes from 100 to 101 half way through a bar moved 10⁴ ln 1.01 = 99.5 basis points.
    Of the three pairs of points two apart, (0, 2), (1, 3) and (2, 4), two hold the move; there are
    two such pairs after one another in a bar: 2 · 99.5² · ⅔.

    >>> bars = VarianceBars(horizon_ns=1_000, points=4, step=2)
    >>> bars.quote(0, 99, 101), bars.quote(500, 100, 102)
    (0, 0)
    >>> bars.close(1_000), bars.bars, bars.end_ns
    (1, 1, 1000)
    >>> [round(bars.column(BAR_COLUMNS.index(name))) for name in ("return_bps", "rv_bps2")]
    [100, 13201]
    """

    kernels: ClassVar[Kernels] = {
        "quote": bars_quote,
        "update": bars_update,
        "close": bars_close,
        "column": bars_column,
        "bars": bars_count,
        "end_ns": bars_end_ns,
    }

    def __init__(
        self,
        horizon_ns: float | str,
        points: int | str = 120,
        step: int | str = 6,
        closed_ns: float | str = 300 * NS_PER_S,
    ) -> None:
        horizon, closed = int(nanoseconds(horizon_ns)), int(nanoseconds(closed_ns))
        points, step = int(points), int(step)
        if horizon < 1 or not 2 <= 2 * step <= points or closed < 0:
            raise SpecError(
                "bars need a positive horizon and at least two steps of points, got "
                f"horizon_ns={horizon}, points={points}, step={step}",
                remedy="give for example horizon_ns=10_000_000_000, points=120, step=6",
            )
        super().__init__(_AT_POINTS + points + 1)
        self.state[[_HORIZON_NS, _POINTS, _STEP, _CLOSED_NS]] = horizon, points, step, closed
        self.state[_AT_DEVIATION:_AT_ROW] = Deviation().state

    @property
    def bars(self) -> int:
        """Open bars that have ended; `BARS_TO_BEGIN` make a row that models use."""
        return int(bars_count(self.state))

    @property
    def end_ns(self) -> int:
        """End of the latest open bar, 0 before the first."""
        return int(bars_end_ns(self.state))

    def quote(self, ts_ns: int, bid_ticks: int, ask_ticks: int) -> int:
        """Take the best prices from an instant on; return how many bars ended before it."""
        return int(bars_quote(self.state, ts_ns, bid_ticks, ask_ticks))

    def update(self, ts_ns: int, mid_ticks: float, spread: float, deviation_ticks: float) -> int:
        """Take a quote's mid, spread in percent and deviation; return how many bars ended."""
        return int(bars_update(self.state, ts_ns, mid_ticks, spread, deviation_ticks))

    def close(self, now_ns: int) -> int:
        """End the bars that end by now, all quotes up to now being known; return how many did."""
        return int(bars_close(self.state, now_ns))

    def column(self, place: int) -> float:
        """One of `BAR_COLUMNS` of the latest open bar, nan before the first."""
        return float(bars_column(self.state, place))

    def over(
        self,
        ts_ns: I64Array,
        mid_ticks: F64Array,
        spread: F64Array,
        deviation_ticks: F64Array,
    ) -> tuple[I64Array, F64Array]:
        """Take every quote, and end the bars that end by the last one's instant.

        Returns
        -------
        Ends of the open bars, shape ``(n_bars,)``, and their rows, shape
        ``(n_bars, len(BAR_COLUMNS))``.
        """
        columns = (ts_ns, mid_ticks, spread, deviation_ticks)
        ends: list[I64Array] = []
        rows: list[F64Array] = []
        row = 0
        while row < ts_ns.size:
            out_ns = np.empty(_CHUNK_BARS, np.int64)
            out = np.empty((_CHUNK_BARS, len(BAR_COLUMNS)))
            row, n = _over(self.state, row, columns, out_ns, out)
            ends.append(out_ns[:n])
            rows.append(out[:n])
        if ts_ns.size and self.close(int(ts_ns[-1])):
            ends.append(np.array([self.end_ns]))
            rows.append(self.state[_AT_ROW:_AT_RING].view(np.float64)[None].copy())
        empty = np.zeros((0, len(BAR_COLUMNS)))
        return np.concatenate([np.zeros(0, np.int64), *ends]), np.concatenate([empty, *rows])
