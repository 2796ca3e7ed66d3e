"""A trial that ends early leaves what it did, and the others as they are."""

from __future__ import annotations

import random

import pytest

from framework.core.errors import SpecError
from framework.engine import BacktestConfig, Prune, Result, run_backtest, run_trials
from framework.strategy import Context, OnTimer, Strategy, param
from tests.oracle.engine.market import START_NS, ListedStream, random_events, random_instruments


class Quitter(Strategy):
    """Quotes both sides, and gives up at an instant."""

    lots: int = param(1, low=1)
    quit_ns: int = param(0, low=0, doc="0: never")
    wakes = (OnTimer("7ns"),)

    def on_timer(self, ctx: Context) -> None:
        if self.quit_ns and ctx.now_ns >= self.quit_ns:
            ctx.end_trial()
        ctx.cancel_all()
        if ctx.has_quote(0):
            ctx.buy(0, self.lots, ctx.bid_ticks(0))
            ctx.sell(0, self.lots, ctx.ask_ticks(0))


QUIT_NS = START_NS + 200


@pytest.fixture(scope="module")
def streams() -> list[ListedStream]:
    rng = random.Random(5)
    books = random_events(random.Random(8), 2, 2_500)
    return [
        ListedStream(item, tuple(rows))
        for item, rows in zip(random_instruments(rng, 2), books, strict=True)
    ]


def _journal_before(result: Result, ts_ns: int) -> list[dict[str, object]]:
    return [row for row in result.journal.to_pylist() if row["ts_ns"] < ts_ns]


@pytest.mark.parametrize("compiled", [False, True])
def test_a_trial_that_stops_does_nothing_more_and_disturbs_nobody(
    compiled: bool, streams: list[ListedStream]
) -> None:
    config = BacktestConfig(compiled=compiled, threads=3)
    trials = [Quitter(lots=1), Quitter(lots=2, quit_ns=QUIT_NS), Quitter(lots=3)]
    batch = run_trials(trials, streams, config)
    for trial, result in zip(trials, batch, strict=True):
        solo = run_backtest(trial, streams, config)
        assert solo.journal_hash == result.journal_hash
        assert solo.samples.equals(result.samples)
        assert solo.ended_ns == result.ended_ns
    assert batch[0].ended_ns is None
    ended_ns = batch[1].ended_ns
    assert ended_ns is not None
    assert QUIT_NS <= ended_ns < QUIT_NS + 7
    endless = run_backtest(Quitter(lots=2), streams, config)
    assert batch[1].journal.to_pylist() == _journal_before(endless, ended_ns)
    assert batch[1].samples["ts_ns"].max() == ended_ns < endless.samples["ts_ns"].max()


def test_both_modes_stop_alike(streams: list[ListedStream]) -> None:
    trial = Quitter(lots=2, quit_ns=QUIT_NS)
    hashes = {
        run_backtest(trial, streams, BacktestConfig(compiled=mode)).journal_hash
        for mode in (False, True)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("chunk_rows", [11, 1 << 16])
def test_a_pruned_trial_ends_at_the_look(chunk_rows: int, streams: list[ListedStream]) -> None:
    config = BacktestConfig(chunk_rows=chunk_rows)
    looks: list[tuple[int, int]] = []

    def decide(trial: int, so_far: Result) -> bool:
        looks.append((trial, so_far.journal.num_rows))
        return trial == 1 and so_far.journal.num_rows > 400

    trials = [Quitter(lots=1), Quitter(lots=2)]
    batch = run_trials(trials, streams, config, prune=Prune("50ns", decide))
    whole = [run_backtest(trial, streams, config) for trial in trials]
    assert batch[0].journal_hash == whole[0].journal_hash
    ended_ns = batch[1].ended_ns
    assert ended_ns is not None
    assert ended_ns % 50 == 0
    before = [row for row in whole[1].journal.to_pylist() if row["ts_ns"] <= ended_ns]
    assert batch[1].journal.to_pylist() == before
    assert len(before) > 400
    of_the_pruned = [rows for trial, rows in looks if trial == 1]
    assert of_the_pruned[-1] == len(before)
    assert all(rows <= 400 for rows in of_the_pruned[:-1])


def test_an_order_of_a_pruned_trial_can_be_explained(streams: list[ListedStream]) -> None:
    [result] = run_trials([Quitter()], streams, prune=Prune(50, lambda trial, so_far: True))
    assert result.ended_ns is not None
    assert result.explain(1).height > 0


def test_the_time_between_looks_must_be_positive() -> None:
    with pytest.raises(SpecError, match="must be positive"):
        Prune(0, lambda trial, so_far: False)
