"""The state store between the market and a strategy, as a plain list of what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.core.events import NO_PRICE, EventFlag
from framework.core.instrument import Instrument
from framework.engine.config import BacktestConfig
from framework.state.lag import Messages, lag_seed
from tests.oracle.engine.book import Book, Event

Levels = list[tuple[int, int]]


@dataclass
class Written:
    """What a feed handler wrote after one message."""

    book: int
    view: dict[str, int | bool]
    traded: bool
    prices: bool
    top: bool
    commit_ns: int
    feed_ns: int


class Store:
    """Everything written, with the lags of every client."""

    def __init__(self, instruments: Sequence[Instrument], config: BacktestConfig) -> None:
        link, seed = config.store, config.seed
        self.writes = [
            Messages(link.write, lag_seed(seed, item.name, "write")) for item in instruments
        ]
        self.notices = Messages(link.notify, lag_seed(seed, "strategy:quotes", "notify"))
        self.reads = Messages(link.read, lag_seed(seed, "strategy", "read"))
        self.order_writes = Messages(link.write, lag_seed(seed, "orders", "write"))
        self.order_notices = Messages(link.notify, lag_seed(seed, "strategy:orders", "notify"))
        self.has_order_lag = not (link.write.is_none and link.notify.is_none)
        self.rows: list[Written] = []
        self.bucket_ns = config.store_bucket_ns
        self.open_ns: dict[int, int] = {}
        self.feed_ns: dict[int, int] = {}
        self.depths: list[tuple[int, int, dict[int, Levels]]] = []
        self.as_of_ns = -(2**63)

    def write(self, row: Written, issued_ns: int) -> None:
        """Issue a row; note when it is committed."""
        messages = self.writes[row.book]
        messages.feed_ns = row.feed_ns
        row.commit_ns = messages.arrival_ns(issued_ns)
        self.rows.append(row)

    def follow(self, event: Event, known: Sequence[Book]) -> None:
        """Note an event that the known books show already; without a span write them at once."""
        self.feed_ns[event.book] = event.ts_recv_ns - event.ts_exch_ns
        if self.bucket_ns:
            start_ns = event.ts_recv_ns // self.bucket_ns * self.bucket_ns
            self.open_ns.setdefault(event.book, start_ns)
        elif event.flags & EventFlag.LAST:
            self._write_depth(event.book, event.ts_recv_ns, known)

    def close(self, until_ns: int, known: Sequence[Book]) -> None:
        """Write every bucket that has ended."""
        ends = sorted((start + self.bucket_ns, b) for b, start in self.open_ns.items())
        for end_ns, b in ends:
            if end_ns <= until_ns:
                del self.open_ns[b]
                self._write_depth(b, end_ns, known)

    def _write_depth(self, b: int, issued_ns: int, known: Sequence[Book]) -> None:
        self.writes[b].feed_ns = self.feed_ns[b]
        book = known[b].levels
        levels = {
            side: sorted(book[side].items(), key=lambda level: -side * level[0])[:10]
            for side in (1, -1)
        }
        self.depths.append((b, self.writes[b].arrival_ns(issued_ns), levels))

    def level_lots(self, b: int, side: int, px: int, best: int, best_lots: int) -> int:
        """Quantity at a price: of the quote, and behind it of the newest bucket seen."""
        if best == NO_PRICE or px == best:
            return 0 if best == NO_PRICE else best_lots
        seen = [
            levels for book, at_ns, levels in self.depths if book == b and at_ns <= self.as_of_ns
        ]
        if not seen or side * (best - px) < 0:
            return 0
        return dict(seen[-1][side]).get(px, 0)

    def told_ns(self, row: Written) -> int:
        """When watchers are told of a row that has just been committed."""
        self.notices.feed_ns = row.feed_ns
        return self.notices.arrival_ns(row.commit_ns)

    def order_told_ns(self, answered_ns: int, feed_ns: int) -> int:
        """When the strategy is told of an answer that the order manager has now."""
        self.order_writes.feed_ns = self.order_notices.feed_ns = feed_ns
        return self.order_notices.arrival_ns(self.order_writes.arrival_ns(answered_ns))

    def seen(self, now_ns: int) -> dict[int, dict[str, int | bool]]:
        """What a reader sees of each book at an instant."""
        self.as_of_ns = self.reads.view_ns(now_ns)
        return {row.book: row.view for row in self.rows if row.commit_ns <= self.as_of_ns}
