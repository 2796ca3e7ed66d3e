"""The parts of a profit: by hand, and adding up on every kind of run."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from framework.core.clock import NS_PER_S
from framework.core.errors import EngineError
from framework.engine import BacktestConfig, Result, run_backtest
from framework.replay import GoldStream, open_streams
from framework.strategy import Strategy
from framework.synthetic import write_demo_market
from research.attribution import PARTS, Attribution, attribute
from research.tca import CostAnalysis, analyse, frame_market, from_journal, gold_market
from research.tca.market import TICK_QUOTES, Market
from strategies.midpoint_quoting import MidpointQuoting
from tests.golden.every_order import EveryOrder
from tests.unit.made_result import START_NS, make_inverse_result, make_result


def _costs(result: Result, market: Market) -> CostAnalysis:
    trading = from_journal(result.journal, result.instruments, journal_hash="made", strategy="made")
    return analyse(trading, market)


def _quotes(*rows: tuple[int, int, int]) -> pl.DataFrame:
    told = [(START_NS + at, bid, 5, ask, 5) for at, bid, ask in rows]
    return pl.DataFrame(told, schema=TICK_QUOTES, orient="row")


def test_parts_by_hand() -> None:
    result = make_result()  # 3 bought at 101 with 99/101, 2 sold at 103 with 101/103
    market = frame_market(
        [
            _quotes((0, 99, 101), (NS_PER_S // 2, 101, 103), (2 * NS_PER_S, 104, 106)),
            _quotes((0, 101, 103), (NS_PER_S, 102, 104), (3 * NS_PER_S, 101, 103)),
        ]
    )
    found = attribute(result, _costs(result, market))
    halves = found.whole.select("spread", "adverse", "inventory", "gross")
    # Taking 3 at a tick over the mid costs 3 ticks; the mid gains 2, then 3 more to 105.
    assert halves.row(0) == (-6, 12, 18, 24)
    # Selling 2 a tick above the mid earns 2; the mid rises by 1, then comes back.
    assert halves.row(1) == (4, -4, 4, 4)
    assert found.money["net"].sum() == pytest.approx(float(str(result.summary()["pnl"])))
    assert found.money.select(PARTS).sum_horizontal().to_list() == pytest.approx(
        found.money["net"].to_list()
    )


def test_an_inverse_contract_is_split_in_coins() -> None:
    result = make_inverse_result()  # 5 bought at 50,000 half a tick above mid, marked at 62,500
    later = (NS_PER_S // 2, 549_999, 550_001), (2 * NS_PER_S, 624_999, 625_001)
    market = frame_market([_quotes((0, 499_999, 500_000), *later)])
    found = attribute(result, _costs(result, market))
    row = found.money.row(0, named=True)
    assert row["net"] == pytest.approx(float(str(result.summary()["pnl"])), abs=1e-9)
    assert row["adverse"] == pytest.approx(500 / 49_999.95 - 500 / 55_000, rel=1e-6)
    assert row["spread"] < 0 < row["inventory"]


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    root = tmp_path_factory.mktemp("lake")
    write_demo_market(root, rows=20_000, seed=3)
    return open_streams(root, "demo")


@pytest.mark.parametrize("strategy", [EveryOrder(), MidpointQuoting(size=3, half_spread_ticks=0.5)])
def test_the_parts_of_a_run_add_up_to_the_last_tick(
    strategy: Strategy, streams: list[GoldStream]
) -> None:
    result = run_backtest(strategy, streams, BacktestConfig(queue_model="power"))
    found = attribute(result, _costs(result, gold_market(streams, result.instruments)))
    assert _sums(found) == found.whole["gross"].to_list()
    assert sum(map(abs, found.whole["adverse"].to_list())) > 0
    assert found.money["net"].sum() == pytest.approx(float(str(result.summary()["pnl"])))


def test_a_journal_of_another_account_is_refused(streams: list[GoldStream]) -> None:
    market = gold_market(streams, make_result().instruments)
    one = run_backtest(EveryOrder(), streams)
    other = run_backtest(EveryOrder(size=2), streams)
    with pytest.raises(EngineError, match=r"alpha:XYZ: .* must be"):
        attribute(one, _costs(other, market))
    wrong = one.samples.with_columns(pl.col("fee_micro") + 1)
    with pytest.raises(EngineError, match="fees must be"):
        attribute(replace(one, samples=wrong), _costs(one, market))


def _sums(found: Attribution) -> list[int]:
    return (
        found.whole.select(pl.sum_horizontal("spread", "adverse", "inventory"))
        .to_series()
        .to_list()
    )
