"""Small tapes and orders by hand, for tests whose outcome can be worked out on paper."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from framework.core.events import EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, Reason
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.engine.result import Result
from framework.strategy import Context, OnTimer, Strategy
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream

ITEM = Instrument(venue="v", symbol="XY", tick=Decimal("0.01"), lot=Decimal(1), asset="X")
LAST = int(EventFlag.LAST)
T0 = 1_000
MAKER, TAKER = int(Liquidity.MAKER), int(Liquidity.TAKER)


def at(ns: int, kind: EventKind, side: int, px: int, lots: int, flags: int = LAST) -> Event:
    """One row, `ns` after the beginning on either clock."""
    return Event(T0 + ns, T0 + ns, 0, kind, side, flags, px, lots)


def depth(ns: int, side: int, px: int, lots: int, flags: int = LAST) -> Event:
    return at(ns, EventKind.DEPTH, side, px, lots, flags)


def trade(ns: int, side: int, px: int, lots: int) -> Event:
    return at(ns, EventKind.TRADE, side, px, lots)


def run(events: list[Event], *steps: Callable[[Context], object], **config: object) -> Result:
    """Run `steps` at 10, 20, 30 … ns, without latency."""

    class ByHand(Strategy):
        wakes = (OnTimer("10ns"),)
        place = 0

        def on_timer(self, ctx):
            if ctx.now_ns > T0 and self.place < len(steps):
                steps[self.place](ctx)
                self.place += 1

    stream = ListedStream(ITEM, (*events, depth(1_000, 1, 50, 1)))
    return run_backtest(ByHand(), [stream], BacktestConfig(**config))


def fills(result: Result) -> list[tuple[int, int, int, int]]:
    """Order, price, lots and liquidity of every fill."""
    return [
        (row["order_id"], row["px_ticks"], row["qty_lots"], row["liquidity"])
        for row in result.journal.to_pylist()
        if row["event"] == JournalEvent.FILLED
    ]


def events_of(result: Result, order: int = 1) -> list[str]:
    """An order's journal as names, with the reason where there is one."""
    names = []
    for row in result.journal.to_pylist():
        if row["order_id"] == order:
            reason = f" {Reason(row['reason']).name}" if row["reason"] else ""
            names.append(JournalEvent(row["event"]).name + reason)
    return names


def rows_of(result: Result, event: JournalEvent) -> list[dict[str, int]]:
    return [row for row in result.journal.to_pylist() if row["event"] == event]
