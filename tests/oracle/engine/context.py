"""What the twin shows a strategy: the same names as `framework.strategy.Context`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.core.events import NO_PRICE
from framework.core.orders import OrderType, TimeInForce
from tests.oracle.engine.orders import Order

if TYPE_CHECKING:
    from tests.oracle.engine.simulation import Simulation


class TwinContext:
    def __init__(self, simulation: Simulation) -> None:
        self._run = simulation

    @property
    def now_ns(self) -> int:
        return self._run.now_ns

    @property
    def n_books(self) -> int:
        return len(self._run.instruments)

    @property
    def n_orders(self) -> int:
        return len(self._open())

    def _open(self) -> list[Order]:
        return [order for order in self._run.orders.values() if order.known_open]

    def bid_ticks(self, book: int) -> int:
        return self._run.view[book]["bid"]

    def ask_ticks(self, book: int) -> int:
        return self._run.view[book]["ask"]

    def bid_lots(self, book: int) -> int:
        return self._run.view[book]["bid_lots"]

    def ask_lots(self, book: int) -> int:
        return self._run.view[book]["ask_lots"]

    def trade_px_ticks(self, book: int) -> int:
        return self._run.view[book]["trade_px"]

    def trade_lots(self, book: int) -> int:
        return self._run.view[book]["trade_lots"]

    def trade_side(self, book: int) -> int:
        return self._run.view[book]["trade_side"]

    def level_lots(self, book: int, side: int, px_ticks: int) -> int:
        if self._run.store:
            name, view = "bid" if side > 0 else "ask", self._run.view[book]
            best = (view[name], view[f"{name}_lots"])
            return self._run.store.level_lots(book, side, px_ticks, *best)
        return self._run.known[book].lots(side, px_ticks)

    def has_quote(self, book: int) -> bool:
        view = self._run.view[book]
        return bool(view["valid"]) and NO_PRICE not in (view["bid"], view["ask"])

    def position_lots(self, book: int) -> int:
        return self._run.accounts[book].known_position

    def tick(self, book: int) -> float:
        return float(self._run.instruments[book].tick)

    def taker_fee_bps(self, book: int) -> float:
        return float(self._run.instruments[book].taker_fee_bps)

    def order_at(self, n: int) -> int:
        return self._open()[n].id

    def is_open(self, order: int) -> bool:
        return order in self._run.orders and self._run.orders[order].known_open

    def order_book(self, order: int) -> int:
        return self._run.orders[order].book

    def order_side(self, order: int) -> int:
        return self._run.orders[order].side

    def order_px_ticks(self, order: int) -> int:
        return self._run.orders[order].known_px

    def order_leaves_lots(self, order: int) -> int:
        return self._run.orders[order].known_leaves

    def buy(self, book: int, lots: int, px_ticks: int, *, post_only: bool = False) -> int:
        tif = TimeInForce.POST_ONLY if post_only else TimeInForce.GTC
        return self.submit(book, 1, lots, px_ticks, tif)

    def sell(self, book: int, lots: int, px_ticks: int, *, post_only: bool = False) -> int:
        tif = TimeInForce.POST_ONLY if post_only else TimeInForce.GTC
        return self.submit(book, -1, lots, px_ticks, tif)

    def submit(
        self,
        book: int,
        side: int,
        lots: int,
        px_ticks: int,
        time_in_force: int = TimeInForce.GTC,
        *,
        expires_ns: int = 0,
        hidden: bool = False,
        peak_lots: int = 0,
    ) -> int:
        tif = TimeInForce(time_in_force)
        if expires_ns and tif == TimeInForce.GTC:
            tif = TimeInForce.GTD
        kind = OrderType.HIDDEN if hidden else OrderType.LIMIT
        kind = OrderType.ICEBERG if peak_lots else kind
        more = {"expires_ns": expires_ns, "peak": peak_lots}
        return self._run.ask_new(book, side, lots, px_ticks, kind, tif, **more)

    def stop(
        self,
        book: int,
        side: int,
        lots: int,
        stop_ticks: int,
        *,
        limit_ticks: int | None = None,
        expires_ns: int = 0,
    ) -> int:
        tif = TimeInForce.GTD if expires_ns else TimeInForce.GTC
        kind = OrderType.STOP if limit_ticks is None else OrderType.STOP_LIMIT
        px = stop_ticks if limit_ticks is None else limit_ticks
        more = {"expires_ns": expires_ns, "stop_px": stop_ticks}
        return self._run.ask_new(book, side, lots, px, kind, tif, **more)

    def peg_mid(
        self,
        book: int,
        side: int,
        lots: int,
        *,
        limit_ticks: int | None = None,
        expires_ns: int = 0,
    ) -> int:
        tif = TimeInForce.GTD if expires_ns else TimeInForce.GTC
        limit, kind = limit_ticks or 0, OrderType.MIDPOINT
        more = {"expires_ns": expires_ns, "stop_px": limit}
        return self._run.ask_new(book, side, lots, limit, kind, tif, **more)

    def take(self, book: int, side: int, lots: int, limit_ticks: int) -> int:
        return self.submit(book, side, lots, limit_ticks, TimeInForce.IOC)

    def market(self, book: int, side: int, lots: int) -> int:
        return self._run.ask_new(book, side, lots, 0, OrderType.MARKET, TimeInForce.IOC)

    def cancel(self, order: int) -> None:
        if self.is_open(order) and not self._run.orders[order].cancel_sent:
            self._run.orders[order].cancel_sent = True
            self._run.outbox.append(("cancel", order, 0, 0))

    def cancel_all(self, book: int = -1) -> None:
        for order in self._open():
            if book in (-1, order.book):
                self.cancel(order.id)

    def replace(self, order: int, px_ticks: int, lots: int) -> None:
        if self.is_open(order):
            self._run.outbox.append(("replace", order, px_ticks, lots))

    def wake_at(self, ts_ns: int) -> None:
        self._run.set_alarm(ts_ns)
