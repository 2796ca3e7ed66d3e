"""One order's life: its queue over time, what filled it, and what is said of unknown orders."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.core.clock import NS_PER_MS
from framework.core.errors import CrossbookError
from framework.engine import Result, run_backtest, run_trials
from framework.replay import GoldStream
from framework.strategy import Context, OnTimer, Strategy
from framework.synthetic import write_demo_market
from strategies.midpoint_quoting import MidpointQuoting
from tests.support.small_market import LINEAR, gold_stream, level, trade


class _Join(Strategy):
    """Buy 5 lots at 1000 ticks after 10 ms, and another 5 lots a tick lower."""

    wakes = (OnTimer("10ms"),)

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns == 10 * NS_PER_MS:
            ctx.buy(0, 5, 1000)
            ctx.buy(0, 5, 999)


@pytest.fixture
def stream(tmp_path: Path) -> GoldStream:
    events = [
        level(0, 1, 1000, 50),
        level(0, 1, 999, 70),
        level(0, -1, 1002, 40),
        trade(20, -1, 1000, 30),
        level(21, 1, 1000, 20),
        trade(30, -1, 1000, 22),
        level(31, 1, 1000, 8),
        trade(40, -1, 998, 1),
        level(50, -1, 1000, 9),
        level(60, 1, 999, 60),
    ]
    return gold_stream(tmp_path, events, LINEAR)


def test_the_life_of_an_order_is_its_queue(stream: GoldStream) -> None:
    result = run_backtest(_Join(), [stream])
    life = result.explain(1)
    told = [
        (ts_ns // NS_PER_MS, what, quantity, queue and round(queue * 100))
        for ts_ns, what, quantity, queue in life.select(
            "ts_ns", "what", "quantity", "queue_ahead"
        ).iter_rows()
    ]
    assert told == [
        (10, "we: submitted", 0.05, None),
        (10, "venue: accepted", 0.05, None),
        (10, "joined the queue", 0.05, 50),
        (10, "heard: accepted", None, None),
        (20, "a trade met it", 0.3, 20),
        (21, "its level changed", 0.2, 20),
        (30, "a trade met it", 0.22, 0),
        (30, "venue: filled as maker", 0.02, 20),
        (30, "heard: filled", 0.02, None),
        (31, "its level changed", 0.08, 0),
        (40, "a trade met it", 0.01, 0),
        (40, "venue: filled as maker", 0.01, 0),
        (40, "heard: filled", 0.01, None),
        (50, "the other side came to its price", 0.09, 0),
        (50, "venue: filled as maker", 0.02, 0),
        (50, "heard: filled", 0.02, None),
    ]
    assert life["price"][0] == 100.0
    assert life.filter(life["ts_ns"] == 40 * NS_PER_MS)["price"].to_list() == [99.8, 100.0, 100.0]


def test_tracing_does_not_move_the_hash(stream: GoldStream) -> None:
    strategies = [MidpointQuoting(), _Join()]
    result = run_trials(strategies, [stream])[1]
    assert result.trace is not None
    assert result.trace.num_rows == 0
    assert result.again is not None
    traced = result.again(2)
    assert traced.journal_hash == result.journal_hash
    assert traced.journal.equals(result.journal)
    assert traced.trace is not None
    assert set(traced.trace["order_id"].to_pylist()) == {2}


def test_an_unknown_order_names_its_neighbours(stream: GoldStream) -> None:
    result = run_backtest(_Join(), [stream])
    with pytest.raises(CrossbookError, match="17 is none of its 2") as caught:
        result.explain(17)
    assert caught.value.remedy == "the nearest ids are 1, 2"


def test_a_stored_result_says_that_it_cannot_be_run_again(stream: GoldStream) -> None:
    stored = pickle.loads(pickle.dumps(run_backtest(_Join(), [stream])))
    assert isinstance(stored, Result)
    assert stored.fills.height == 3
    with pytest.raises(CrossbookError, match="stored without its strategy"):
        stored.explain(1)


def test_the_command_prints_a_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_demo_market(tmp_path / "lake", rows=8_000, seed=5)
    Path("spec.yaml").write_text(
        "name: s\nstrategy: strategies.midpoint_quoting:MidpointQuoting\ndata: [{table: demo}]\n"
    )
    arguments = ["run", "spec.yaml", "--lake", "lake", "--json", "--explain"]
    done = CliRunner().invoke(main, [*arguments, "1"])
    assert done.exit_code == 0, done.output
    life = json.loads(done.stdout)["life"]
    assert life[0]["what"] == "we: submitted"
    assert not Path("out").exists()
    refused = CliRunner().invoke(main, [*arguments, "123456"])
    assert refused.exit_code == 2
    assert "nearest ids are" in json.loads(refused.stdout)["remedy"]
