"""Orders resting in order-by-order data against a twin that puts them into the lists themselves."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.errors import SpecError
from framework.core.events import EventKind
from framework.core.orders import JournalEvent
from framework.engine.backtest import run_backtest, run_trials
from framework.engine.config import BacktestConfig
from framework.engine.result import Result
from framework.strategy import OnTimer, Strategy
from tests.support.orders_table import LAST, SNAPSHOT, START_NS, Row, opening, orders_stream

ADD, REDUCE = EventKind.ORDER_ADD, EventKind.ORDER_REDUCE
DELETE, EXECUTE = EventKind.ORDER_DELETE, EventKind.ORDER_EXECUTE
HIDDEN = EventKind.HIDDEN_TRADE
OURS = -1
TICK_NS = 10


class Ask(NamedTuple):
    """Rest `lots` at `px` at a tick of the timer."""

    at: int
    side: int
    px: int
    lots: int
    hidden: bool = False
    peak_lots: int = 0


class Rests(Strategy):
    """Rests what its script says, a tick at a time."""

    wakes = (OnTimer(TICK_NS),)
    script: tuple[Ask, ...] = ()

    def on_timer(self, ctx) -> None:
        for ask in self.script:
            if ctx.now_ns - START_NS == ask.at:
                kind = {"hidden": ask.hidden, "peak_lots": ask.peak_lots}
                ctx.submit(0, ask.side, ask.lots, ask.px, **kind)


def resting(*script: Ask) -> Strategy:
    return type("RestsThese", (Rests,), {"script": script})()


def fills(result: Result) -> list[tuple[int, int, int, int, float]]:
    """Time, order, price, lots and queue ahead of every fill."""
    rows = result.journal.to_pylist()
    return [
        (r["ts_ns"] - START_NS, r["order_id"], r["px_ticks"], r["qty_lots"], r["queue_ahead_lots"])
        for r in rows
        if r["event"] == JournalEvent.FILLED
    ]


def run(rows: list[Row], *script: Ask, **config: object) -> list[tuple[int, int, int, int, float]]:
    with TemporaryDirectory() as folder:
        stream = orders_stream(Path(folder), rows)
        return fills(run_backtest(resting(*script), [stream], BacktestConfig(**config)))


class Lists:
    """A level is a list of ``[id, lots]``; ours stand in it as ``[OURS, lots, number]``."""

    def __init__(self) -> None:
        self.levels: dict[tuple[int, int], list[list[int]]] = {}
        self.fills: list[tuple[int, int, int, int, float]] = []

    def rest(self, number: int, ask: Ask) -> None:
        self.levels.setdefault((ask.side, ask.px), []).append([OURS, ask.lots, number])

    def _fill(
        self, at: int, px: int, queue: list[list[int]], mine: list[int], lots: int, through: bool
    ) -> int:
        # A price that was traded through has no queue left to speak of.
        ahead = 0 if through else sum(n for who, n, *_ in queue[: queue.index(mine)] if who != OURS)
        got = min(lots, mine[1])
        mine[1] -= got
        self.fills.append((at, mine[2], px, got, float(ahead)))
        return got

    def _first_ours(self, side: int, px: int) -> list[tuple[int, list[list[int]], list[int]]]:
        """Ours at better prices than an execution's, best first, then those at its price."""
        better = sorted(
            (key for key in self.levels if key[0] == side and side * (key[1] - px) >= 0),
            key=lambda key: -side * key[1],
        )
        return [
            (key[1], self.levels[key], mine)
            for key in better
            for mine in list(self.levels[key])
            if mine[0] == OURS
        ]

    def execute(self, row: Row) -> None:
        queue = self.levels.setdefault((row.side, row.px), [])
        hit = next((place for place in queue if place[0] == row.order_id), None)
        left = row.lots
        for px, level, mine in self._first_ours(row.side, row.px):
            if left == 0:
                break
            through = px != row.px
            turn = hit in queue and not through and queue.index(mine) < queue.index(hit)
            nobody = all(who == OURS for who, *_ in level[: level.index(mine)])
            if through or turn or nobody:
                left -= self._fill(row.at, px, level, mine, left, through)
        if hit is not None:
            hit[1] -= row.lots
        self._sweep()

    def shrink(self, row: Row) -> None:
        for place in self.levels.get((row.side, row.px), []):
            if place[0] == row.order_id:
                place[1] -= row.lots
        self._sweep()

    def add(self, row: Row) -> None:
        self.levels.setdefault((row.side, row.px), []).append([row.order_id, row.lots])

    def _sweep(self) -> None:
        for key, queue in self.levels.items():
            self.levels[key] = [place for place in queue if place[1] > 0]


