"""The whole simulation as one heap of things to come, in the documented total order.

At one instant: a market event happens at its venue, a request reaches a venue, the store tells of
what was written to it, a market event reaches us, a response reaches us, a timer fires, positions
are charged, the state is sampled.
Streams go by name, the rows of a stream as they stand, messages as they were sent, the timer before
the alarm.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from fractions import Fraction

from framework.core.events import NO_PRICE, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.core.orders import (
    JournalEvent,
    Liquidity,
    OrderType,
    Reason,
    SelfTrade,
    TimeInForce,
)
from framework.engine.config import BacktestConfig
from framework.strategy.base import Strategy
from framework.venue.records import WakeKind
from tests.oracle.engine.account import Account
from tests.oracle.engine.book import Book, Event
from tests.oracle.engine.context import TwinContext
from tests.oracle.engine.exchange import Exchange
from tests.oracle.engine.links import Links
from tests.oracle.engine.orders import Order
from tests.oracle.engine.store import Store, Written

HAPPEN, REQUEST, TELL, RECEIVE, RESPONSE, TIMER, CHARGE, SAMPLE = range(1, 9)
YEAR_NS = 365 * 86_400 * 10**9
OVER = (JournalEvent.REJECTED, JournalEvent.EXPIRED, JournalEvent.CANCELLED)
TRADES = (EventKind.TRADE, EventKind.HIDDEN_TRADE, EventKind.ORDER_EXECUTE)
Row = tuple[int | float, ...]


class Simulation:
    """Run a strategy over events of all streams; `journal` and `samples` hold what came of it."""

    def __init__(
        self,
        strategy: Strategy,
        instruments: Sequence[Instrument],
        events: Sequence[Event],
        config: BacktestConfig,
    ) -> None:
        self.strategy, self.instruments, self.config = strategy, instruments, config
        self.events = events
        books = range(len(instruments))
        self.known = [Book() for _ in books]
        none = dict.fromkeys(("bid", "ask", "trade_px"), NO_PRICE)
        none |= dict.fromkeys(("bid_lots", "ask_lots", "trade_lots", "trade_side"), 0)
        none |= {"valid": True, "ts_exch": 0}
        self.feed = [dict(none) for _ in books]
        self.store = Store(instruments, config) if config.view == "store" else None
        self.view = self.told = self.feed
        if self.store:
            self.view, self.told = [[dict(none) for _ in books] for _ in range(2)]
        self.accounts = [Account() for _ in books]
        self.links = Links(instruments, events, config.seed)
        self.exchanges = [self._exchange(item) for item in instruments]
        self.orders: dict[int, Order] = {}
        self.slots = 1 << (config.max_orders - 1).bit_length()
        self.next_id = 1
        self.outbox: list[tuple[object, ...]] = []
        self.journal: list[Row] = []
        self.samples: dict[tuple[int, int], Row] = {}
        self.heap: list[tuple[object, ...]] = []
        self.sent = 0
        self.alarm_ns: int | None = None
        self.context = TwinContext(self)
        self.wakes = {kind for kind in WakeKind if strategy.wake_mask() >> kind & 1}
        self.start_ns = self.now_ns = min(event.ts_exch_ns for event in events)
        self.last_ns = max(max(event.ts_exch_ns, event.ts_recv_ns) for event in events)

    def _exchange(self, item: Instrument) -> Exchange:
        config = self.config
        whole = config.exchange_model == "no_partial_fills"
        return Exchange(
            config.queue_model,
            config.queue_power,
            float(item.lot),
            whole,
            self._report,
            self._fill,
            self._exclude,
            self._note,
            self._expire_at,
            SelfTrade[config.self_trade.upper()],
        )

    # The order of things.

    def run(self) -> None:
        for i, event in enumerate(self.events):
            self._push(event.ts_exch_ns, HAPPEN, event.book, i)
            self._push(event.ts_recv_ns, RECEIVE, event.book, i)
        self._every(self.strategy.timer_ns(), TIMER)
        self._charges()
        self._every(self.config.sample_interval_ns, SAMPLE)
        self._call(self.strategy.on_start)
        while self.heap and self.heap[0][0] <= self.last_ns:
            ts_ns, stage, _, what = heapq.heappop(self.heap)
            if stage == HAPPEN:
                event = self.events[what]
                self.exchanges[event.book].happen(event)
            elif stage == REQUEST:
                self._arrive(ts_ns, *what)
            elif stage == TELL:
                self._tell(ts_ns, *what)
            elif stage == RECEIVE:
                self._receive(self.events[what])
            elif stage == RESPONSE:
                self._hear(ts_ns, *what)
            elif stage == TIMER:
                self._timer(ts_ns, what)
            elif stage == CHARGE:
                self._charge(ts_ns, *what)
            else:
                self._sample(ts_ns)
                self._push(ts_ns + self.config.sample_interval_ns, SAMPLE, 0, None)
        self._sample(self.last_ns)

    def _push(self, ts_ns: int, stage: int, rank: int, what: object) -> None:
        heapq.heappush(self.heap, (ts_ns, stage, rank, what))

    def _every(self, interval_ns: int, stage: int) -> None:
        if interval_ns:
            first_ns = -(-self.start_ns // interval_ns) * interval_ns
            self._push(first_ns, stage, 0, None)

    def _charges(self) -> None:
        """Schedule funding, and financing at every multiple of its span."""
        first_ns = min(event.ts_exch_ns for event in self.events)
        for b, item in enumerate(self.instruments):
            for due in item.costs.funding:
                if due.ts_ns >= first_ns:
                    rate = Fraction(due.rate_bps) / 10_000
                    event = JournalEvent.FUNDING
                    self._push(due.ts_ns, CHARGE, (b, event), (b, event, rate, -rate))
            terms = item.costs.financing
            if terms is not None:
                share = Fraction(terms.every_ns, YEAR_NS) / 10_000
                rates = [
                    Fraction(round(Fraction(bps) * share * 10**12), 10**12)
                    for bps in (terms.long_bps, terms.short_bps)
                ]
                event = JournalEvent.FINANCING
                begin_ns = -(-first_ns // terms.every_ns) * terms.every_ns
                for ts_ns in range(begin_ns, self.last_ns + 1, terms.every_ns):
                    self._push(ts_ns, CHARGE, (b, event), (b, event, *rates))

    def _charge(
        self, ts_ns: int, b: int, event: JournalEvent, long: Fraction, short: Fraction
    ) -> None:
        account, book = self.accounts[b], self.exchanges[b].book
        bid, ask = (book.best(side) for side in (1, -1))
        last = self.feed[b]["trade_px"]
        shown = [px for px in (bid, ask) if px is not None] or [last]
        if account.position == 0 or shown == [NO_PRICE]:
            return
        twice = shown[0] + shown[-1]
        side = 1 if account.position > 0 else -1
        paid = account.charge(self.instruments[b], twice, long if side > 0 else short)
        best = [NO_PRICE if px is None else px for px in (bid, ask)]
        held = (0, 0, 0, 0, twice // 2, abs(account.position), 0, 0.0, paid)
        self.journal.append((ts_ns, int(event), 0, b, side, *held, *best, NO_PRICE, -1))

    def _timer(self, ts_ns: int, alarm_ns: int | None) -> None:
        if alarm_ns is None:
            self._push(ts_ns + self.strategy.timer_ns(), TIMER, 0, None)
        elif alarm_ns != self.alarm_ns:
            return  # set anew since
        else:
            self.alarm_ns = None
        self.now_ns = ts_ns
        self._call(self.strategy.on_timer)

    def set_alarm(self, ts_ns: int) -> None:
        if self.alarm_ns != ts_ns:
            self.alarm_ns = ts_ns
            self._push(ts_ns, TIMER, 1, ts_ns)

    def _call(self, handler: object, *arguments: int) -> None:
        if self.store and handler != self.strategy.on_start:
            self.store.close(self.now_ns, self.known)
            for b, seen in self.store.seen(self.now_ns).items():
                self.view[b] = seen
        handler(self.context, *arguments)
        asked, self.outbox = self.outbox, []
        for kind, *details in asked:
            getattr(self, f"_send_{kind}")(*details)

    # The market as it reaches us.

    def _receive(self, event: Event) -> None:
        b, view, book = event.book, self.feed[event.book], self.known[event.book]
        if self.store:
            self.store.close(event.ts_recv_ns, self.known)
        traded = event.kind in TRADES
        if traded:
            side = event.side if event.kind == EventKind.TRADE else -event.side
            view |= {"trade_px": event.px, "trade_lots": event.lots, "trade_side": side}
        book.apply(event)
        if event.kind == EventKind.GAP or event.flags & EventFlag.SNAPSHOT:
            book.mark(event)
        if self.store:
            self.store.follow(event, self.known)
        before = dict(view)
        if event.flags & EventFlag.LAST:
            view["valid"] = book.valid
            view["ts_exch"] = event.ts_exch_ns
            self.links.seen_ns[b] = event.ts_recv_ns - event.ts_exch_ns
            for side, name in ((1, "bid"), (-1, "ask")):
                best = book.best(side)
                view[name] = NO_PRICE if best is None else best
                view[f"{name}_lots"] = 0 if best is None else book.lots(side, best)
        prices = any(view[name] != before[name] for name in ("bid", "ask"))
        top = prices or any(view[name] != before[name] for name in ("bid_lots", "ask_lots"))
        self.now_ns = event.ts_recv_ns
        if not self.store:
            self._wake(b, traded, prices, top)
        elif traded or event.flags & EventFlag.LAST:
            feed_ns = event.ts_recv_ns - event.ts_exch_ns
            row = Written(b, dict(view), traded, prices, top, 0, feed_ns)
            self.store.write(row, event.ts_recv_ns)
            if traded or top:
                self._push(row.commit_ns, TELL, (1, len(self.store.rows)), (row, False))

    def _tell(self, ts_ns: int, row: Written, is_told: bool) -> None:
        """A change is committed, or watchers are told of it."""
        if not is_told:
            self.sent += 1
            self._push(self.store.told_ns(row), TELL, (0, self.sent), (row, True))
            return
        self.told[row.book] = row.view
        self.now_ns = ts_ns
        self._wake(row.book, row.traded, row.prices, row.top)

    def _wake(self, b: int, traded: bool, prices: bool, top: bool) -> None:
        wakes = self.wakes if self.now_ns >= self.start_ns else set()
        if traded and WakeKind.TRADE in wakes:
            self._call(self.strategy.on_trade, b)
        if prices and WakeKind.BEST in wakes:
            self._call(self.strategy.on_best, b)
        if top and WakeKind.CROSS in wakes:
            for other in range(len(self.instruments)):
                for buy, sell in ((other, b), (b, other)):
                    if self._crossed(buy, sell):
                        self._call(self.strategy.on_cross, buy, sell)

    def _crossed(self, buy: int, sell: int) -> bool:
        first, second = self.instruments[buy], self.instruments[sell]
        ask, bid = self.told[buy]["ask"], self.told[sell]["bid"]
        if buy == sell or first.asset != second.asset or NO_PRICE in (ask, bid):
            return False
        edge = Fraction(self.strategy.edge_ppb(), 10**9)
        ask_price, bid_price = ask * Fraction(first.tick), bid * Fraction(second.tick)
        return bid_price > ask_price and bid_price - ask_price > ask_price * edge

    # What we send.

    def ask_new(
        self,
        book: int,
        side: int,
        lots: int,
        px: int,
        kind: OrderType,
        tif: TimeInForce,
        **more: int,
    ) -> int:
        busy = {o.id % self.slots for o in self.orders.values() if o.known_open or o.messages}
        order_id = self.next_id
        while order_id % self.slots in busy:
            order_id += 1
        self.next_id = order_id + 1
        order = Order(order_id, book, side, kind, tif, px, lots, lots, **more)
        order.known_px, order.known_leaves = px, lots
        self.orders[order_id] = order
        self.outbox.append(("new", order_id))
        return order_id

    def _send(self, stage: int, delay_ns: int, order: Order, *what: object) -> None:
        order.messages += 1
        self.sent += 1
        self._push(self.now_ns + delay_ns, stage, self.sent, (order, *what))

    def _send_new(self, order_id: int) -> None:
        order = self.orders[order_id]
        self._write(self.now_ns, order, JournalEvent.SUBMITTED)
        reason = _nonsense(order)
        if reason:
            self._write(self.now_ns, order, JournalEvent.REJECTED, reason)
            self._send(RESPONSE, 0, order, JournalEvent.REJECTED, order.px, 0, 0, 1)
            return
        self._send(REQUEST, self.links.entry_ns(order.book, "new"), order, "new")

    def _send_cancel(self, order_id: int, *_: int) -> None:
        order = self.orders[order_id]
        self._write(self.now_ns, order, JournalEvent.CANCEL_SENT)
        self._send(REQUEST, self.links.entry_ns(order.book, "cancel"), order, "cancel")

    def _send_replace(self, order_id: int, px: int, lots: int) -> None:
        order = self.orders[order_id]
        self._write(self.now_ns, order, JournalEvent.REPLACE_SENT, px=px, lots=lots)
        delay_ns = self.links.entry_ns(order.book, "replace")
        self._send(REQUEST, delay_ns, order, "replace", px, lots)

    def _expire_at(self, order: Order) -> None:
        self.sent += 1
        self._push(order.expires_ns, REQUEST, self.sent, (order, "expire"))

    def _arrive(self, ts_ns: int, order: Order, what: str, *details: int) -> None:
        if what != "expire":
            order.messages -= 1
        self.now_ns = ts_ns
        getattr(self.exchanges[order.book], what)(ts_ns, order, *details)

    # What venues answer.

    def _respond(self, ts_ns: int, order: Order, event: JournalEvent, px: int, lots: int) -> None:
        self.now_ns = ts_ns
        delay_ns = self.links.response_ns(order.book, ts_ns)
        order.words += 1
        self._send(RESPONSE, delay_ns, order, event, px, lots, order.leaves, order.words)

    def _note(self, ts_ns: int, order: Order, event: JournalEvent, **details: float) -> None:
        """Journal what a venue does without sending word of it."""
        self._write(ts_ns, order, event, at_venue=True, **details)

    def _report(
        self, ts_ns: int, order: Order, event: JournalEvent, reason: Reason, **details: int
    ) -> None:
        self._write(ts_ns, order, event, reason, at_venue=True, **details)
        self._respond(ts_ns, order, event, order.px, 0)

    def _fill(
        self, ts_ns: int, order: Order, px: int, lots: int, *, maker: bool, ahead: float
    ) -> None:
        item, account = self.instruments[order.book], self.accounts[order.book]
        fee = account.fill(item, order.side, px, lots, maker, self._volume(item.venue))
        order.leaves -= lots
        liquidity = Liquidity.MAKER if maker else Liquidity.TAKER
        filled = JournalEvent.FILLED
        details = {"px": px, "lots": lots, "liquidity": liquidity, "ahead": ahead, "fee": fee}
        self._write(ts_ns, order, filled, at_venue=True, **details)
        self._respond(ts_ns, order, filled, px, lots)

    def _volume(self, venue: str) -> Fraction:
        pairs = zip(self.instruments, self.accounts, strict=True)
        return sum((own.traded for item, own in pairs if item.venue == venue), Fraction(0))

    def _exclude(self, ts_ns: int, order: Order, lots: int) -> None:
        excluded = JournalEvent.FILL_EXCLUDED
        self._write(ts_ns, order, excluded, Reason.BOOK_INVALID, at_venue=True, lots=lots)
        self._report(ts_ns, order, JournalEvent.CANCELLED, Reason.BOOK_INVALID)

    def _hear(
        self,
        ts_ns: int,
        order: Order,
        event: JournalEvent,
        px: int,
        lots: int,
        leaves: int,
        word: int,
        *stored: bool,
    ) -> None:
        if self.store and self.store.has_order_lag and not stored:
            self.sent += 1
            seen_ns = self.links.seen_ns[order.book]
            told_ns = self.store.order_told_ns(ts_ns, -1 if seen_ns is None else seen_ns)
            details = (order, event, px, lots, leaves, word, True)
            self._push(told_ns, RESPONSE, self.sent, details)
            return
        order.messages -= 1
        self.now_ns = ts_ns
        is_news = word > order.heard
        order.heard = max(order.heard, word)
        if event == JournalEvent.FILLED:
            if is_news:
                order.known_leaves = leaves
            self.accounts[order.book].known_position += order.side * lots
        elif event == JournalEvent.DECREMENTED and is_news:
            order.known_leaves = leaves
        elif event == JournalEvent.CANCEL_REJECTED:
            order.cancel_sent = False
        elif event == JournalEvent.REPLACED and is_news:
            order.known_px, order.known_leaves = px, leaves
        if event in OVER or (event == JournalEvent.FILLED and leaves == 0):
            order.known_open = False
        if event == JournalEvent.FILLED:
            if WakeKind.FILL in self.wakes:
                self._call(self.strategy.on_fill, order.id, px, lots)
        elif WakeKind.ORDER in self.wakes:
            self._call(self.strategy.on_order, order.id, int(event))

    # What is written down.

    def _write(
        self,
        ts_ns: int,
        order: Order,
        event: JournalEvent,
        reason: Reason = Reason.NONE,
        *,
        at_venue: bool = False,
        px: int | None = None,
        lots: int | None = None,
        liquidity: Liquidity = Liquidity.NONE,
        ahead: float = 0.0,
        fee: int = 0,
    ) -> None:
        bid, ask = (self.exchanges[order.book].book.best(side) for side in (1, -1))
        gap, age_ns = NO_PRICE, -1
        if not at_venue:
            view = self.view[order.book]
            if None not in (bid, ask) and NO_PRICE not in (view["bid"], view["ask"]):
                gap = view["bid"] + view["ask"] - bid - ask
            if view["ts_exch"]:
                age_ns = ts_ns - view["ts_exch"]
            bid, ask = view["bid"], view["ask"]
        self.journal.append(
            (
                ts_ns,
                int(event),
                order.id,
                order.book,
                order.side,
                int(order.kind),
                int(order.tif),
                int(liquidity),
                int(reason),
                order.px if px is None else px,
                order.lots if lots is None else lots,
                order.leaves,
                ahead,
                fee,
                NO_PRICE if bid is None else bid,
                NO_PRICE if ask is None else ask,
                gap,
                age_ns,
            )
        )

    def _sample(self, ts_ns: int) -> None:
        for b, account in enumerate(self.accounts):
            book = self.exchanges[b].book
            best = [NO_PRICE if (px := book.best(side)) is None else px for side in (1, -1)]
            state = (account.position, account.cash, account.fee_micro, account.carry_micro)
            self.samples[ts_ns, b] = (*best, *state)


def _nonsense(order: Order) -> Reason:
    """Why an order is refused before it is sent."""
    if order.lots <= 0:
        return Reason.BAD_QUANTITY
    if order.kind == OrderType.ICEBERG and not 1 <= order.peak <= order.lots:
        return Reason.BAD_DISPLAY
    if (order.tif == TimeInForce.GTD) != (order.expires_ns > 0):
        return Reason.BAD_EXPIRY
    return Reason.NONE
