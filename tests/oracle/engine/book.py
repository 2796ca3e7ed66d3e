"""A book as two dictionaries of levels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from framework.core.events import EventFlag, EventKind


class Event(NamedTuple):
    """One gold row; `book` counts the streams in the order of their names."""

    ts_exch_ns: int
    ts_recv_ns: int
    book: int
    kind: int
    side: int
    flags: int
    px: int
    lots: int


@dataclass
class Book:
    """Displayed lots by price, bids under +1 and asks under −1."""

    levels: dict[int, dict[int, int]] = field(default_factory=lambda: {1: {}, -1: {}})
    valid: bool = True

    def best(self, side: int) -> int | None:
        prices = self.levels[side]
        if not prices:
            return None
        return max(prices) if side > 0 else min(prices)

    def lots(self, side: int, px: int) -> int:
        return self.levels[side].get(px, 0)

    def show(self, side: int, px: int, lots: int) -> None:
        if lots:
            self.levels[side][px] = lots
        else:
            self.levels[side].pop(px, None)

    def apply(self, event: Event) -> None:
        """Bring the levels up to date; trades change nothing that is displayed."""
        kind, side, px, lots = event.kind, event.side, event.px, event.lots
        if kind == EventKind.DEPTH:
            self.show(side, px, lots)
        elif kind == EventKind.BEST:
            self.levels[side] = {px: lots} if lots else {}
        elif kind == EventKind.CLEAR:
            for one in (1, -1) if side == 0 else (side,):
                self.levels[one] = {}
        elif kind == EventKind.ORDER_ADD:
            self.show(side, px, self.lots(side, px) + lots)
        elif kind in (EventKind.ORDER_REDUCE, EventKind.ORDER_DELETE, EventKind.ORDER_EXECUTE):
            self.show(side, px, max(0, self.lots(side, px) - lots))

    def mark(self, event: Event) -> None:
        """A gap makes the book invalid until the next snapshot has ended."""
        ends_snapshot = EventFlag.LAST | EventFlag.SNAPSHOT
        if event.kind == EventKind.GAP:
            self.valid = False
        elif event.flags & ends_snapshot == ends_snapshot:
            self.valid = True
