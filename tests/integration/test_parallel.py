"""Jobs in processes of their own: the same bytes, the same errors, as one after the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from framework.core.errors import EngineError, SpecError
from framework.core.events import GOLD_SCHEMA
from framework.engine import StrategyFailedError, run_trials
from framework.engine.config import BacktestConfig
from framework.engine.jobs import Job, by_day, by_symbol, by_trials
from framework.engine.parallel import run_parallel
from framework.engine.result import Result
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream
from framework.strategy import Context, OnTimer, Strategy, param
from framework.synthetic import demo_instruments, generate

CHECKOUT = Path(__file__).resolve().parents[2]
DAY_NS = 86_400 * 10**9
ROWS = 6_000


class Joins(Strategy):
    """Joins the first book's bid at every timer; fails on demand."""

    wakes = (OnTimer("7s"),)
    lots: int = param(1)
    fails_after: int = param(0)
    count = 0

    def on_timer(self, ctx: Context) -> None:
        self.count += 1
        if self.fails_after and self.count > self.fails_after:
            raise ZeroDivisionError("asked for")
        if ctx.has_quote(0):
            ctx.cancel_all(0)
            ctx.buy(0, self.lots, ctx.bid_ticks(0))


class Holds(Joins):
    """Cannot be sent elsewhere."""

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("not to be pickled")


class Vanishes(Joins):
    """Takes its process along."""

    def on_timer(self, ctx: Context) -> None:
        import os

        os._exit(3)


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    """Two venues of one symbol and one venue of another, on a Friday and the Monday after."""
    lake, name = Lake(tmp_path_factory.mktemp("lake")), TableName("gold", "days")
    alpha, beta = demo_instruments()
    items = (alpha, beta, replace(alpha, symbol="ZZZ"))
    market = generate(ROWS, seed=5)
    parts = []
    for item in items:
        table = market[beta.name if item is beta else alpha.name]
        friday = table["ts_exch_ns"][0].as_py()
        for day in (0, 3 * DAY_NS):
            moved = {
                column: pc.add(table[column], day + 4 * DAY_NS - friday % (7 * DAY_NS))
                for column in ("ts_exch_ns", "ts_recv_ns", "seq")
            }
            named = {
                "venue": pa.repeat(item.venue, table.num_rows),
                "symbol": pa.repeat(item.symbol, table.num_rows),
            }
            whole = {column: table[column] for column in table.column_names} | named | moved
            parts.append(pa.table(whole).select(GOLD_SCHEMA.names).cast(GOLD_SCHEMA))
    rows = pa.concat_tables(parts)
    lake.append(name, rows, transaction="all", partition_by=("venue", "symbol"))
    return [
        GoldStream(location=lake.uri(name), table="days", version=0, instrument=item)
        for item in items
    ]


def _hashes(answer: Sequence[Sequence[Result]]) -> list[list[str]]:
    return [[result.journal_hash for result in results] for results in answer]


def test_processes_give_the_bytes_of_running_in_turn(streams: list[GoldStream]) -> None:
    pair = [stream for stream in streams if stream.instrument.symbol == "XYZ"]
    trials = [Joins(lots=lots) for lots in (1, 2, 3)]
    jobs = [
        *by_day(trials[:1], streams),
        *by_symbol(trials[1:], streams),
        *by_trials(trials, pair, BacktestConfig(compiled=False, seed=3), groups=2),
    ]
    assert [len(job.strategies) for job in jobs] == [1, 1, 2, 2, 2, 1]
    told: list[tuple[int, int]] = []
    found = run_parallel(jobs, workers=2, progress=lambda *done: told.append(done))
    expected = [run_trials(job.strategies, job.streams, job.config) for job in jobs]
    assert _hashes(found) == _hashes(expected) == _hashes(run_parallel(jobs, workers=1))
    assert told == [(n, 6) for n in range(1, 7)]
    for results, others in zip(found, expected, strict=True):
        for one, other in zip(results, others, strict=True):
            assert one.journal.equals(other.journal)
            assert one.samples.equals(other.samples)
            assert one.parameters == other.parameters
            assert one.counters["orders"] > 0
    order = found[0][0].journal["order_id"][0].as_py()
    assert found[0][0].explain(order).equals(expected[0][0].explain(order))
    # What the groups give, end to end, is what one run of all gives.
    whole = run_trials(trials, pair, BacktestConfig(seed=3))
    assert [one for group in _hashes(found[4:]) for one in group] == _hashes([whole])[0]


