"""Mean reversion on markets made by hand: when it enters, when it leaves, and what forbids it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, Result, StrategyFailedError, run_backtest
from strategies.mean_reversion import MeanReversion
from tests.support.small_market import INVERSE, LINEAR, Event, gold_stream, level

A = replace(LINEAR, venue="a", order_entry_ns=1_000_000, response_ns=1_000_000)
B = replace(A, venue="b")
_STEP_MS = 10


def book(mids: list[int], lots: int = 50, gap: int = 1) -> list[Event]:
    """A book of two levels a side around a mid that may move every ten milliseconds."""
    events: list[Event] = []
    before = 0
    for step, mid in enumerate(mids):
        ms = step * _STEP_MS
        if before and before != mid:
            for side in (1, -1):
                for away in (5, 5 + gap):
                    events.append(level(ms, side, before - side * away, 0))
        if before != mid:
            for side in (1, -1):
                for away in (5, 5 + gap):
                    events.append(level(ms, side, mid - side * away, lots))
        before = mid
    return [*events, level(len(mids) * _STEP_MS, 1, 1, 1)]


WAVY = [10_000 + 2 * (n % 2) for n in range(40)]
JUMP = [*WAVY, *[10_200] * 10, *[10_001] * 10]
STILL = [10_000] * 60


def run(folder: Path, a: list[Event], b: list[Event] | None, **parameters: object) -> Result:
    settings = {"interval_ns": 10_000_000, "window": 20, "lots": 10, "stop_z": 1e3} | parameters
    streams = [gold_stream(folder, a, A)] + ([gold_stream(folder, b, B)] if b else [])
    strategy = MeanReversion(**settings)
    result = run_backtest(strategy, streams)
    compiled = run_backtest(strategy, streams, BacktestConfig(compiled=True))
    assert compiled.journal_hash == result.journal_hash
    return result


def sent(result: Result) -> list[tuple[int, int, int, int]]:
    """Millisecond, book, side and lots of every order."""
    rows = pl.DataFrame(result.journal).filter(pl.col("event") == JournalEvent.SUBMITTED)
    return [
        (ts_ns // 1_000_000, *rest)
        for ts_ns, *rest in rows.select("ts_ns", "book", "side", "qty_lots").rows()
    ]


@pytest.mark.parametrize("moments", [0, 1])
def test_a_dear_basis_is_sold_and_bought_back_at_its_mean(tmp_path: Path, moments: int):
    result = run(tmp_path, book(JUMP), book(STILL), moments=moments)
    assert sent(result) == [(400, 0, -1, 10), (400, 1, 1, 10), (500, 0, 1, 10), (500, 1, -1, 10)]
    # Sold at 10,195 and bought back at 10,006; the other leg has lost its spread.
    assert result.summary()["pnl"] == pytest.approx((10_195 - 10_006 - 10) * 10 * 0.001)


def test_one_book_reverts_to_its_own_past(tmp_path: Path):
    assert sent(run(tmp_path, book(JUMP), None)) == [(400, 0, -1, 10), (500, 0, 1, 10)]


def test_what_does_not_pay_its_costs_is_left(tmp_path: Path):
    # The distance is 199 bps beyond costs of 20: two spreads of 10 bps.
    assert len(sent(run(tmp_path, book(JUMP), book(STILL), min_edge_bps=100.0))) == 4
    small = [*WAVY, *[10_020] * 10, *[10_001] * 10]
    assert sent(run(tmp_path, book(small), book(STILL), min_edge_bps=0.0)) == []
    assert len(sent(run(tmp_path, book(small), book(STILL), min_edge_bps=-5.0))) == 4


def test_a_leaning_book_and_an_air_pocket_forbid_the_trade(tmp_path: Path):
    leaning = [*book(JUMP), level(395, 1, 9_990, 10_000)]
    leaning.sort(key=lambda event: event.ts_ms)
    wide = {"max_gap_ticks": 1_000}
    assert sent(run(tmp_path, leaning, book(STILL), max_imbalance=0.9, **wide)) == []
    assert len(sent(run(tmp_path, leaning, book(STILL), max_imbalance=1.0, **wide))) == 4
    torn = book(JUMP, gap=30)
    assert sent(run(tmp_path, torn, book(STILL), max_gap_ticks=28)) == []
    assert len(sent(run(tmp_path, torn, book(STILL), max_gap_ticks=29))) == 4


def test_a_trade_that_goes_on_against_us_is_stopped_and_followed_by_rest(tmp_path: Path):
    worse = [*WAVY, 10_050, *[10_900] * 3, *[10_001] * 16]
    result = run(tmp_path, book(worse), book(STILL), stop_z=60.0, rest_ns=10_000_000_000)
    assert [(ms, number, side) for ms, number, side, _ in sent(result)] == [
        (400, 0, -1),
        (400, 1, 1),
        (410, 0, 1),
        (410, 1, -1),
    ]
    held = run(tmp_path, book(JUMP), book(STILL), max_hold_ns=50_000_000)
    assert [ms for ms, *_ in sent(held)][2:4] == [450, 450]


def test_a_passive_entry_waits_at_the_best_price_and_is_withdrawn(tmp_path: Path):
    result = run(tmp_path, book(JUMP), book(STILL), passive=True)
    assert sent(result) == [(400, 0, -1, 10)]  # nobody traded with it
    events = pl.DataFrame(result.journal)["event"].to_list()
    assert JournalEvent.CANCELLED in events or JournalEvent.FILLED not in events
    hit = sorted([*book(JUMP), level(421, 1, 10_205, 10)], key=lambda event: event.ts_ms)
    filled = run(tmp_path, hit, book(STILL), passive=True)
    assert sent(filled)[:2] == [(400, 0, -1, 10), (422, 1, 1, 10)]


def test_the_other_leg_follows_what_was_filled(tmp_path: Path):
    thin = book(JUMP, lots=6)
    result = run(tmp_path, thin, book(STILL))
    position = pl.DataFrame(result.fills).filter(pl.col("ts_ns") < 450_000_000)
    by_venue = position.group_by("venue").agg((pl.col("side") * pl.col("quantity")).sum())
    assert dict(by_venue.rows()) == {"a": pytest.approx(-0.06), "b": pytest.approx(0.06)}


def test_lots_of_different_sizes_are_matched_and_other_books_refused(tmp_path: Path):
    fine = replace(B, lot=LINEAR.lot / 10)
    streams = [gold_stream(tmp_path, book(JUMP), A), gold_stream(tmp_path, book(STILL), fine)]
    strategy = MeanReversion(interval_ns=10_000_000, window=20, lots=4, stop_z=1e3)
    assert sent(run_backtest(strategy, streams))[:2] == [(400, 0, -1, 4), (400, 1, 1, 40)]
    inverse = replace(INVERSE, asset="A")
    with pytest.raises(StrategyFailedError, match="one of these is inverse"):
        run_backtest(strategy, [streams[0], gold_stream(tmp_path, book(STILL), inverse)])
    coarse = [gold_stream(tmp_path, book(JUMP), replace(A, venue="c")), streams[1]]
    with pytest.raises(StrategyFailedError, match="must be a multiple of 10"):
        run_backtest(strategy, coarse)
