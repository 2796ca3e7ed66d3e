"""One venue's book and our orders in it: what fills, what cannot, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from framework.core.events import EventFlag, EventKind
from framework.core.orders import JournalEvent, OrderType, Reason, TimeInForce
from tests.oracle.engine.book import Book, Event
from tests.oracle.engine.orders import Order
from tests.oracle.engine.queue import front_after

ORDER_ROWS = (
    EventKind.ORDER_ADD,
    EventKind.ORDER_REDUCE,
    EventKind.ORDER_DELETE,
    EventKind.ORDER_EXECUTE,
)


@dataclass
class Exchange:
    """`report` journals an order event and sends word of it; `fill` does so for a fill."""

    queue_model: str
    queue_power: float
    lot: float
    whole: bool
    report: Callable[..., None]
    fill: Callable[..., None]
    exclude: Callable[..., None]
    book: Book = field(default_factory=Book)
    resting: list[Order] = field(default_factory=list)
    """Live orders, first come first."""
    taken: dict[tuple[int, int], int] = field(default_factory=dict)
    """Lots we have had from a displayed level (side, price)."""

    # The market.

    def happen(self, event: Event) -> None:
        kind, side, px, lots, now_ns = (
            event.kind,
            event.side,
            event.px,
            event.lots,
            event.ts_exch_ns,
        )
        if kind == EventKind.BEST:
            self._best(event)
        elif kind == EventKind.DEPTH or kind in ORDER_ROWS:
            before = self.book.lots(side, px)
            self.book.apply(event)
            if kind == EventKind.ORDER_EXECUTE:
                self._trade(now_ns, -side, px, lots)
            self._level(now_ns, side, px, before, self.book.lots(side, px))
        elif kind == EventKind.CLEAR:
            self.book.apply(event)
            for one in (1, -1) if side == 0 else (side,):
                self._forget(one)
        elif kind == EventKind.TRADE:
            if side == 0:
                at_ask, at_bid = px == self.book.best(-1), px == self.book.best(1)
                side = 1 if at_ask else -1 if at_bid else 0
            if side:
                self._trade(now_ns, side, px, lots)
        elif kind == EventKind.HIDDEN_TRADE:
            self._trade(now_ns, -side, px, lots)
        if kind == EventKind.GAP or event.flags & EventFlag.SNAPSHOT:
            self.book.mark(event)

    def _best(self, event: Event) -> None:
        """Top-of-book data: of the old level nothing is known once the best is better than it."""
        side, px, lots = event.side, event.px, event.lots
        old = self.book.best(side)
        before = self.book.lots(side, px)
        old_lots = self.book.lots(side, old) if old is not None else 0
        self.book.apply(event)
        if old is not None and old != px:
            if lots == 0 or side * (px - old) < 0:
                self._requeue(side, old, old_lots, 0)
            self._forget(side)
        elif old is None:
            self._forget(side)
        if lots or before:
            self._level(event.ts_exch_ns, side, px, before, lots)

    def _forget(self, side: int) -> None:
        self.taken = {level: lots for level, lots in self.taken.items() if level[0] != side}

    def _level(self, now_ns: int, side: int, px: int, before: int, now: int) -> None:
        self._requeue(side, px, before, now)
        if now > before:
            self._cross(now_ns, side, px, now)

    def _requeue(self, side: int, px: int, before: int, now: int) -> None:
        if (side, px) in self.taken:
            self.taken[side, px] = min(self.taken[side, px], now)
        for order in self.resting:
            if order.side == side and order.px == px:
                order.front = front_after(
                    self.queue_model,
                    self.queue_power,
                    self.lot,
                    order.front,
                    order.traded,
                    before,
                    now,
                )
                order.traded = 0.0

    def _by_priority(self, side: int) -> list[Order]:
        mine = [order for order in self.resting if order.side == side]
        return sorted(mine, key=lambda order: -side * order.px)  # stable: first come first

    def _cross(self, now_ns: int, side: int, px: int, lots: int) -> None:
        """The other side has come to our price: its quantity is what may fill us."""
        left = lots - self.taken.get((side, px), 0)
        for order in self._by_priority(-side):
            if left > 0 and order.as_good_as(px):
                filled = self._fill_resting(now_ns, order, left, 0.0)
                left -= filled
                if filled:
                    self._remember(side, px, filled)

    def _trade(self, now_ns: int, aggressor: int, px: int, lots: int) -> None:
        """A trade fills what it goes through, and what it reaches at its own price."""
        left = lots
        for order in self._by_priority(-aggressor):
            if not order.as_good_as(px):
                break
            if order.px != px:
                if left > 0:
                    left -= self._fill_resting(now_ns, order, left, 0.0)
                continue
            ahead = order.front
            order.traded += lots
            order.front -= max(left, 0)
            reached = int(0.5 - order.front)
            order.front = max(order.front, 0.0)
            if left > 0 and reached > 0:
                left -= self._fill_resting(now_ns, order, min(left, reached), ahead)

    def _fill_resting(self, now_ns: int, order: Order, available: int, ahead: float) -> int:
        lots = order.leaves if self.whole else min(order.leaves, available)
        if not self.book.valid:
            self.resting.remove(order)
            order.live = False
            self.exclude(now_ns, order, lots)
            return 0
        self.fill(now_ns, order, order.px, lots, maker=True, ahead=ahead)
        if order.leaves == 0:
            self.resting.remove(order)
            order.live = False
        return lots

    def _remember(self, side: int, px: int, lots: int) -> None:
        self.taken[side, px] = self.taken.get((side, px), 0) + lots

    # Requests.

    def _takeable(self, order: Order, px: int) -> list[tuple[int, int]]:
        """Levels an order may take, best first, with what is left of them for us."""
        other = self.book.levels[-order.side]
        levels = []
        for level in sorted(other, reverse=order.side < 0):
            if order.kind == OrderType.MARKET or order.side * (px - level) >= 0:
                left = other[level] - self.taken.get((-order.side, level), 0)
                levels.append((level, max(left, 0)))
        return levels

    def _take(self, now_ns: int, order: Order, all_or_nothing: bool) -> None:
        levels = self._takeable(order, order.px)
        if all_or_nothing and sum(lots for _, lots in levels) < order.leaves:
            return
        for level, shown in levels:
            lots = min(shown, order.leaves)
            if lots > 0:
                self.fill(now_ns, order, level, lots, maker=False, ahead=0.0)
                self._remember(-order.side, level, lots)

    def _rest(self, order: Order) -> None:
        order.live = True
        mine = [o.front for o in self.resting if (o.side, o.px) == (order.side, order.px)]
        # A level that has gone from view shows nothing ahead, but our earlier orders are.
        order.front = max([float(self.book.lots(order.side, order.px)), *mine])
        order.traded = 0.0
        self.resting.append(order)

    def new(self, now_ns: int, order: Order) -> None:
        marketable = bool(self._takeable(order, order.px))
        if not self.book.valid:
            self.report(now_ns, order, JournalEvent.REJECTED, Reason.BOOK_INVALID)
            return
        if order.tif == TimeInForce.POST_ONLY and marketable:
            self.report(now_ns, order, JournalEvent.REJECTED, Reason.WOULD_TAKE)
            return
        empty = not self.book.levels[-order.side]
        self.report(now_ns, order, JournalEvent.ACCEPTED, Reason.NONE)
        self._take(now_ns, order, self.whole or order.tif == TimeInForce.FOK)
        if order.leaves == 0:
            return
        if order.kind == OrderType.MARKET or order.tif in (TimeInForce.IOC, TimeInForce.FOK):
            reason = Reason.NO_LIQUIDITY if empty else Reason.NOT_FILLABLE
            self.report(now_ns, order, JournalEvent.EXPIRED, reason)
            return
        self._rest(order)

    def cancel(self, now_ns: int, order: Order) -> None:
        if not order.live:
            self.report(now_ns, order, JournalEvent.CANCEL_REJECTED, Reason.NO_SUCH_ORDER)
            return
        self.resting.remove(order)
        order.live = False
        self.report(now_ns, order, JournalEvent.CANCELLED, Reason.NONE)

    def replace(self, now_ns: int, order: Order, px: int, lots: int) -> None:
        reason = Reason.NONE
        if not order.live:
            reason = Reason.NO_SUCH_ORDER
        elif not self.book.valid:
            reason = Reason.BOOK_INVALID
        elif order.tif == TimeInForce.POST_ONLY and self._takeable(order, px):
            reason = Reason.WOULD_TAKE
        if reason:
            self.report(now_ns, order, JournalEvent.REPLACE_REJECTED, reason)
            return
        keeps_priority = px == order.px and lots <= order.leaves
        order.px, order.leaves = px, lots
        self.report(now_ns, order, JournalEvent.REPLACED, Reason.NONE)
        if keeps_priority:
            return
        self.resting.remove(order)
        order.live = False
        self._take(now_ns, order, self.whole)
        if order.leaves:
            self._rest(order)
