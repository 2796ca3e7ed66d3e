"""One venue's book and our orders in it: what fills, what cannot, why."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from framework.core.events import EventFlag, EventKind
from framework.core.orders import JournalEvent, OrderType, Reason, SelfTrade, TimeInForce
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
    note: Callable[..., None]
    expire_at: Callable[[Order], None]
    self_trade: SelfTrade
    book: Book = field(default_factory=Book)
    resting: list[Order] = field(default_factory=list)
    """Live orders, first come first."""
    waiting: list[Order] = field(default_factory=list)
    """Stops that have not been set off."""
    swept: tuple[int, int, int] | None = None
    """Side, price and lots of a trade whose quantity the book may still show."""
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
                self._set_off(now_ns, -side, px, 0)
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
            self._set_off(now_ns, side, px, lots)
        elif kind == EventKind.HIDDEN_TRADE:
            self._trade(now_ns, -side, px, lots, dark=True)
            self._set_off(now_ns, -side, px, 0)
        if kind == EventKind.GAP or event.flags & EventFlag.SNAPSHOT:
            self.book.mark(event)
        if event.flags & EventFlag.LAST:
            self._follow_mid(now_ns)

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
                if order.hidden:
                    order.front = float(now)
                order.traded = 0.0
                order.level = now

    def _by_priority(self, side: int) -> list[Order]:
        mine = [order for order in self.resting if order.side == side]
        # stable: first come first
        return sorted(mine, key=lambda order: (-side * order.px, order.hidden))

    def _cross(self, now_ns: int, side: int, px: int, lots: int) -> None:
        """The other side has come to our price: its quantity is what may fill us."""
        left = lots - self.taken.get((side, px), 0)
        for order in self._by_priority(-side):
            if left > 0 and order.as_good_as(px):
                filled = self._fill_resting(now_ns, order, left, 0.0)
                left -= filled
                if filled:
                    self._remember(side, px, filled)
                    self._refresh(now_ns, order)

    def _trade(
        self, now_ns: int, aggressor: int, px: int, lots: int, *, dark: bool = False
    ) -> None:
        """A trade fills what it goes through, then the queue at its price, then hidden orders."""
        reached = [o for o in self._by_priority(-aggressor) if o.as_good_as(px)]
        left = lots
        for order in [one for one in reached if one.px != px]:
            if left > 0:
                left = max(0, left - self._fill_resting(now_ns, order, left, 0.0))
                self._refresh(now_ns, order)
        queue = [
            (one, one.shown if one.peak else 0)
            for one in reached
            if one.px == px and not one.hidden
        ]
        hidden = [] if dark else [(one, 0) for one in reached if one.px == px and one.hidden]
        while queue or hidden:
            order, shown = queue.pop(0) if queue else hidden.pop(0)
            ahead = order.front
            order.traded += lots
            order.front -= left
            share = int(0.5 - order.front)
            order.front = max(order.front, 0.0)
            if left > 0 and share > 0:
                available = min(left, share, shown) if shown else min(left, share)
                left = max(0, left - self._fill_resting(now_ns, order, available, ahead))
                if self._refresh(now_ns, order, lots):
                    queue.append((order, 0))

    def _refresh(self, now_ns: int, order: Order, trading: int = 0) -> bool:
        """An iceberg whose shown part is gone shows the next, at the end of the queue."""
        if not order.live or not order.peak or order.shown > 0:
            return False
        while order.shown <= 0:
            order.shown += order.peak
        order.shown = min(order.shown, order.leaves)
        order.traded -= trading
        order.front = max(0.0, order.level - order.traded)
        event = JournalEvent.REFRESHED
        self.note(now_ns, order, event, lots=order.shown, ahead=order.front)
        self.resting.remove(order)
        self._queue_up(order)
        return True

    def _fill_resting(self, now_ns: int, order: Order, available: int, ahead: float) -> int:
        lots = order.leaves if self.whole else min(order.leaves, available)
        if not self.book.valid:
            self._leave(order)
            order.over = True
            self.exclude(now_ns, order, lots)
            return 0
        self.fill(now_ns, order, order.px, lots, maker=True, ahead=ahead)
        order.shown -= lots
        if order.leaves == 0:
            self._leave(order)
            order.over = True
        return lots

    def _leave(self, order: Order) -> None:
        for place in (self.resting, self.waiting):
            if order in place:
                place.remove(order)
        order.live = order.waiting = False

    def _end(self, now_ns: int, order: Order, event: JournalEvent, reason: Reason) -> None:
        self._leave(order)
        order.over = True
        self.report(now_ns, order, event, reason)

    def _remember(self, side: int, px: int, lots: int) -> None:
        self.taken[side, px] = self.taken.get((side, px), 0) + lots

    # Stops and midpoint orders.

    def _set_off(self, now_ns: int, side: int, px: int, unseen: int) -> None:
        """A trade at or through a stop's price makes it a market or a limit order."""
        self.swept = (-side, px, unseen) if side else None
        for order in sorted(self.waiting, key=lambda one: one.id):
            if order.side * (px - order.stop_px) >= 0:
                self._leave(order)
                self.report(now_ns, order, JournalEvent.TRIGGERED, Reason.NONE, px=px)
                if self.book.valid:
                    self._match(now_ns, order)
                else:
                    self._end(now_ns, order, JournalEvent.CANCELLED, Reason.BOOK_INVALID)
        self.swept = None

    def _pegged(self, order: Order) -> int | None:
        bid, ask = self.book.best(1), self.book.best(-1)
        if bid is None or ask is None or bid >= ask:
            return None
        middle = Fraction(bid + ask, 2)
        if order.side > 0:
            return min(math.floor(middle), order.stop_px or 10**9)
        return max(math.ceil(middle), order.stop_px)

    def _follow_mid(self, now_ns: int) -> None:
        for side in (1, -1):
            for order in self._by_priority(side):
                px = self._pegged(order)
                pegged = order.kind == OrderType.MIDPOINT and order.live
                if not pegged or not self.book.valid or px in (None, order.px):
                    continue
                self.resting.remove(order)
                order.live, order.px = False, px
                self.note(now_ns, order, JournalEvent.REPRICED)
                while not order.over and (rival := self._rival(order)):
                    self._give_way(now_ns, order, rival)
                if not order.over:
                    self._rest(order)

    # Our own orders on the other side.

    def _rival(self, order: Order) -> Order | None:
        """The order of our own that an arriving one would trade with first."""
        if self.self_trade == SelfTrade.ALLOW:
            return None
        for other in self._by_priority(-order.side):
            if order.takes_any_price or order.as_good_as(other.px):
                return other
        return None

    def _give_way(self, now_ns: int, order: Order, rival: Order) -> None:
        rule, cancelled, why = self.self_trade, JournalEvent.CANCELLED, Reason.SELF_TRADE
        if rule == SelfTrade.DECREMENT:
            lots = min(order.leaves, rival.leaves)
            for one in (rival, order):
                one.leaves -= lots
                one.shown -= lots
                self.report(now_ns, one, JournalEvent.DECREMENTED, why, lots=lots)
                if one.leaves == 0:
                    self._end(now_ns, one, cancelled, why)
                else:
                    self._refresh(now_ns, one)
        if rule in (SelfTrade.CANCEL_OLDEST, SelfTrade.CANCEL_BOTH):
            self._end(now_ns, rival, cancelled, why)
        if rule in (SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_BOTH):
            self._end(now_ns, order, cancelled, why)

    # Requests.

    def _marketable(self, order: Order, px: int) -> bool:
        best = self.book.best(-order.side)
        if best is not None and (order.takes_any_price or order.side * (px - best) >= 0):
            return True
        return self._rival(replace(order, px=px)) is not None

    def _takeable(self, order: Order, rival: Order | None) -> list[tuple[int, int]]:
        """Levels an order may take before it meets a rival, best first, with what is left there."""
        side = -order.side
        levels = []
        for px in sorted(self.book.levels[side], reverse=side > 0):
            lots = self.book.lots(side, px) - self.taken.get((side, px), 0)
            if self.swept and self.swept[0] == side:
                if side * (px - self.swept[1]) > 0:
                    continue
                lots -= self.swept[2] if px == self.swept[1] else 0
            lots = max(lots, 0)
            if rival and px == rival.px and not rival.hidden:
                lots = min(lots, max(0, int(rival.front + 0.5) - self.taken.get((side, px), 0)))
            if rival and side * (px - rival.px) < 0:
                break
            if order.takes_any_price or order.as_good_as(px):
                levels.append((px, lots))
        return levels

    def _take(self, now_ns: int, order: Order) -> None:
        enough = True
        if self.whole or order.tif == TimeInForce.FOK:
            goes_on = self.self_trade == SelfTrade.CANCEL_OLDEST
            levels = self._takeable(order, None if goes_on else self._rival(order))
            enough = sum(lots for _, lots in levels) >= order.leaves
        if order.tif == TimeInForce.FOK and not enough:
            return
        while not order.over:
            rival = self._rival(order)
            for px, shown in self._takeable(order, rival) if enough else []:
                lots = min(shown, order.leaves)
                if lots > 0:
                    self.fill(now_ns, order, px, lots, maker=False, ahead=0.0)
                    self._remember(-order.side, px, lots)
            order.over = order.leaves == 0
            if order.over or not rival:
                return
            self._give_way(now_ns, order, rival)

    def _rest(self, order: Order) -> None:
        order.live = True
        order.level = self.book.lots(order.side, order.px)
        order.front = float(order.level)
        order.traded = 0.0
        order.shown = min(order.peak, order.leaves)
        self._queue_up(order)

    def _queue_up(self, order: Order) -> None:
        mine = [one for one in self.resting if (one.side, one.px) == (order.side, order.px)]
        # A level that has gone from view shows nothing ahead, but our earlier orders are.
        ahead = [one.front for one in mine if order.hidden or not one.hidden]
        order.front = max([order.front, *ahead])
        for one in mine:
            if one.hidden and not order.hidden:
                one.front = max(one.front, order.front)
        self.resting.append(order)

    def new(self, now_ns: int, order: Order) -> None:
        reason = Reason.NONE
        if not self.book.valid:
            reason = Reason.BOOK_INVALID
        elif order.tif == TimeInForce.GTD and order.expires_ns <= now_ns:
            reason = Reason.EXPIRY_REACHED
        elif order.kind == OrderType.MIDPOINT and self._pegged(order) is None:
            reason = Reason.NO_MID
        elif order.tif == TimeInForce.POST_ONLY and self._marketable(order, order.px):
            reason = Reason.WOULD_TAKE
        if reason:
            self._end(now_ns, order, JournalEvent.REJECTED, reason)
            return
        stop = order.kind in (OrderType.STOP, OrderType.STOP_LIMIT)
        if order.kind == OrderType.MIDPOINT:
            order.px = self._pegged(order) or 0
        shown_px = order.stop_px if stop else order.px
        self.report(now_ns, order, JournalEvent.ACCEPTED, Reason.NONE, px=shown_px)
        if order.tif == TimeInForce.GTD:
            self.expire_at(order)
        if stop:
            order.waiting = True
            self.waiting.append(order)
        else:
            self._match(now_ns, order)

    def _match(self, now_ns: int, order: Order) -> None:
        if self._marketable(order, order.px):
            self._take(now_ns, order)
        if order.over:
            return
        if order.takes_any_price or order.tif in (TimeInForce.IOC, TimeInForce.FOK):
            empty = not self.book.levels[-order.side]
            reason = Reason.NO_LIQUIDITY if empty else Reason.NOT_FILLABLE
            self._end(now_ns, order, JournalEvent.EXPIRED, reason)
            return
        self._rest(order)

    def expire(self, now_ns: int, order: Order) -> None:
        if order.live or order.waiting:
            self._end(now_ns, order, JournalEvent.EXPIRED, Reason.EXPIRY_REACHED)

    def cancel(self, now_ns: int, order: Order) -> None:
        if not order.live and not order.waiting:
            self.report(now_ns, order, JournalEvent.CANCEL_REJECTED, Reason.NO_SUCH_ORDER)
            return
        self._end(now_ns, order, JournalEvent.CANCELLED, Reason.NONE)

    def replace(self, now_ns: int, order: Order, px: int, lots: int) -> None:
        reason = Reason.NONE
        if order.waiting:
            reason = Reason.NOT_REPLACEABLE
        elif not order.live:
            reason = Reason.NO_SUCH_ORDER
        elif not self.book.valid:
            reason = Reason.BOOK_INVALID
        elif order.kind == OrderType.MIDPOINT:
            reason = Reason.NOT_REPLACEABLE
        elif order.tif == TimeInForce.POST_ONLY and self._marketable(order, px):
            reason = Reason.WOULD_TAKE
        if reason:
            self.report(now_ns, order, JournalEvent.REPLACE_REJECTED, reason)
            return
        keeps_priority = px == order.px and lots <= order.leaves
        order.px, order.leaves = px, lots
        order.shown = min(order.shown, lots)
        self.report(now_ns, order, JournalEvent.REPLACED, Reason.NONE)
        if not keeps_priority:
            self._leave(order)
            self._match(now_ns, order)
