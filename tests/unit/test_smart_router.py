"""The smart order router on books made by hand: what it sweeps, slices and ranks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, Result, StrategyFailedError, run_backtest
from framework.replay import GoldStream
from research.crossed import stream_quotes
from research.shortfall import consolidated_mid, shortfall
from strategies.smart_router import SmartRouter
from tests.support.small_market import LINEAR, Event, gold_stream, level

A = replace(LINEAR, venue="a", order_entry_ns=1_000_000, response_ns=1_000_000)
B, C = replace(A, venue="b"), replace(A, venue="c")
_MS = 1_000_000


def ladder(ask: int, lots: list[int], refill_ms: int = 0) -> list[Event]:
    """Asks of given sizes tick by tick; taken ones come back every `refill_ms`."""
    events = [level(0, 1, ask - 10, 1_000)]
    events += [level(0, -1, ask + n, size) for n, size in enumerate(lots)]
    if refill_ms:
        for ms in range(refill_ms, 2_000, refill_ms):
            for n, size in enumerate(lots):
                events += [level(ms, -1, ask + n, 0), level(ms, -1, ask + n, size)]
    return [*events, level(2_000, 1, 1, 1)]


def run(folder: Path, books: list[tuple[object, list[Event]]], **parameters: object) -> Result:
    streams = [gold_stream(folder, events, item) for item, events in books]  # type: ignore[arg-type]
    return _run(streams, **parameters)


def _run(streams: list[GoldStream], **parameters: object) -> Result:
    settings = {"arrives_after_ns": 100 * _MS, "horizon_ns": 1_000 * _MS} | parameters
    strategy = SmartRouter(**settings)
    result = run_backtest(strategy, streams)
    compiled = run_backtest(strategy, streams, BacktestConfig(compiled=True))
    assert compiled.journal_hash == result.journal_hash
    return result


def sent(result: Result) -> list[tuple[int, int, int, int]]:
    """Millisecond, book, limit and lots of every order."""
    rows = pl.DataFrame(result.journal).filter(pl.col("event") == JournalEvent.SUBMITTED)
    return [
        (ts_ns // _MS, *rest)
        for ts_ns, *rest in rows.select("ts_ns", "book", "px_ticks", "qty_lots").rows()
    ]


def test_a_cheap_order_is_swept_at_once_over_all_venues_best_levels_first(tmp_path: Path):
    books = [(A, ladder(10_000, [10, 10, 10])), (B, ladder(10_001, [5, 50]))]
    result = run(tmp_path, books, parent_lots=30, rank_bps=0.0)
    # 10 at 10,000, 10 + 5 at 10,001, 5 at 10,002: of equal prices the first venue is first.
    assert sent(result) == [(100, 0, 10_002, 25), (100, 1, 10_001, 5)]
    assert sum(result.fills["quantity"]) == pytest.approx(0.3)


def test_fees_and_rank_count_as_part_of_the_price(tmp_path: Path):
    dear = replace(A, taker_fee_bps=LINEAR.tick * 20)  # 2 bps, two ticks here
    books = [(dear, ladder(10_000, [10, 10, 10])), (B, ladder(10_001, [30]))]
    assert sent(run(tmp_path, books, parent_lots=10)) == [(100, 1, 10_001, 10)]


def test_a_dear_order_is_sliced_and_no_slice_costs_more_than_the_rule(tmp_path: Path):
    lots = [10] * 40
    books = [(A, ladder(10_000, lots, refill_ms=90))]
    # 200 lots at once: mid 9,995, average 10,009.5, cost 14.5 bps.
    swept = run(tmp_path, books, parent_lots=200, rule_bps=15.0)
    assert sent(swept) == [(100, 0, 10_019, 200)]
    sliced = run(tmp_path, books, parent_lots=200, rule_bps=8.0)
    orders = sent(sliced)
    assert len(orders) > 2
    assert orders[0][3] == 69  # the first of two; 100 would cost 9.5 bps, 70 a little over 8
    mid = 9_995.0
    for _, _, limit, size in orders[:-1]:
        levels = limit - 10_000 + 1
        average = sum(10_000 + n for n in range(levels)) / levels
        assert size <= 10 * levels
        assert (average / mid - 1.0) * 1e4 <= 8.1
    assert sum(sliced.fills["quantity"]) == pytest.approx(2.0)
    quotes = stream_quotes([gold_stream(tmp_path, books[0][1], A)])
    costs = [
        shortfall(
            result, quotes, side=1, quantity=2.0, arrival_ns=100 * _MS, end_ns=1_100 * _MS
        ).total_bps
        for result in (swept, sliced)
    ]
    assert costs[0] == pytest.approx(14.5 * 10_000 / 9_995, rel=1e-3)
    assert costs[1] < costs[0]


def test_what_is_not_displayed_is_infinitely_dear_and_the_rest_is_swept_at_the_end(tmp_path: Path):
    books = [(A, ladder(10_000, [10, 10], refill_ms=400))]
    result = run(tmp_path, books, parent_lots=60, max_slices=4, min_gap_ns=200 * _MS)
    orders = sent(result)
    assert orders[0] == (100, 0, 10_001, 15)
    assert next(ms for ms, *_ in orders if ms >= 1_100) == 1_100
    assert all(b[0] - a[0] >= 200 for a, b in pairwise(orders))
    assert sum(result.fills["quantity"]) == pytest.approx(0.6)


def test_nothing_is_taken_beyond_the_worst_price(tmp_path: Path):
    books = [(A, ladder(10_000, [10, 10, 10]))]
    result = run(tmp_path, books, parent_lots=30, max_slippage_bps=6.2)
    assert max(limit for _, _, limit, _ in sent(result)) == 10_001
    assert sum(result.fills["quantity"]) == pytest.approx(0.2)
    quotes = stream_quotes([gold_stream(tmp_path, books[0][1], A)])
    assert consolidated_mid(quotes, 0) == pytest.approx(999.5)
    found = shortfall(result, quotes, side=1, quantity=0.3, arrival_ns=0, end_ns=2_000 * _MS)
    assert found.filled_share == pytest.approx(2 / 3)
    assert found.opportunity_bps == 0.0
    assert found.slippage_bps == pytest.approx((5.5 / 9_995) * 1e4 * 2 / 3)


def test_a_sale_is_the_mirror_of_a_purchase(tmp_path: Path):
    events = [level(0, -1, 10_010, 500)]
    events += [level(0, 1, 10_000 - n, 10) for n in range(5)]
    result = run(tmp_path, [(A, [*events, level(2_000, 1, 1, 1)])], side=-1, parent_lots=30)
    assert sent(result) == [(100, 0, 9_998, 30)]
    assert set(result.fills["side"]) == {-1}


def test_the_venue_that_recovers_faster_is_taken_from_first(tmp_path: Path):
    def dipping(back_ms: int) -> list[Event]:
        events = ladder(10_000, [100, 100])[:-1]
        for ms in range(200, 3_000, 400):
            events += [level(ms, -1, 10_000, 5), level(ms, -1, 10_001, 5)]
            events += [level(ms + back_ms, -1, 10_000, 100), level(ms + back_ms, -1, 10_001, 100)]
        return [*sorted(events, key=lambda event: event.ts_ms), level(4_000, 1, 1, 1)]

    books = [(A, dipping(300)), (B, dipping(100))]
    result = run(tmp_path, books, parent_lots=50, arrives_after_ns=3_500 * _MS)
    assert sent(result) == [(3_500, 1, 10_000, 50)]
    swapped = [(A, dipping(100)), (B, dipping(300))]
    result = run(tmp_path, swapped, parent_lots=50, arrives_after_ns=3_500 * _MS)
    assert sent(result) == [(3_500, 0, 10_000, 50)]


def test_lots_of_different_sizes_are_counted_in_the_coarsest(tmp_path: Path):
    fine = replace(B, lot=LINEAR.lot / 10)
    books = [(A, ladder(10_001, [10])), (fine, ladder(10_000, [55]))]
    result = run(tmp_path, books, parent_lots=12, rank_bps=0.0)
    assert sent(result) == [(100, 0, 10_001, 7), (100, 1, 10_000, 50)]
    with pytest.raises(StrategyFailedError, match="side must be 1 or -1"):
        run(tmp_path, books, side=0)