def test_days_without_events_are_left_out(streams: list[GoldStream]) -> None:
    jobs = by_day([Joins()], streams)
    starts = [{stream.start_ns for stream in job.streams} for job in jobs]
    first = starts[0].pop()
    assert starts == [set(), {first + 3 * DAY_NS}]
    assert first % DAY_NS == 0
    halved = [replace(stream, end_ns=first + DAY_NS) for stream in streams]
    assert [job.streams[0].end_ns for job in by_day([Joins()], halved)] == [first + DAY_NS]


def test_the_first_failing_job_is_told_as_if_it_had_run_here(streams: list[GoldStream]) -> None:
    late, soon = Joins(fails_after=200), Joins(fails_after=1)
    jobs = [Job(strategies=[one], streams=streams) for one in (Joins(), late, soon)]
    with pytest.raises(StrategyFailedError, match=r"Joins.on_timer\(\) raised at .*asked for") as e:
        run_parallel(jobs, workers=2)
    with pytest.raises(StrategyFailedError) as here:
        run_trials([late], streams)
    assert (e.value.message, e.value.remedy) == (here.value.message, here.value.remedy)
    assert e.value.result.journal_hash == here.value.result.journal_hash
    assert "ZeroDivisionError: asked for" in e.value.__notes__[0]


def test_what_cannot_be_sent_and_who_does_not_answer(streams: list[GoldStream]) -> None:
    with pytest.raises(SpecError, match="Holds cannot be: not to be pickled"):
        run_parallel([Job(strategies=[Holds()], streams=streams)] * 2, workers=2)
    with pytest.raises(SpecError, match="one worker or more"):
        run_parallel([], workers=0)
    with pytest.raises(SpecError, match="one group or more"):
        by_trials([Joins()], streams, groups=0)
    with pytest.raises(EngineError, match="ended before it did") as caught:
        run_parallel([Job(strategies=[Vanishes()], streams=streams)] * 2, workers=2)
    assert "__main__" in caught.value.remedy


_CELL = """
LOTS = 2
class Typed(Strategy):
    wakes = (OnTimer("7s"),)
    def on_timer(self, ctx):
        if ctx.has_quote(0):
            ctx.cancel_all(0)
            ctx.buy(0, LOTS, ctx.bid_ticks(0))
"""
_NOTEBOOK = """
import linecache, pickle, sys
from framework.engine.config import BacktestConfig
from framework.engine.jobs import by_trials
from framework.engine.parallel import run_parallel
from framework.engine.backtest import run_trials
from framework.strategy import OnTimer, Strategy
cell = {cell!r}
# As a notebook does: the cell's source is known to linecache, and there is no file.
linecache.cache["<cell 1>"] = (len(cell), None, cell.splitlines(True), "<cell 1>")
exec(compile(cell, "<cell 1>", "exec"))
streams = pickle.loads({streams!r})
for compiled in (False, True):
    config = BacktestConfig(compiled=compiled)
    jobs = by_trials([Typed(), Typed()], streams, config, groups=2)
    found = [result for group in run_parallel(jobs, workers=2) for result in group]
    serial = run_trials([Typed(), Typed()], streams, config)
    assert [r.journal_hash for r in found] == [r.journal_hash for r in serial]
    print(found[0].counters["orders"], found[0].journal_hash)
"""


def test_a_class_typed_in_a_notebook_runs_in_processes(streams: list[GoldStream]) -> None:
    import pickle

    text = _NOTEBOOK.format(cell=_CELL, streams=pickle.dumps(streams))
    told = subprocess.run(
        [sys.executable, "-c", text], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    interpreted, compiled = told.stdout.splitlines()
    assert interpreted == compiled
    assert int(interpreted.split()[0]) > 0
