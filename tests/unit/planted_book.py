"""A plain order book that follows order-by-order rows and refuses what no venue would do."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from framework.core.events import EventFlag, EventKind

COLUMNS = ("seq", "kind", "side", "flags", "px_ticks", "qty_lots", "order_id")


class PlainBook:
    """Queues as lists: side → price → [(order id, lots)], first come first."""

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, list[tuple[int, int]]]] = {1: {}, -1: {}}
        self.ids: set[int] = set()
        self.is_valid = False

    def best(self, side: int) -> int | None:
        return max(self.sides[side], key=lambda px: side * px, default=None)

    def lots(self, side: int, px_ticks: int) -> int:
        return sum(lots for _, lots in self.sides[side].get(px_ticks, []))

    def clear(self) -> None:
        self.sides = {1: {}, -1: {}}

    def apply(self, row: tuple[int, ...]) -> None:
        _, kind, side, flags, px_ticks, lots, order_id = row
        if kind == EventKind.GAP:
            self.is_valid = False
            self.clear()
        elif kind == EventKind.CLEAR:
            self.clear()
        elif flags & EventFlag.SNAPSHOT:
            self.sides[side].setdefault(px_ticks, []).append((order_id, lots))
            self.ids.add(order_id)
        elif self.is_valid:
            self._follow(kind, side, px_ticks, lots, order_id)
        if flags & EventFlag.SNAPSHOT and flags & EventFlag.LAST:
            self.is_valid = True

    def _follow(self, kind: int, side: int, px_ticks: int, lots: int, order_id: int) -> None:
        assert lots > 0
        if kind == EventKind.ORDER_ADD:
            assert order_id not in self.ids, "an order id is given once"
            self.ids.add(order_id)
            self.sides[side].setdefault(px_ticks, []).append((order_id, lots))
            return
        queue = self.sides[side][px_ticks]
        place = [n for n, (known, _) in enumerate(queue) if known == order_id]
        assert len(place) == 1, "an order stands where it was put"
        left = queue[place[0]][1] - lots
        if kind == EventKind.ORDER_EXECUTE:
            assert px_ticks == self.best(side), "executions are at the best price"
            assert place[0] == 0, "and meet who came first"
            assert left >= 0
        elif kind == EventKind.ORDER_REDUCE:
            assert left > 0
        else:
            assert kind == EventKind.ORDER_DELETE
            assert left == 0, "a delete says what was left"
        if left:
            queue[place[0]] = (order_id, left)
        else:
            del queue[place[0]]
            if not queue:
                del self.sides[side][px_ticks]


def follow(rows: pl.DataFrame) -> Iterable[tuple[int, PlainBook]]:
    """Apply every row; yield the book after each whole message in which it is valid."""
    book = PlainBook()
    for row in rows.select(COLUMNS).iter_rows():
        book.apply(row)
        if row[3] & EventFlag.LAST and book.is_valid:
            bid, ask = book.best(1), book.best(-1)
            assert bid is not None
            assert ask is not None
            assert bid < ask, "a venue's own book is never crossed"
            yield row[0], book
