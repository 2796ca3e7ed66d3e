"""nautilus_trader at work: started with the interpreter of ``.venv-peers``, asked by `serving`.

It replays depth as deltas, one batch a message, or only the quotes at which a best price changed.
Its objects are built before the clock starts.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
from clock import Clock
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import (
    BookOrder,
    OrderBookDelta,
    OrderBookDeltas,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    RecordFlag,
)
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy
from serving import serve

TRADE, CLEAR = 2, 3
TICK = 0.01
VENUES = (Venue("ALPHA"), Venue("BETA"))
ONE = Quantity.from_int(1)


def instrument(venue: Venue) -> CryptoPerpetual:
    """Describe what is traded at a venue."""
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol("XYZ"), venue),
        raw_symbol=Symbol("XYZ"),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=2,
        size_precision=0,
        price_increment=Price(TICK, 2),
        size_increment=ONE,
        margin_init=Decimal("0.05"),
        margin_maint=Decimal("0.025"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        ts_event=0,
        ts_init=0,
    )


INSTRUMENTS = tuple(instrument(venue) for venue in VENUES)


def price(ticks: int) -> Price:
    """Turn ticks into the peer's price."""
    return Price(ticks * TICK, 2)


class Quoter(Strategy):
    """Cancel all and quote one lot a side in every book, leaning against the inventory."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__()
        self.given = given
        self.calls = 0

    def on_start(self) -> None:
        """Subscribe, and set the timer."""
        for item in INSTRUMENTS:
            self.subscribe_order_book_deltas(item.id, BookType.L2_MBP)
        self.clock.set_timer(
            "quote",
            interval=timedelta(microseconds=self.given["interval_ns"] // 1000),
            start_time=pd.Timestamp(self.given["start_ns"], tz="UTC"),
            callback=self.on_quote,
        )

    def on_quote(self, event: Any) -> None:
        """Requote."""
        self.calls += 1
        given = self.given
        for item in INSTRUMENTS:
            self.cancel_all_orders(item.id)
            book = self.cache.order_book(item.id)
            best_bid = round(float(book.best_bid_price()) / TICK)
            best_ask = round(float(book.best_ask_price()) / TICK)
            position = int(self.portfolio.net_position(item.id))
            lean = position // given["lots_per_tick"]
            bid = min(best_bid - given["offset_ticks"] - lean, best_ask - 1)
            ask = max(best_ask + given["offset_ticks"] - lean, best_bid + 1)
            if position < given["max_position"]:
                self.quote(item, OrderSide.BUY, bid)
            if position > -given["max_position"]:
                self.quote(item, OrderSide.SELL, ask)

    def quote(self, item: CryptoPerpetual, side: OrderSide, ticks: int) -> None:
        """Send one post-only order of one lot."""
        order = self.order_factory.limit(item.id, side, ONE, price(ticks), post_only=True)
        self.submit_order(order)


class Watcher(Strategy):
    """Count the quotes, and those that leave the books crossed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.crosses = 0
        self.books = {item.id: n for n, item in enumerate(INSTRUMENTS)}
        self.bids = [0, 0]
        self.asks = [1, 1]

    def on_start(self) -> None:
        """Subscribe."""
        for item in INSTRUMENTS:
            self.subscribe_quote_ticks(item.id)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Look at both books."""
        self.calls += 1
        book = self.books[tick.instrument_id]
        self.bids[book] = tick.bid_price.raw
        self.asks[book] = tick.ask_price.raw
        if self.bids[0] > self.asks[1] or self.bids[1] > self.asks[0]:
            self.crosses += 1


def message(rows: list[dict[str, Any]]) -> list[Any]:
    """Turn the rows of one message into the peer's data."""
    item = INSTRUMENTS[rows[0]["book"]]
    found: list[Any] = []
    deltas = []
    for n, row in enumerate(rows):
        exch, recv = row["ts_exch_ns"], row["ts_recv_ns"]
        if row["kind"] == TRADE:
            side = AggressorSide.BUYER if row["side"] > 0 else AggressorSide.SELLER
            size = Quantity.from_int(row["qty_lots"])
            name = TradeId(f"{row['seq']}-{n}")
            found.append(TradeTick(item.id, price(row["px_ticks"]), size, side, name, exch, recv))
            continue
        flags = RecordFlag.F_LAST if row["flags"] & 1 else 0
        order = None
        action = BookAction.CLEAR
        if row["kind"] != CLEAR:
            side = OrderSide.BUY if row["side"] > 0 else OrderSide.SELL
            size = Quantity.from_int(row["qty_lots"])
            order = BookOrder(side, price(row["px_ticks"]), size, 0)
            action = BookAction.UPDATE if row["qty_lots"] else BookAction.DELETE
        deltas.append(OrderBookDelta(item.id, action, order, flags, row["seq"], exch, recv))
    if deltas:
        found.append(OrderBookDeltas(item.id, deltas))
    return found


@cache
def depth_data(path: str) -> list[Any]:
    """Read gold rows, by time received, as the peer's data."""
    data: list[Any] = []
    rows: list[dict[str, Any]] = []
    with pa.memory_map(path) as file:
        for row in pa.ipc.open_file(file).read_all().to_pylist():
            rows.append(row)
            if row["flags"] & 1:
                data += message(rows)
                rows = []
    return data


@cache
def quote_data(path: str) -> list[Any]:
    """Read changes of best prices as the peer's quotes."""
    with pa.memory_map(path) as file:
        rows = pa.ipc.open_file(file).read_all().to_pylist()
    return [
        QuoteTick(
            INSTRUMENTS[row["book"]].id,
            price(row["bid_ticks"]),
            price(row["ask_ticks"]),
            Quantity.from_int(row["bid_lots"]),
            Quantity.from_int(row["ask_lots"]),
            row["ts_ns"],
            row["ts_ns"],
        )
        for row in rows
    ]


def run(
    data: list[Any], strategy: Strategy, book_type: BookType, latency_ns: int
) -> dict[str, Any]:
    """Run a strategy over data; the time it took, and what it did."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    for venue, item in zip(VENUES, INSTRUMENTS, strict=True):
        engine.add_venue(
            venue,
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(1_000_000, USDT)],
            book_type=book_type,
            latency_model=LatencyModel(base_latency_nanos=latency_ns),
            trade_execution=True,
        )
        engine.add_instrument(item)
    engine.add_data(data, validate=False)
    engine.add_strategy(strategy)
    with Clock() as clock:
        engine.run()
    orders = engine.cache.orders_total_count()
    engine.dispose()
    return {**clock.answer(), "calls": strategy.calls, "orders": orders}


def quote(request: dict[str, Any]) -> dict[str, Any]:
    """Run the quoting strategy over depth."""
    strategy = Quoter(request["parameters"])
    data = depth_data(request["path"])
    return run(data, strategy, BookType.L2_MBP, request["latency_ns"])


def watch(request: dict[str, Any]) -> dict[str, Any]:
    """Run the watching strategy over quotes."""
    strategy = Watcher()
    done = run(quote_data(request["path"]), strategy, BookType.L1_MBP, request["latency_ns"])
    return {**done, "crosses": strategy.crosses}


if __name__ == "__main__":
    serve({"quote": quote, "watch": watch})
