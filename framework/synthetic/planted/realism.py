"""Statistics by which a generated market is held against a captured one.

Everything is measured on the exchange's clock, and in ways that a capture allows whose depth is
told every 50 ms: a book is looked at every 100 ms, lives of quotes shorter than 50 ms do not count.
Sizes are compared by ratios, since lots are arbitrary; prices by ticks. `BINANCE_USDM` has the
capture's figures, so that the comparison needs no capture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.book.ladder import Ladders
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.errors import DataError
from framework.core.events import NO_PRICE, EventFlag, EventKind, F64Array, I64Array
from framework.lake.rebuild import rebuild
from framework.replay.stream import GoldStream

_GRID_NS: Final = 100 * NS_PER_MS
_SHORTEST_LIFE_NS: Final = 50 * NS_PER_MS
_BATCH_ROWS: Final = 1 << 18
_LEAST_ORDERS: Final = 200

COMPARISON_SCHEMA: Final = pl.Schema(
    {
        "statistic": pl.String,
        "market": pl.Float64,
        "reference": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "holds": pl.Boolean,
    }
)
"""``low`` and ``high`` are what a market may show to be called alike."""


@dataclass(frozen=True, slots=True)
class Band:
    """How far a market may be from the reference: a factor either way, or a distance."""

    factor: float = 1.0
    distance: float = 0.0

    def around(self, value: float) -> tuple[float, float]:
        """Return the least and the largest value that is alike."""
        ends = sorted((value / self.factor, value * self.factor))
        return ends[0] - self.distance, ends[1] + self.distance


BANDS: Final = {
    "spread_one_tick": Band(distance=0.15),
    "spread_two_ticks": Band(distance=0.05),
    "market_orders_per_s": Band(factor=2.0),
    "market_order_log_sd": Band(factor=1.5),
    "market_order_q90_over_median": Band(factor=3.0),
    "best_over_market_order": Band(factor=3.0),
    "sign_acf_1": Band(distance=0.1),
    "sign_acf_5": Band(distance=0.1),
    "sign_acf_20": Band(distance=0.1),
    "fano_100ms": Band(factor=2.0),
    "fano_1s": Band(factor=2.0),
    "signature_1s": Band(distance=0.3),
    "signature_5s": Band(distance=0.5),
    "return_acf_1s": Band(distance=0.15),
    "return_kurtosis_1s": Band(factor=3.0),
    "absolute_return_acf_1s": Band(distance=0.2),
    "best_life_median_ms": Band(factor=3.0),
    "best_life_q90_ms": Band(factor=4.0),
}
"""Bands of every statistic: wide enough for ten minutes of either market."""

BINANCE_USDM: Final[Mapping[str, float]] = {
    "spread_one_tick": 0.9919,
    "spread_two_ticks": 0.9928,
    "best_over_market_order": 6.562,
    "best_life_median_ms": 208.0,
    "best_life_q90_ms": 2459.0,
    "market_orders_per_s": 15.83,
    "market_order_log_sd": 2.069,
    "market_order_q90_over_median": 21.75,
    "sign_acf_1": 0.1988,
    "sign_acf_5": 0.1559,
    "sign_acf_20": 0.09886,
    "fano_100ms": 7.235,
    "fano_1s": 25.55,
    "signature_1s": 0.9679,
    "signature_5s": 0.9916,
    "return_acf_1s": -0.06288,
    "return_kurtosis_1s": 24.15,
    "absolute_return_acf_1s": 0.09456,
}
"""BTCUSDT perpetual of Binance, 2024-08-08 23:54 to 24:00 UTC, at a tick of 0.1 USD."""


def market_statistics(source: GoldStream | Iterable[pl.DataFrame]) -> dict[str, float]:
    """Measure a stream: `BANDS` names the statistics.

    Parameters
    ----------
    source
        A stored stream, or batches of its gold rows.

    Raises
    ------
    DataError
        Where there are too few market orders to measure anything.
    """
    if isinstance(source, GoldStream):
        batches = source.batches(_BATCH_ROWS)
        source = (pl.DataFrame(pl.from_arrow(batch)) for batch in batches)
    ladders = Ladders(1)
    tops, trades = [], []
    for batch in source:
        rebuilt = rebuild(batch, ladders)
        tops.append(_tops(rebuilt))
        trades.append(_trades(batch))
    orders = _market_orders(pl.concat(trades))
    if orders.height < _LEAST_ORDERS:
        raise DataError(
            f"statistics of a market need {_LEAST_ORDERS} market orders or more, there are "
            f"{orders.height}",
            remedy="measure a longer span",
        )
    top = pl.concat(tops)
    return _of_quotes(top, orders) | _of_orders(orders) | _of_returns(top)


def compare(
    market: Mapping[str, float], reference: Mapping[str, float] = BINANCE_USDM
) -> pl.DataFrame:
    """Hold a market's statistics against another one's, `COMPARISON_SCHEMA`.

    >>> compare({"fano_1s": 30.0}, {"fano_1s": 20.0}).row(0)
    ('fano_1s', 30.0, 20.0, 10.0, 40.0, True)
    """
    rows = []
    for name, band in BANDS.items():
        if name in market and name in reference:
            low, high = band.around(reference[name])
            holds = low <= market[name] <= high
            rows.append((name, market[name], reference[name], low, high, holds))
    return pl.DataFrame(rows, schema=COMPARISON_SCHEMA, orient="row")


def _tops(rebuilt: pl.DataFrame) -> pl.DataFrame:
    """Keep the best prices after every message that leaves a sound book."""
    is_sound = pl.col("is_valid") & (pl.col("bid_ticks") != NO_PRICE)
    is_sound &= (pl.col("ask_ticks") != NO_PRICE) & (pl.col("kind") != int(EventKind.GAP))
    ends = pl.col("flags") & int(EventFlag.LAST) != 0
    columns = ("ts_exch_ns", "bid_ticks", "bid_lots", "ask_ticks", "ask_lots")
    return rebuilt.filter(ends & is_sound).select(columns)


def _trades(rows: pl.DataFrame) -> pl.DataFrame:
    is_execution = pl.col("kind") == int(EventKind.ORDER_EXECUTE)
    taker = pl.when(is_execution).then(-pl.col("side")).otherwise("side")
    return rows.filter(is_execution | (pl.col("kind") == int(EventKind.TRADE))).select(
        "ts_exch_ns", "qty_lots", taker=taker
    )


def _market_orders(trades: pl.DataFrame) -> pl.DataFrame:
    """Merge trades of one instant and side: one market order prints several."""
    run = pl.struct("ts_exch_ns", "taker").rle_id()
    return trades.group_by(run.alias("order"), maintain_order=True).agg(
        pl.col("ts_exch_ns").first(), pl.col("taker").first(), lots=pl.col("qty_lots").sum()
    )


def _of_quotes(top: pl.DataFrame, orders: pl.DataFrame) -> dict[str, float]:
    ts_ns = top["ts_exch_ns"].to_numpy()
    lived_ns = np.diff(ts_ns)
    spread = (top["ask_ticks"] - top["bid_ticks"]).to_numpy()[:-1]
    bid = top["bid_ticks"].to_numpy()
    lives_ns = np.diff(ts_ns[np.flatnonzero(np.diff(bid)) + 1])
    lives_ms = lives_ns[lives_ns >= _SHORTEST_LIFE_NS] / NS_PER_MS
    best_lots = np.concatenate([top["bid_lots"].to_numpy(), top["ask_lots"].to_numpy()])
    mean_order = float(orders["lots"].to_numpy().mean())
    return {
        "spread_one_tick": float(np.average(spread <= 1, weights=lived_ns)),
        "spread_two_ticks": float(np.average(spread <= 2, weights=lived_ns)),
        "best_over_market_order": float(np.median(best_lots)) / mean_order,
        "best_life_median_ms": float(np.median(lives_ms)),
        "best_life_q90_ms": float(np.quantile(lives_ms, 0.9)),
    }


def _of_orders(orders: pl.DataFrame) -> dict[str, float]:
    ts_ns = orders["ts_exch_ns"].to_numpy()
    lots = orders["lots"].to_numpy().astype(np.float64)
    sign = orders["taker"].to_numpy().astype(np.float64)
    median, high = np.quantile(lots, (0.5, 0.9))
    return {
        "market_orders_per_s": lots.size / ((ts_ns[-1] - ts_ns[0]) / NS_PER_S),
        "market_order_log_sd": float(np.log(lots).std()),
        "market_order_q90_over_median": float(high / median),
        "sign_acf_1": _autocorrelation(sign, 1),
        "sign_acf_5": _autocorrelation(sign, 5),
        "sign_acf_20": _autocorrelation(sign, 20),
        "fano_100ms": _fano(ts_ns, NS_PER_S // 10),
        "fano_1s": _fano(ts_ns, NS_PER_S),
    }


def _of_returns(top: pl.DataFrame) -> dict[str, float]:
    ts_ns = top["ts_exch_ns"].to_numpy()
    mid = ((top["bid_ticks"] + top["ask_ticks"]) / 2).to_numpy()
    grid_ns = np.arange(ts_ns[0] + NS_PER_S, ts_ns[-1], _GRID_NS)
    seen = mid[np.searchsorted(ts_ns, grid_ns, side="right") - 1]
    variance = {n: float(np.mean(np.diff(seen[::n]) ** 2)) / n for n in (1, 10, 50)}
    second = np.diff(seen[::10])
    return {
        "signature_1s": variance[10] / variance[1],
        "signature_5s": variance[50] / variance[1],
        "return_acf_1s": _autocorrelation(second, 1),
        "return_kurtosis_1s": float(np.mean(second**4) / np.mean(second**2) ** 2),
        "absolute_return_acf_1s": _autocorrelation(np.abs(second), 1),
    }


def signature(path_ns: I64Array, ticks: F64Array, steps_ns: Iterable[int]) -> pl.DataFrame:
    """Compute the realised variance a second of a price that holds until it changes, by step.

    >>> times = np.arange(0, 10, dtype=np.int64) * 1_000_000_000
    >>> signature(times, np.array([0.0, 1.0] * 5), [1_000_000_000, 2_000_000_000]).rows()
    [(1.0, 1.0), (2.0, 0.0)]
    """
    rows = []
    for step_ns in steps_ns:
        grid_ns = np.arange(path_ns[0], path_ns[-1] + 1, step_ns)
        seen = ticks[np.searchsorted(path_ns, grid_ns, side="right") - 1]
        seconds = step_ns / NS_PER_S
        rows.append((seconds, float(np.mean(np.diff(seen) ** 2)) / seconds))
    return pl.DataFrame(rows, schema={"step_s": pl.Float64, "variance": pl.Float64}, orient="row")


def _autocorrelation(values: F64Array, lag: int) -> float:
    return float(np.corrcoef(values[lag:], values[:-lag])[0, 1])


def _fano(ts_ns: I64Array, window_ns: int) -> float:
    """Variance over mean of the counts per window: 1 for independent arrivals."""
    counts = np.bincount((ts_ns - ts_ns[0]) // window_ns)
    return float(counts.var() / counts.mean())