def random_day(rng: random.Random, steps: int) -> tuple[list[Row], list[Ask]]:
    """Orders on both sides of a touch that stays, executed in and out of turn."""
    rows = opening({90: 5}, {110: 5})
    alive: dict[int, Row] = {}
    at = 0
    for order_id in range(1, steps):
        at += rng.choice([0, 1, 3])
        what = rng.choice([ADD, ADD, REDUCE, DELETE, EXECUTE, EXECUTE, HIDDEN])
        side = rng.choice([1, -1])
        px = 100 - side * rng.randint(1, 3)
        if what == HIDDEN:
            rows.append(Row(at, HIDDEN, side, px, rng.randint(1, 4)))
            continue
        if what == ADD or not alive:
            row = Row(at, ADD, side, px, rng.randint(1, 6), order_id)
            alive[order_id] = row
            rows.append(row)
            continue
        old = alive.pop(rng.choice(list(alive)[:4]))
        lots = old.lots if what == DELETE else rng.randint(1, old.lots)
        if lots < old.lots:
            alive[old.order_id] = old._replace(lots=old.lots - lots)
        rows.append(old._replace(at=at, kind=what, lots=lots))
    asks = []
    for tick in range(TICK_NS, at, TICK_NS):
        if rng.random() < 0.5:
            side = rng.choice([1, -1])
            asks.append(Ask(tick, side, 100 - side * rng.randint(1, 3), rng.randint(1, 5)))
    return rows, asks


def twin_fills(rows: list[Row], asks: list[Ask]) -> list[tuple[int, int, int, int, float]]:
    lists = Lists()
    waiting = list(enumerate(asks, start=1))
    for row in rows:
        while waiting and waiting[0][1].at < row.at:
            lists.rest(*waiting.pop(0))
        if row.kind == ADD:
            lists.add(row)
        elif row.kind in (REDUCE, DELETE):
            lists.shrink(row)
        elif row.kind in (EXECUTE, HIDDEN):
            lists.execute(row)
    return lists.fills


@settings(max_examples=80)
@given(st.integers(0, 2**32))
def test_fills_equal_those_of_orders_kept_in_the_lists(seed: int) -> None:
    rng = random.Random(seed)
    rows, asks = random_day(rng, 150)
    found = run(rows, *asks, chunk_rows=rng.choice([5, 64, 1 << 18]))
    expected = twin_fills(rows, asks)
    assert [(*f[:1], *f[2:]) for f in found] == [(*f[:1], *f[2:]) for f in expected]


QUEUE = [
    *opening({99: 10}, {101: 10}),
    Row(1, ADD, 1, 99, 20, 1),
    Row(2, ADD, 1, 99, 30, 2),
    # At 10 ours joins behind 10 anonymous, 20 and 30.
    Row(11, ADD, 1, 99, 40, 3),
]


def test_only_what_stands_ahead_moves_us() -> None:
    rows = [
        *QUEUE,
        Row(12, REDUCE, 1, 99, 5, 2),  # ahead: 55
        Row(13, DELETE, 1, 99, 40, 3),  # behind: nothing
        Row(14, EXECUTE, 1, 99, 10, 777),  # an unknown id takes the anonymous: 45
        Row(15, EXECUTE, 1, 99, 20, 1),  # 25
        Row(16, ADD, 1, 99, 7, 4),
        Row(17, DELETE, 1, 99, 25, 2),  # 0
        Row(18, EXECUTE, 1, 99, 3, 4),  # behind us, so ours first
        Row(19, EXECUTE, 1, 99, 4, 4),
    ]
    assert run(rows, Ask(10, 1, 99, 5)) == [(18, 1, 99, 3, 0.0), (19, 1, 99, 2, 0.0)]


def test_an_execution_behind_us_fills_us_whoever_is_thought_ahead() -> None:
    rows = [*QUEUE, Row(12, EXECUTE, 1, 99, 4, 3)]
    assert run(rows, Ask(10, 1, 99, 5)) == [(12, 1, 99, 4, 60.0)]


