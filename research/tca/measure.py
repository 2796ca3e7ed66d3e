"""One pass over a book's quotes and trades, for everything its orders and fills ask of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from framework.core.errors import DataError
from research.tca.market import TICK_QUOTES, Market
from research.tca.readings import MID, QUOTED, At, Days, Integrals, Turnover, Variance, with_mid
from research.tca.trading import Trading

_AFTER = "after_{}_hticks"


class _Reader(Protocol):
    def take(self, chunk: pl.DataFrame) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Trading with what the market showed beside it.

    Parameters
    ----------
    orders
        `ORDER_SCHEMA` with mids known, and the averages of the market while the order lived:
        ``vwap_hticks``, ``twap_hticks`` and ``close_hticks`` (float; the close is the last mid of
        the day on which the order was decided).
    executions
        `EXECUTION_SCHEMA` with mids known, and ``after_NAME_hticks`` for every horizon.
    volatility
        ``book``, ``minute_ns``, ``volatility_bps``.
    quotes
        Quotes read.
    """

    orders: pl.DataFrame
    executions: pl.DataFrame
    volatility: pl.DataFrame
    quotes: int


def measure(trading: Trading, market: Market, horizons_ns: Mapping[str, int]) -> Measured:
    """Read every book's market once and put what it showed beside orders and executions."""
    books = [
        _measure_book(trading, book, market, horizons_ns)
        for book in range(len(trading.instruments))
    ]
    return Measured(
        orders=pl.concat([book.orders for book in books]),
        executions=pl.concat([book.executions for book in books]),
        volatility=pl.concat([book.volatility for book in books]),
        quotes=sum(book.quotes for book in books),
    )


def _measure_book(
    trading: Trading, book: int, market: Market, horizons_ns: Mapping[str, int]
) -> Measured:
    mine = pl.col("book") == book
    orders = _in_order(trading.orders.filter(mine), "decided_ns")
    fills = _in_order(trading.executions.filter(mine), "ts_ns")
    spans = _Spans(orders)
    priced = _Prices(orders, fills, is_priced=trading.is_priced)
    after = {name: At(fills["ts_ns"] + ns) for name, ns in horizons_ns.items()}
    days, variance = Days(), Variance()
    readers: list[_Reader] = [spans.mids, *priced.readers, *after.values(), days, variance]
    quotes = 0
    for chunk in market.quotes(book):
        if chunk.height:
            assert chunk.columns == TICK_QUOTES.names(), chunk.columns
            quotes += chunk.height
            quoted = with_mid(chunk)
            for reader in readers:
                reader.take(quoted)
    if market.trades is not None:
        for chunk in market.trades(book):
            if chunk.height:
                spans.trades.take(chunk)
    orders, fills = priced.finish()
    closes = days.finish()
    orders = spans.finish(orders, has_trades=market.trades is not None)
    orders = orders.with_columns(day=pl.col("decided_ns") // 86_400_000_000_000).join(
        closes, on="day", how="left", maintain_order="left"
    )
    return Measured(
        orders=orders.drop("day"),
        executions=fills.with_columns(
            reader.finish()[MID].alias(_AFTER.format(name)) for name, reader in after.items()
        ),
        volatility=variance.finish().select(pl.lit(book, pl.Int32).alias("book"), pl.all()),
        quotes=quotes,
    )


def _in_order(rows: pl.DataFrame, clock: str) -> pl.DataFrame:
    return rows if rows[clock].is_sorted() else rows.sort(clock, maintain_order=True)


