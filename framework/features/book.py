"""All features of one book together: the same code for a strategy, a study and a model.

`BookFeatures` takes what a book shows, event by event, from wherever it is known: a strategy passes
what its context shows, `feature_frame` replays stored rows. Both run the same kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from framework._jit import kernel
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.errors import SpecError
from framework.core.events import F64Array, I64Array
from framework.features.average import TIME_EMA_WORDS, TimeEma, time_ema_update
from framework.features.depth import gap_ticks, imbalance, sweep_bps
from framework.features.deviation import DEVIATION_WORDS, Deviation, deviation_update
from framework.features.order_flow import OFI_WORDS, ofi_update
from framework.features.quote import microprice_ticks, spread_pct
from framework.features.recovery import RECOVERY_WORDS, RecoverySpeed, recovery_update
from framework.features.volume_average import VWAP_WORDS, Vwma, vwap_update, vwma_update, vwma_words

COLUMNS: Final = (
    "mid_ticks",
    "spread_pct",
    "imbalance",
    "microprice_ticks",
    "order_flow_lots",
    "mid_ema_ticks",
    "mid_deviation_ticks",
    "vwap_ticks",
    "vwma_ticks",
    "buy_sweep_bps",
    "sell_sweep_bps",
    "bid_gap_ticks",
    "ask_gap_ticks",
    "bid_recovery",
    "ask_recovery",
)
"""Features by their place in a row. ``order_flow_lots`` is the sum of all events so far; sweeps
and gaps are those of `sweep_bps` and `gap_ticks`, recoveries of `RecoverySpeed`. nan: not known."""
(
    _MID,
    _SPREAD,
    _IMBALANCE,
    _MICROPRICE,
    _FLOW,
    _EMA,
    _DEVIATION,
    _VWAP,
    _VWMA,
    _BUY_SWEEP,
    _SELL_SWEEP,
    _BID_GAP,
    _ASK_GAP,
    _BID_RECOVERY,
    _ASK_RECOVERY,
) = range(len(COLUMNS))

# Places in the memory: settings, then each feature's own.
_LEVELS, _SWEEP_LOTS = range(2)
_AT_FLOW: Final = 2
_AT_EMA: Final = _AT_FLOW + OFI_WORDS
_AT_DEVIATION: Final = _AT_EMA + TIME_EMA_WORDS
_AT_BID: Final = _AT_DEVIATION + DEVIATION_WORDS
_AT_ASK: Final = _AT_BID + RECOVERY_WORDS
_AT_VWAP: Final = _AT_ASK + RECOVERY_WORDS
_AT_VWMA: Final = _AT_VWAP + VWAP_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSettings:
    """Settings of `BookFeatures`.

    Parameters
    ----------
    levels
        Levels of either side that the imbalance, the gaps and the recoveries look at.
    depth
        Levels of either side that a sweep may take.
    sweep_lots
        Size of the sweep.
    ema_ns, deviation_ns, recovery_ns
        Time constants of the mid's average and deviation, and of usual depth.
    vwma_trades
        Trades of the moving average.
    """

    levels: int = 5
    depth: int = 20
    sweep_lots: int = 100
    ema_ns: int = NS_PER_S
    deviation_ns: int = 100 * NS_PER_MS
    recovery_ns: int = 30 * NS_PER_S
    vwma_trades: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= self.depth or self.sweep_lots < 1:
            raise SpecError(
                "features need 1 <= levels <= depth and a sweep of a lot or more, got "
                f"levels={self.levels}, depth={self.depth}, sweep_lots={self.sweep_lots}",
                remedy="give for example levels=5, depth=20, sweep_lots=100",
            )


@kernel
def book_update(
    state: I64Array,
    ts_ns: int,
    bid_ticks: I64Array,
    bid_lots: I64Array,
    ask_ticks: I64Array,
    ask_lots: I64Array,
    row: F64Array,
) -> bool:
    """Take what the book shows from an instant on and write the features then; False one-sided.

    The arrays are levels, best first; a level that is not there shows 0 lots.
    """
    if bid_lots[0] == 0 or ask_lots[0] == 0:
        row[:_FLOW] = np.nan
        row[_BUY_SWEEP:_BID_RECOVERY] = np.nan
        return False
    bid, ask = bid_ticks[0], ask_ticks[0]
    levels = state[_LEVELS]
    mid = 0.5 * (bid + ask)
    row[_MID] = mid
    row[_SPREAD] = spread_pct(bid, ask)
    row[_IMBALANCE] = imbalance(bid_lots, ask_lots, levels)
    row[_MICROPRICE] = microprice_ticks(bid, bid_lots[0], ask, ask_lots[0])
    flow = state[_AT_FLOW:_AT_EMA]
    ofi_update(flow, bid, bid_lots[0], ask, ask_lots[0])
    row[_FLOW] = flow[OFI_WORDS - 1]
    row[_EMA] = time_ema_update(state[_AT_EMA:_AT_DEVIATION], ts_ns, mid)
    row[_DEVIATION] = deviation_update(state[_AT_DEVIATION:_AT_BID], ts_ns, mid)
    row[_BUY_SWEEP] = sweep_bps(ask_ticks, ask_lots, mid, state[_SWEEP_LOTS])
    row[_SELL_SWEEP] = sweep_bps(bid_ticks, bid_lots, mid, state[_SWEEP_LOTS])
    row[_BID_GAP] = gap_ticks(bid_ticks, bid_lots, levels)
    row[_ASK_GAP] = gap_ticks(ask_ticks, ask_lots, levels)
    bids, asks = bid_lots[:levels].sum(), ask_lots[:levels].sum()
    row[_BID_RECOVERY] = recovery_update(state[_AT_BID:_AT_ASK], ts_ns, bids)
    row[_ASK_RECOVERY] = recovery_update(state[_AT_ASK:_AT_VWAP], ts_ns, asks)
    return True


@kernel
def trade_update(state: I64Array, px_ticks: int, lots: int, row: F64Array) -> None:
    """Take a trade and write the averages of trade prices."""
    row[_VWAP] = vwap_update(state[_AT_VWAP:_AT_VWMA], px_ticks, lots)
    row[_VWMA] = vwma_update(state[_AT_VWMA:], px_ticks, lots)


class BookFeatures:
    """The features of one book.

    Parameters
    ----------
    settings
        What they look at; `FeatureSettings` says the defaults.

    Attributes
    ----------
    row
        The features now, by `COLUMNS`.
    bid_ticks, bid_lots, ask_ticks, ask_lots
        Levels, best first, shape ``(settings.depth,)``: fill them in before `on_book`.

    Examples
    --------
    >>> features = BookFeatures(FeatureSettings(levels=1, depth=1))
    >>> features.bid_ticks[:], features.bid_lots[:] = 100, 30
    >>> features.ask_ticks[:], features.ask_lots[:] = 102, 10
    >>> features.on_book(0)
    True
    >>> features["mid_ticks"], features["imbalance"], features["microprice_ticks"]
    (101.0, 0.5, 101.5)
    """

    def __init__(self, settings: FeatureSettings | None = None) -> None:
        self.settings = settings if settings is not None else FeatureSettings()
        self.state = _memory(self.settings)
        self.row: F64Array = np.full(len(COLUMNS), np.nan)
        depth = self.settings.depth
        self.bid_ticks: I64Array = np.zeros(depth, np.int64)
        self.bid_lots: I64Array = np.zeros(depth, np.int64)
        self.ask_ticks: I64Array = np.zeros(depth, np.int64)
        self.ask_lots: I64Array = np.zeros(depth, np.int64)

    def on_book(self, ts_ns: int) -> bool:
        """Take the levels as they stand from an instant on; False where a side is empty."""
        levels = (self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots)
        return bool(book_update(self.state, ts_ns, *levels, self.row))

    def on_trade(self, px_ticks: int, lots: int) -> None:
        """Take a trade."""
        trade_update(self.state, px_ticks, lots, self.row)

    def __getitem__(self, name: str) -> float:
        """Return a feature by its name in `COLUMNS`."""
        return float(self.row[COLUMNS.index(name)])


def _memory(settings: FeatureSettings) -> I64Array:
    state = np.zeros(_AT_VWMA + vwma_words(settings.vwma_trades), np.int64)
    state[_LEVELS], state[_SWEEP_LOTS] = settings.levels, settings.sweep_lots
    state[_AT_EMA:_AT_DEVIATION] = TimeEma(settings.ema_ns).state
    state[_AT_DEVIATION:_AT_BID] = Deviation(settings.deviation_ns).state
    state[_AT_BID:_AT_ASK] = RecoverySpeed(settings.recovery_ns).state
    state[_AT_ASK:_AT_VWAP] = RecoverySpeed(settings.recovery_ns).state
    state[_AT_VWMA:] = Vwma(settings.vwma_trades).state
    return state
