"""A run may keep of its journal only what moves the account: the same rows, the rest unchanged."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from framework.core.errors import CrossbookError, SpecError
from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, run_backtest, run_trials
from framework.strategy import Context, OnTimer, Strategy, param
from tests.oracle.engine.market import ListedStream, random_events, random_instruments

KEPT = (
    JournalEvent.FILLED,
    JournalEvent.FILL_EXCLUDED,
    JournalEvent.FUNDING,
    JournalEvent.FINANCING,
)


class Busy(Strategy):
    """Uses every kind of order whose rows are changed after they were begun."""

    lots: int = param(2, low=1)
    wakes = (OnTimer("9ns"),)

    def on_timer(self, ctx: Context) -> None:
        ctx.cancel_all()
        for book in range(ctx.n_books):
            if ctx.has_quote(book):
                bid, ask = ctx.bid_ticks(book), ctx.ask_ticks(book)
                ctx.buy(book, self.lots, bid)
                ctx.submit(book, -1, 3 * self.lots, ask, peak_lots=1)
                ctx.stop(book, 1, self.lots, ask + 1)
                ctx.stop(book, -1, self.lots, bid - 1, limit_ticks=bid - 4)
                ctx.peg_mid(book, 1, self.lots)
                ctx.take(book, -1, self.lots, bid)


@pytest.fixture(scope="module")
def streams() -> list[ListedStream]:
    rng = random.Random(3)
    books = random_events(random.Random(4), 2, 3_000)
    return [
        ListedStream(item, tuple(rows))
        for item, rows in zip(random_instruments(rng, 2), books, strict=True)
    ]


def _kept(journal: pa.Table) -> pa.Table:
    wanted = pa.array([int(event) for event in KEPT], journal["event"].type)
    return journal.filter(pc.is_in(journal["event"], wanted))


@pytest.mark.parametrize("self_trade", ["cancel_newest", "decrement"])
def test_what_is_kept_is_what_a_whole_journal_holds(
    self_trade: str, streams: list[ListedStream]
) -> None:
    whole = run_backtest(Busy(), streams, BacktestConfig(self_trade=self_trade))
    events = set(whole.journal["event"].to_pylist())
    assert {JournalEvent.FILLED, JournalEvent.TRIGGERED, JournalEvent.REFRESHED} <= events
    fills = run_backtest(Busy(), streams, BacktestConfig(self_trade=self_trade, journal="fills"))
    assert fills.journal.num_rows > 10
    assert fills.journal.equals(_kept(whole.journal))
    assert fills.samples.equals(whole.samples)
    assert fills.counters == whole.counters
    for name, figure in whole.summary().items():
        assert fills.summary()[name] == (None if name == "rejected" else figure), name


def test_the_hash_is_of_what_is_kept(streams: list[ListedStream]) -> None:
    config = BacktestConfig(journal="fills", compiled=True)
    batch = run_trials([Busy(lots=n) for n in (1, 2)], streams, config)
    solo = run_backtest(Busy(lots=2), streams, BacktestConfig(journal="fills"))
    assert batch[1].journal_hash == solo.journal_hash
    assert batch[0].journal_hash != batch[1].journal_hash
    assert solo.journal_hash != run_backtest(Busy(lots=2), streams).journal_hash


def test_an_order_is_explained_although_its_rows_were_not_kept(
    streams: list[ListedStream],
) -> None:
    whole = run_backtest(Busy(), streams)
    fills = run_backtest(Busy(), streams, BacktestConfig(journal="fills"))
    order = int(fills.fills["order_id"][0])
    assert fills.explain(order).equals(whole.explain(order))
    with pytest.raises(CrossbookError, match="9999999 is none of its"):
        fills.explain(9_999_999)


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(SpecError, match="journal must be one of all, fills, got 'some'"):
        BacktestConfig(journal="some")
