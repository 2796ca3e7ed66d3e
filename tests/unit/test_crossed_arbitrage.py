"""Crossed-market arbitrage on markets made by hand: which crosses it takes, how legs even out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from framework.core.errors import StrategyError
from framework.core.events import EventKind
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, Result, StrategyFailedError, run_backtest
from framework.replay import GoldStream
from research.crossed import attempts, capture, capture_summary, observed_crosses
from research.crossed.episodes import EPISODE_SCHEMA
from strategies.crossed_arbitrage import CrossedArbitrage
from tests.support.small_market import LINEAR, Event, gold_stream, level

A = replace(LINEAR, venue="a", order_entry_ns=1_000_000, response_ns=1_000_000)
B, C = replace(A, venue="b"), replace(A, venue="c")


def quotes(ms: int, bid: int, ask: int, lots: int = 50) -> list[Event]:
    """A book of one level a side."""
    return [level(ms, 1, bid, lots), level(ms, -1, ask, lots)]


def moved(ms: int, side: int, old: int, new: int, lots: int = 50) -> list[Event]:
    """One side's level at another price."""
    return [level(ms, side, old, 0), level(ms, side, new, lots)]


def still(ms: int) -> list[Event]:
    """Something far from the touch, so that the market goes on until then."""
    return [level(ms, 1, 1, 1)]


def run(
    folder: Path, books: Sequence[tuple[Instrument, list[Event]]], **parameters: object
) -> Result:
    streams: list[GoldStream] = [gold_stream(folder, events, item) for item, events in books]
    settings: dict[str, object] = {"max_lots": 10, "pause_ns": 1_000_000_000} | parameters
    strategy = CrossedArbitrage(**settings)
    result = run_backtest(strategy, streams)
    compiled = run_backtest(strategy, streams, BacktestConfig(compiled=True))
    assert compiled.journal_hash == result.journal_hash
    return result


