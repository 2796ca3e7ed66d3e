"""The first difference of two journals, and what an account stood at around it."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from experiments.golden import first_difference, standing
from framework.core.events import EventFlag, EventKind
from framework.engine.result import JOURNAL_SCHEMA, Result
from framework.engine.story import told_journal
from tests.support.by_hand import at, depth, run


def _two_buys() -> Result:
    opening = [
        at(0, EventKind.CLEAR, 0, 0, 0, flags=int(EventFlag.SNAPSHOT)),
        depth(0, 1, 99, 5, flags=int(EventFlag.SNAPSHOT)),
        depth(0, -1, 101, 5, flags=int(EventFlag.SNAPSHOT | EventFlag.LAST)),
    ]
    return run(
        opening,
        lambda ctx: ctx.take(0, 1, 2, 101),
        lambda ctx: ctx.buy(0, 3, 98),
    )


def test_equal_journals_have_no_difference() -> None:
    result = _two_buys()
    assert first_difference(result.journal, result.journal, result.instruments) is None


def test_a_changed_row_is_found_with_its_columns() -> None:
    result = _two_buys()
    rows = result.journal.to_pylist()
    assert [row["event"] for row in rows] == [1, 2, 4, 1, 2]
    rows[2]["fee_micro"] += 1
    changed = pa.Table.from_pylist(rows, schema=JOURNAL_SCHEMA)
    found = first_difference(changed, result.journal, result.instruments)
    assert found is not None
    assert (found.row, found.columns) == (2, ("fee_micro",))
    assert found.event.startswith("row 2: baseline filled of order 1 at v:XY")
    assert found.state_before["position"].to_list() == [0]
    assert found.state_now["position"].to_list() == [2]
    assert found.state_baseline["fee_micro"][0] == found.state_now["fee_micro"][0] + 1


def test_a_journal_that_ends_earlier_differs_where_it_ends() -> None:
    result = _two_buys()
    found = first_difference(result.journal[:3], result.journal, result.instruments)
    assert found is not None
    assert found.row == 3
    assert "baseline has ended" in found.event


def test_a_new_column_alone_is_told_apart() -> None:
    result = _two_buys()
    wider = result.journal.append_column("gap", pa.array([0] * result.journal.num_rows))
    found = first_difference(result.journal, wider, result.instruments)
    assert found is not None
    assert (found.row, found.added, found.dropped) == (None, ("gap",), ())
    found = first_difference(wider, result.journal, result.instruments)
    assert found is not None
    assert found.dropped == ("gap",)


def test_the_account_counts_fills_and_lists_what_is_open() -> None:
    result = _two_buys()
    rows = pl.DataFrame(pl.from_arrow(result.journal))
    (book,) = standing(result.instruments, rows).rows(named=True)
    assert (book["position"], book["bought"], book["sold"]) == (2, 2, 0)
    assert book["open_orders"] == "2:buy 3@98"


def test_the_story_is_in_words_and_venue_units() -> None:
    result = _two_buys()
    told = told_journal(result.instruments, result.journal)
    fill = told.row(2, named=True)
    assert (fill["event"], fill["side"], fill["liquidity"]) == ("filled", "buy", "taker")
    assert (fill["price"], fill["quantity"], fill["bid"]) == (1.01, 2.0, 0.99)
    assert told.row(0, named=True)["reason"] == ""
