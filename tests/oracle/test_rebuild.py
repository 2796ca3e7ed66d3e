"""The compiled rebuild of a book against a dictionary of levels."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from framework.book.ladder import Ladders
from framework.core.events import NO_PRICE, EventFlag, EventKind
from framework.lake.rebuild import STATE_DTYPE, message_ends, rebuild

LAST, SNAPSHOT = int(EventFlag.LAST), int(EventFlag.SNAPSHOT)
NAMES = ("kind", "side", "flags", "px_ticks", "qty_lots")
Row = tuple[int, int, int, int, int]

prices = st.one_of(st.integers(90, 110), st.sampled_from([1, 40_000, 90_000]))
levels = st.tuples(
    st.sampled_from([EventKind.DEPTH, EventKind.DEPTH, EventKind.BEST, EventKind.ORDER_ADD]),
    st.sampled_from([1, -1]),
    st.sampled_from([0, LAST]),
    prices,
    st.integers(0, 5),
)
others = st.one_of(
    st.tuples(
        st.sampled_from([EventKind.ORDER_REDUCE, EventKind.ORDER_DELETE, EventKind.ORDER_EXECUTE]),
        st.sampled_from([1, -1]),
        st.just(LAST),
        prices,
        st.integers(1, 5),
    ),
    st.tuples(
        st.sampled_from([EventKind.TRADE, EventKind.HIDDEN_TRADE]),
        st.sampled_from([1, -1]),
        st.just(LAST),
        prices,
        st.integers(1, 5),
    ),
    st.just((EventKind.GAP, 0, 0, 0, 0)),
    st.tuples(
        st.just(EventKind.CLEAR),
        st.sampled_from([-1, 0, 1]),
        st.sampled_from([SNAPSHOT, SNAPSHOT | LAST]),
        st.just(0),
        st.just(0),
    ),
)


class Twin:
    """A book as two dictionaries."""

    def __init__(self) -> None:
        self.levels: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.valid = True

    def apply(self, row: Row) -> tuple[int, int]:
        """Apply a row; return what its level showed before and after."""
        kind, side, flags, px_ticks, qty_lots = row
        if kind == EventKind.GAP:
            self.valid = False
        elif flags & SNAPSHOT and flags & LAST:
            self.valid = True
        if kind == EventKind.CLEAR:
            for cleared in (1, -1) if side == 0 else (side,):
                self.levels[cleared].clear()
        if kind in (EventKind.CLEAR, EventKind.GAP, EventKind.TRADE, EventKind.HIDDEN_TRADE):
            return 0, 0
        own = self.levels[side]
        before = own.get(px_ticks, 0)
        after = qty_lots
        if kind == EventKind.BEST and set(own) != {px_ticks}:
            own.clear()
        if kind == EventKind.ORDER_ADD:
            after = before + qty_lots
        elif kind not in (EventKind.DEPTH, EventKind.BEST):
            after = max(0, before - qty_lots)
        own[px_ticks] = after
        if after == 0:
            del own[px_ticks]
        return before, after

    def best(self, side: int) -> int:
        own = self.levels[side]
        return side * max(side * price for price in own) if own else NO_PRICE


def table(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(
        [tuple(int(value) for value in row) for row in rows],
        schema=dict.fromkeys(NAMES, pl.Int64),
        orient="row",
    )


@given(rows=st.lists(st.one_of(levels, levels, others), max_size=60))
def test_rebuild_equals_the_twin(rows: list[Row]) -> None:
    # A quote stands alone on its side: mixing it with depth is not a stream that occurs.
    rows = [row for row in rows if row[0] != EventKind.BEST]
    _compare(rows)


@given(rows=st.lists(levels, max_size=40))
def test_quotes_show_one_level_a_side(rows: list[Row]) -> None:
    _compare([(EventKind.BEST, *row[1:]) for row in rows])


def _compare(rows: list[Row]) -> None:
    twin = Twin()
    rebuilt = rebuild(table(rows), Ladders(1, far_levels=1))
    assert rebuilt.columns == [*NAMES, *(STATE_DTYPE.names or ())]
    for row, found in zip(rows, rebuilt.iter_rows(named=True), strict=True):
        before, after = twin.apply(row)
        assert found["after_lots"] == after
        if row[0] not in (EventKind.BEST, EventKind.CLEAR):
            assert found["before_lots"] == before
        if not row[2] & LAST:
            continue
        for side, name in ((1, "bid"), (-1, "ask")):
            best = twin.best(side)
            assert found[f"{name}_ticks"] == best
            assert found[f"{name}_lots"] == twin.levels[side].get(best, 0)
        assert found["is_valid"] == twin.valid


def test_message_ends_leave_out_what_moves_no_book() -> None:
    rows = [
        (EventKind.GAP, 0, 0, 0, 0),
        (EventKind.DEPTH, 1, 0, 100, 1),
        (EventKind.DEPTH, -1, LAST, 101, 1),
        (EventKind.TRADE, 1, LAST, 101, 1),
        (EventKind.STATUS, 0, LAST, 0, 1),
    ]
    ends = message_ends(rebuild(table(rows), Ladders(1)))
    assert ends.select("kind", "bid_ticks", "ask_ticks", "is_valid").rows() == [
        (EventKind.DEPTH, 100, 101, False)
    ]
