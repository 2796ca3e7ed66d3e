"""The state store between the market and a strategy, as a plain list of what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.core.instrument import Instrument
from framework.engine.config import BacktestConfig
from framework.state.lag import Messages, lag_seed


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

    def write(self, row: Written, issued_ns: int) -> None:
        """Issue a row; note when it is committed."""
        messages = self.writes[row.book]
        messages.feed_ns = row.feed_ns
        row.commit_ns = messages.arrival_ns(issued_ns)
        self.rows.append(row)

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
        as_of_ns = self.reads.view_ns(now_ns)
        return {row.book: row.view for row in self.rows if row.commit_ns <= as_of_ns}
