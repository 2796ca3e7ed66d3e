"""A market held in memory: the same run, without reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.core.errors import SpecError
from framework.engine.backtest import run_backtest, run_trials
from framework.engine.config import BacktestConfig
from framework.replay import GoldStream, hold_market, open_streams
from framework.strategy import Context, OnTimer, Strategy
from framework.synthetic import demo_instruments, write_demo_market

ROWS = 20_000


class Joins(Strategy):
    """Joins the first book's bid at every timer."""

    wakes = (OnTimer("50ms"),)

    def on_timer(self, ctx: Context) -> None:
        if ctx.bid_ticks(0) < ctx.ask_ticks(0):
            ctx.cancel_all(0)
            ctx.buy(0, 1, ctx.bid_ticks(0))


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    lake = tmp_path_factory.mktemp("lake")
    write_demo_market(lake, ROWS)
    catalog = Path(__file__).resolve().parents[2] / "data_catalog.yaml"
    return open_streams(lake, "demo", catalog=catalog)


def test_a_held_market_gives_the_same_journal_again_and_again(streams: list[GoldStream]) -> None:
    read = run_backtest(Joins(), streams)
    market = hold_market(streams[::-1], chunk_rows=1_000)
    assert len(market.held) > 10
    for _ in range(2):
        held = run_trials([Joins(), Joins()], market, BacktestConfig())
        assert [one.journal_hash for one in held] == [read.journal_hash] * 2
    assert read.counters["fills"] > 0


def test_a_held_market_knows_its_streams_by_name(streams: list[GoldStream]) -> None:
    market = hold_market(streams[::-1])
    assert [s.instrument.name for s in market.streams] == [i.name for i in demo_instruments()]
    with pytest.raises(SpecError, match="given twice"):
        hold_market([*streams, streams[0]])


def test_an_order_can_be_explained_on_a_held_market(streams: list[GoldStream]) -> None:
    result = run_backtest(Joins(), hold_market(streams))
    order = result.journal["order_id"][0].as_py()
    assert result.explain(order).equals(run_backtest(Joins(), streams).explain(order))
