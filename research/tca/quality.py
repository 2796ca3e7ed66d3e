"""The market itself: how wide it is, how far trades move it, how well their side can be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.instrument import Instrument
from research.tca.market import TICK_TRADES, Market
from research.tca.readings import MID, At, with_mid
from research.tca.signing import accuracy, lee_ready, tick_rule
from research.tca.spread_models import kyle_lambda, roll_spread

INTERVAL_NS: Final = NS_PER_S
"""Spell over which net volume and the change of the mid are compared."""

QUALITY_SCHEMA: Final = pl.Schema(
    {
        "venue": pl.String,
        "symbol": pl.String,
        "trades": pl.Int64,
        "quoted_bps": pl.Float64,
        "effective_bps": pl.Float64,
        "roll_bps": pl.Float64,
        "lambda_bps": pl.Float64,
        "lambda_error_bps": pl.Float64,
        "lambda_r_squared": pl.Float64,
        "tick_rule_right": pl.Float64,
        "lee_ready_right": pl.Float64,
    }
)
"""One row a book. ``quoted_bps`` is the average spread at trades, ``effective_bps`` twice the
distance of trades from the mid and ``roll_bps`` Roll's estimate, all full spreads. ``lambda_bps``
is Kyle's lambda per average trade; ``..._right`` the share of known sides told right."""


def market_quality(
    market: Market, instruments: Sequence[Instrument], interval_ns: int = INTERVAL_NS
) -> pl.DataFrame:
    """Measure every book that has trades; see `QUALITY_SCHEMA`.

    Trades are held in memory, quotes are read chunk by chunk.
    """
    rows = []
    for book, instrument in enumerate(instruments):
        trades = _trades(market, book)
        if trades.height:
            rows.append(
                {"venue": instrument.venue, "symbol": instrument.symbol}
                | _figures(_priced(market, book, trades), interval_ns)
            )
    return pl.DataFrame(rows, schema=QUALITY_SCHEMA)


def _trades(market: Market, book: int) -> pl.DataFrame:
    empty = pl.DataFrame(schema=TICK_TRADES)
    return empty if market.trades is None else pl.concat([empty, *market.trades(book)])


def _priced(market: Market, book: int, trades: pl.DataFrame) -> pl.DataFrame:
    # Strictly before: a quote of the very instant is what the trade left behind.
    met = At(trades["ts_ns"], (MID, "bid_ticks", "ask_ticks"), strict=True)
    for chunk in market.quotes(book):
        if chunk.height:
            met.take(with_mid(chunk))
    return trades.hstack(met.finish())


def _figures(trades: pl.DataFrame, interval_ns: int) -> dict[str, object]:
    price = trades["px_ticks"].cast(pl.Float64).to_numpy()
    level = float(trades["px_ticks"].mean() or 0.0)  # type: ignore[arg-type]
    per_bps = 10_000 / level if level > 0 else 0.0
    known = trades.filter(pl.col(MID).is_not_null())
    quoted = (known["ask_ticks"] - known["bid_ticks"]).mean()
    effective = (2 * known["px_ticks"] - known[MID]).abs().mean()
    roll = roll_spread(price)
    signs = lee_ready(trades["px_ticks"], trades[MID])
    moves = _intervals(trades.with_columns(sign=signs), interval_ns)
    found = kyle_lambda(moves["volume"].to_numpy(), moves["change"].to_numpy())
    lots = float(trades["qty_lots"].mean() or 0.0)  # type: ignore[arg-type]
    return {
        "trades": trades.height,
        "quoted_bps": None if quoted is None else float(quoted) * per_bps,  # type: ignore[arg-type]
        "effective_bps": None if effective is None else float(effective) * per_bps,  # type: ignore[arg-type]
        "roll_bps": None if roll is None else roll * per_bps,
        "lambda_bps": None if found is None else found.slope * lots * per_bps,
        "lambda_error_bps": None if found is None else found.error * lots * per_bps,
        "lambda_r_squared": None if found is None else found.r_squared,
        "tick_rule_right": accuracy(tick_rule(trades["px_ticks"]), trades["side"]),
        "lee_ready_right": accuracy(signs, trades["side"]),
    }


def _intervals(trades: pl.DataFrame, interval_ns: int) -> pl.DataFrame:
    """Net bought volume and the mid's move, between the first trades of successive intervals.

    Intervals without a trade are passed over. The side is the known one, or else Lee and Ready's.
    """
    side = pl.when(pl.col("side") != 0).then("side").otherwise("sign").cast(pl.Int64)
    spells = (
        trades.with_columns(spell=pl.col("ts_ns") // interval_ns, net=side * pl.col("qty_lots"))
        .group_by("spell", maintain_order=True)
        .agg(volume=pl.col("net").sum().cast(pl.Float64), mid=pl.col(MID).first() / 2)
    )
    change = (pl.col("mid").shift(-1) - pl.col("mid")).alias("change")
    return spells.select("volume", change).drop_nulls()