class _Spans:
    """Averages of the market from each order's arrival to its end."""

    def __init__(self, orders: pl.DataFrame) -> None:
        at = [
            orders.select(column).with_row_index("row").sort(column, nulls_last=True)
            for column in ("arrived_ns", "ended_ns")
        ]
        self._rows = [one["row"] for one in at]
        times = [one.to_series(1) for one in at]
        self.mids, self.trades = Integrals(*times), Turnover(*times)

    def finish(self, orders: pl.DataFrame, *, has_trades: bool) -> pl.DataFrame:
        begun, over = self._unsorted(self.mids.finish())
        known_ns = over["known_ns"] - begun["known_ns"]
        area = (over["area"] - begun["area"]).cast(pl.Float64)
        bought, sold = self._unsorted(self.trades.finish())
        lots = sold["lots"] - bought["lots"].fill_null(0)
        value = (sold["value"] - bought["value"].fill_null(0)).cast(pl.Float64)
        made = pl.DataFrame(
            {"known_ns": known_ns, "area": area, "lots": lots, "value": value},
            schema={
                "known_ns": pl.Int64,
                "area": pl.Float64,
                "lots": pl.Int64,
                "value": pl.Float64,
            },
        ).select(
            vwap_hticks=pl.when(pl.col("lots") > 0).then(2 * pl.col("value") / pl.col("lots")),
            twap_hticks=pl.when(pl.col("known_ns") > 0).then(pl.col("area") / pl.col("known_ns")),
        )
        return orders.hstack(made)

    def _unsorted(self, found: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
        return [
            one.with_columns(row=rows).sort("row").drop("row")
            for one, rows in zip(found, self._rows, strict=True)
        ]


class _Prices:
    """Mids of orders and executions, as far as they are not known already."""

    def __init__(self, orders: pl.DataFrame, fills: pl.DataFrame, *, is_priced: bool) -> None:
        self._orders, self._fills, self._is_priced = orders, fills, is_priced
        self._sorted: dict[str, pl.Series] = {}
        self._at: dict[str, At] = {}
        wanted = (
            {"arrived_ns": QUOTED}
            if is_priced
            else dict.fromkeys(("decided_ns", "arrived_ns", "ended_ns"), QUOTED)
        )
        for column, read in wanted.items():
            at = orders.select(column).with_row_index("row").sort(column, nulls_last=True)
            self._sorted[column] = at["row"]
            self._at[column] = At(at[column], read)
        # What is still open is valued at the last mid of all.
        ends = pl.Series([2**62], dtype=pl.Int64)
        self._last = At(ends, (MID,), carry=True)
        # A quote of the very instant may be what the execution left behind.
        self._met = None if is_priced else At(fills["ts_ns"], (MID,), strict=True)
        self.readers = [*self._at.values(), self._last, *([self._met] if self._met else [])]

    def finish(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        found = {
            column: reader.finish().with_columns(row=self._sorted[column]).sort("row").drop("row")
            for column, reader in self._at.items()
        }
        orders, arrived = self._orders, found["arrived_ns"]
        if self._is_priced:
            _check_same_market(orders, arrived[MID])
        is_buy = pl.Series(orders["side"] > 0)
        lots = arrived.select(
            pl.when(is_buy).then("ask_lots").otherwise("bid_lots").alias("touch_lots")
        )
        orders = orders.with_columns(lots["touch_lots"])
        if not self._is_priced:
            touch = arrived.select(
                pl.when(is_buy).then("ask_ticks").otherwise("bid_ticks").alias("touch")
            )["touch"]
            orders = orders.with_columns(
                found["decided_ns"][MID].alias("decision_hticks"),
                arrived[MID].alias("arrival_hticks"),
                (2 * touch).alias("touch_hticks"),
                found["ended_ns"][MID].alias("end_hticks"),
            )
        last = self._last.finish()[MID][0]
        end = pl.when(pl.col("ended_ns").is_null()).then(pl.lit(last, pl.Int64))
        orders = orders.with_columns(end.otherwise("end_hticks").alias("end_hticks"))
        fills = self._fills
        if self._met is not None:
            fills = fills.with_columns(self._met.finish()[MID].alias("fill_hticks"))
        return orders, fills


def _check_same_market(orders: pl.DataFrame, mids: pl.Series) -> None:
    """Refuse quotes that are not those the orders met: the journal knows the mid at arrival."""
    compared = orders.with_columns(read=mids).filter(pl.col("arrival_hticks") != pl.col("read"))
    if compared.height:
        row = compared.row(0, named=True)
        raise DataError(
            f"order {row['order_id']} arrived at a mid of {row['arrival_hticks']} half ticks, the "
            f"quotes read show {row['read']} then ({compared.height} of {orders.height} orders "
            "differ)",
            remedy="pin data.version in the spec to the version the run has read",
        )