def test_a_hidden_trade_fills_us_only_where_nobody_displayed_is_ahead() -> None:
    hidden = Row(12, HIDDEN, 1, 99, 4)
    assert run([*QUEUE, hidden], Ask(10, 1, 99, 5)) == []
    alone = [*opening({98: 1}, {101: 1}), Row(11, ADD, 1, 99, 9, 1), hidden]
    assert run(alone, Ask(10, 1, 99, 5)) == [(12, 1, 99, 4, 0.0)]


def test_a_hidden_order_waits_for_all_that_is_displayed() -> None:
    rows = [
        *opening({98: 1}, {101: 1}),
        Row(1, ADD, 1, 99, 5, 1),
        Row(12, ADD, 1, 99, 9, 2),
        Row(13, EXECUTE, 1, 99, 5, 1),
        Row(14, EXECUTE, 1, 99, 4, 2),  # joined after ours, and stands before it
        Row(15, EXECUTE, 1, 99, 5, 2),
    ]
    assert run(rows, Ask(10, 1, 99, 5)) == [(14, 1, 99, 4, 0.0), (15, 1, 99, 1, 0.0)]
    assert run(rows, Ask(10, 1, 99, 5, hidden=True)) == []
    through = [*rows, Row(16, EXECUTE, 1, 98, 1, 77)]
    assert run(through, Ask(10, 1, 99, 5, hidden=True)) == [(16, 1, 99, 1, 0.0)]


def test_an_iceberg_goes_to_the_end_with_every_peak() -> None:
    rows = [
        *opening({98: 1}, {101: 1}),
        Row(11, ADD, 1, 99, 9, 1),
        Row(12, EXECUTE, 1, 99, 4, 1),  # two of ours are shown; then we stand behind order 1
        Row(13, ADD, 1, 99, 6, 2),
        Row(14, EXECUTE, 1, 99, 5, 1),
        Row(15, EXECUTE, 1, 99, 6, 2),
    ]
    assert run(rows, Ask(10, 1, 99, 5, peak_lots=2)) == [(12, 1, 99, 2, 0.0), (15, 1, 99, 2, 0.0)]


def test_a_snapshot_leaves_us_behind_as_much_as_before_in_whole_orders() -> None:
    again = [
        Row(12, EventKind.CLEAR, 0, 0, 0, flags=SNAPSHOT),
        Row(12, ADD, -1, 101, 10, 9, SNAPSHOT),
        Row(12, ADD, 1, 99, 50, 5, SNAPSHOT),
        Row(12, ADD, 1, 99, 30, 6, SNAPSHOT),
        Row(12, ADD, 1, 99, 20, 7, SNAPSHOT | LAST),
        Row(13, EXECUTE, 1, 99, 50, 5),
        Row(14, EXECUTE, 1, 99, 29, 6),
        Row(15, DELETE, 1, 99, 1, 6),
        Row(16, EXECUTE, 1, 99, 2, 7),
    ]
    # 60 were ahead: after the snapshot these are the whole of 5 and 6.
    assert run([*QUEUE, *again], Ask(10, 1, 99, 5)) == [(16, 1, 99, 2, 0.0)]


def test_the_exact_queue_is_the_default_where_orders_are_named(tmp_path: Path) -> None:
    rows = [*QUEUE, Row(12, EXECUTE, 1, 99, 4, 3)]
    named = orders_stream(tmp_path / "named", rows)
    depth = orders_stream(tmp_path / "depth", opening({99: 10}, {101: 10}))
    assert named.names_orders()
    assert not depth.names_orders()
    strategy = resting(Ask(10, 1, 99, 5))
    hashes = {
        model: run_backtest(strategy, [named], BacktestConfig(queue_model=model)).journal_hash
        for model in ("auto", "l3_exact", "risk_averse")
    }
    assert hashes["auto"] == hashes["l3_exact"] != hashes["risk_averse"]
    run_backtest(strategy, [depth])
    with pytest.raises(SpecError, match="needs order-by-order data"):
        run_backtest(strategy, [depth], BacktestConfig(queue_model="l3_exact"))


def test_trials_do_not_see_each_other(tmp_path: Path) -> None:
    rows, asks = random_day(random.Random(4), 400)
    stream = orders_stream(tmp_path, rows)
    strategies = [resting(*asks[k::3]) for k in range(3)]
    together = [result.journal_hash for result in run_trials(strategies, [stream])]
    assert together == [run_backtest(one, [stream]).journal_hash for one in strategies]
    assert len(set(together)) == 3