def sent(result: Result) -> list[tuple[int, int, int, int, int]]:
    """Millisecond, book, side, price and lots of every order."""
    rows = pl.DataFrame(result.journal).filter(pl.col("event") == JournalEvent.SUBMITTED)
    names = ("ts_ns", "book", "side", "px_ticks", "qty_lots")
    return [(row[0] // 1_000_000, *row[1:]) for row in rows.select(names).rows()]


def test_a_cross_that_stays_is_taken_and_noise_is_not(tmp_path: Path):
    a = [*quotes(0, 10_000, 10_010), *still(400)]
    b = quotes(0, 10_000, 10_010)
    b += [*moved(50, 1, 10_000, 10_020), *moved(58, 1, 10_020, 10_000)]
    assert sent(run(tmp_path, [(A, a), (B, [*b, *still(400)])])) == []
    b += [*moved(100, 1, 10_000, 10_020), *still(180)]
    assert sent(run(tmp_path, [(A, a), (B, b)])) == [
        (120, 0, 1, 10_010, 10),
        (120, 1, -1, 10_020, 10),
    ]
    assert sent(run(tmp_path, [(A, a), (B, b)], min_age_ns=0))[0][0] == 50


def test_dust_is_a_trap_and_depth_behind_it_is_walked(tmp_path: Path):
    a = [*quotes(0, 10_000, 10_010, 8), level(0, -1, 10_012, 8), *still(400)]
    b = [*quotes(0, 10_000, 10_010), level(50, 1, 10_020, 2), *still(400)]
    assert sent(run(tmp_path, [(A, a), (B, b)])) == []
    b = [*quotes(0, 10_000, 10_010), level(50, 1, 10_020, 2), level(60, 1, 10_019, 9), *still(400)]
    found = sent(run(tmp_path, [(A, a), (B, b)], max_lots=100))
    assert found == [(70, 0, 1, 10_012, 11), (70, 1, -1, 10_019, 11)]


def test_a_book_that_has_become_invalid_is_not_traded(tmp_path: Path):
    a = [*quotes(0, 10_000, 10_010), *still(400)]
    crossed = [*quotes(0, 10_000, 10_010), *moved(50, 1, 10_000, 10_020)]
    assert len(sent(run(tmp_path, [(A, a), (B, [*crossed, *still(400)])]))) == 2
    lost = [*crossed, Event(60, EventKind.GAP, 0, 0, 0), *still(400)]
    assert sent(run(tmp_path, [(A, a), (B, lost)])) == []


def test_fees_financing_and_alpha_narrow_the_edge(tmp_path: Path):
    costly = replace(A, taker_fee_bps=LINEAR.tick * 30)  # 3 bps
    a = [*quotes(0, 10_000, 10_010), *still(400)]
    b = [*quotes(0, 10_000, 10_010), *moved(50, 1, 10_000, 10_020), *still(100)]  # 9.99 bps
    books = [(costly, a), (replace(costly, venue="b"), b)]
    assert len(sent(run(tmp_path, books, min_edge_bps=3.9))) == 2
    assert sent(run(tmp_path, books, min_edge_bps=4.0)) == []
    assert sent(run(tmp_path, books, min_edge_bps=2.0, alpha=2.0)) == []
    assert sent(run(tmp_path, books, min_edge_bps=3.9, financing_bps=0.1)) == []


def test_the_widest_of_several_pairs_is_taken_first(tmp_path: Path):
    a = [*quotes(0, 10_000, 10_010), *still(400)]
    b = [*quotes(0, 10_000, 10_009), *still(400)]
    c = [*quotes(0, 10_000, 10_010), *moved(50, 1, 10_000, 10_020), *still(100)]
    found = sent(run(tmp_path, [(A, a), (B, b), (C, c)], max_lots=20))
    assert [(book, side) for _, book, side, _, _ in found] == [(1, 1), (2, -1), (0, 1), (2, -1)]


def test_before_it_is_structural_only_a_share_is_sent(tmp_path: Path):
    a = [*quotes(0, 10_000, 10_010), *still(900)]
    b = [*quotes(0, 10_000, 10_010), *moved(50, 1, 10_000, 10_020), *still(620)]
    found = sent(run(tmp_path, [(A, a), (B, b)], young_share=0.3, pause_ns=500_000_000))
    assert [(ms, lots) for ms, _, _, _, lots in found] == [(70, 3)] * 2 + [(570, 10)] * 2


def legged(folder: Path, **parameters: object) -> Result:
    """The bid of b is gone when our order arrives, and comes back after 40 ms at a lower price."""
    a = [*quotes(0, 10_000, 10_010), *still(400)]
    b = [*quotes(0, 10_000, 10_012), *moved(50, 1, 10_000, 10_020)]
    b += [*moved(71, 1, 10_020, 10_001), *moved(110, 1, 10_001, 10_020), *still(115)]
    b += [*moved(116, 1, 10_020, 10_000), *still(400)]
    return run(folder, [(A, a), (B, b)], **parameters)


@pytest.mark.parametrize(
    ("legging", "closing"),
    [(0, (72, 1, -1)), (1, (72, 0, -1)), (2, (110, 1, -1))],
    ids=["hedge", "unwind", "wait"],
)
def test_a_missed_leg_is_dealt_with_by_the_policy(
    tmp_path: Path, legging: int, closing: tuple[int, int, int]
):
    result = legged(tmp_path, legging=legging)
    orders = sent(result)
    assert orders[:2] == [(70, 0, 1, 10_010, 10), (70, 1, -1, 10_020, 10)]
    assert [(ms, book, side) for ms, book, side, _, _ in orders[2:]] == [closing]
    assert sum(result.fills["side"] * result.fills["quantity"]) == 0
    (row,) = attempts(result).to_dicts()
    lots, tick = 10, 0.1 * 0.01
    assert (row["bought"], row["sold"], row["captured"]) == (0.1, 0.0, 0.0)
    sold_at = {0: 10_001, 1: 10_000, 2: 10_020}[legging]
    assert row["legging"] == pytest.approx((sold_at - 10_010) * lots * tick)


def test_positions_are_evened_out_between_venues(tmp_path: Path):
    a = [*quotes(0, 10_000, 10_010), *moved(300, 1, 10_000, 10_008), *still(800)]
    b = [*quotes(0, 10_000, 10_010), *moved(50, 1, 10_000, 10_020)]
    b += [*moved(200, 1, 10_020, 10_000), *still(800)]
    books = [(A, a), (B, b)]
    kept = run(tmp_path, books, max_position=10, rebalance_bps=1.0)
    assert [lots for _, _, _, _, lots in sent(kept)] == [10, 10]  # 2 bps would be too dear
    evened = run(tmp_path, books, max_position=10, rebalance_bps=2.1)
    assert sent(evened)[2:] == [(320, 1, 1, 10_010, 10), (320, 0, -1, 10_008, 10)]


def test_books_that_cannot_be_compared_are_refused(tmp_path: Path):
    a, b = quotes(0, 10_000, 10_010), quotes(0, 10_000, 10_010)
    with pytest.raises(StrategyFailedError, match="equal lots") as caught:
        run(tmp_path, [(A, a), (replace(B, lot=LINEAR.lot * 10), b)])
    assert isinstance(caught.value, StrategyError)


def test_what_was_captured_is_laid_to_the_cross_it_came_from(tmp_path: Path):
    result = legged(tmp_path, legging=2)
    rows = [
        {"start_ns": 0, "end_ns": 40_000_000, "buy": "a:S", "sell": "b:S"},
        {"start_ns": 50_000_000, "end_ns": 71_000_000, "buy": "a:S", "sell": "b:S"},
        {"start_ns": 50_000_000, "end_ns": 71_000_000, "buy": "b:S", "sell": "a:S"},
    ]
    edge = {"max_edge": 1.0, "max_edge_bps": 10.0, "quantity": 0.5, "kind": "short"}
    found = pl.DataFrame([row | edge | {"duration_ms": 20.0} for row in rows]).with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in EPISODE_SCHEMA.items()
        if name not in rows[0] | edge | {"duration_ms": 0}
    )
    crosses = observed_crosses(found, result.instruments)
    assert crosses["available"].to_list() == pytest.approx([0.5, 0.5, 0.5])
    done = capture(crosses, attempts(result), reach_ns=15_000_000)
    assert done["attempts"].to_list() == [0, 1, 0]
    assert done["is_taken"].to_list() == [False, False, False]
    assert done["survives"].to_list() == [True, True, True]
    (row,) = capture_summary(done).to_dicts()
    assert (row["class"], row["crosses"], row["tried"], row["sprung"]) == ("short", 3, 1, 1)
    assert capture(crosses, attempts(result), reach_ns=21_000_000)["survives"].sum() == 1
