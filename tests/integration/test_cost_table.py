"""The table of costs: merged once and for all, whatever is repeated or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from framework.core.clock import NS_PER_S
from framework.core.costs import ImpactKind
from framework.core.errors import DataError
from framework.lake.desk import COST_SCHEMA
from framework.lake.store import Lake
from research.tca import (
    CostAnalysis,
    analyse,
    cost_rows,
    estimate_cost,
    frame_market,
    from_desk,
    learn_impact,
    merge_costs,
    read_costs,
)
from tests.support.desk import STOCK, execution, executions, order, orders, quotes

_ORDERS = 60


def desk_costs(seed: int, coefficient_ticks: float = 4.0) -> CostAnalysis:
    """Cost buys of 1 to 60 shares, each paying the touch and its square root on top."""
    made, done = [], []
    for number in range(_ORDERS):
        at, quantity = (number + seed) * NS_PER_S, number + 1
        ticks = round(coefficient_ticks * quantity**0.5)
        made.append(order(f"{seed}-{number}", 1, quantity, at, at, at + 5))
        done.append(
            execution(f"{seed}-{number}", 1, at + 5, 100.01 + ticks / 100, quantity, fee=0.01)
        )
    tape = quotes(*((at * NS_PER_S, 99.99, 100.01) for at in range(_ORDERS + seed + 3)))
    return analyse(from_desk(executions(done), orders(made), [STOCK]), frame_market([tape]))


def _sorted(lake: Lake) -> pl.DataFrame:
    rows, _ = read_costs(lake)
    return rows.collect().sort("run_key", "order_id")


def test_merging_again_changes_nothing(tmp_path: Path) -> None:
    lake, one, two = Lake(tmp_path), desk_costs(0), desk_costs(1)
    assert merge_costs(lake, one) == 0
    before = _sorted(lake)
    assert before.schema == COST_SCHEMA
    assert before.height == _ORDERS
    assert merge_costs(lake, one) is None
    assert merge_costs(lake, two) == 1
    assert merge_costs(lake, one) is None
    after = _sorted(lake)
    assert after.height == 2 * _ORDERS
    assert after.filter(pl.col("run_key") == one.trading.key).equals(before)


def test_another_analysis_of_the_same_trading_takes_its_place(tmp_path: Path) -> None:
    lake, found = Lake(tmp_path), desk_costs(0)
    merge_costs(lake, found)
    other = replace(found, orders=found.orders.with_columns(regime=pl.lit("storm")))
    assert merge_costs(lake, other) == 1
    assert set(_sorted(lake)["regime"]) == {"storm"}
    assert _sorted(lake).height == _ORDERS
    assert merge_costs(lake, found) == 2
    assert _sorted(lake).equals(cost_rows(found).sort("run_key", "order_id"))


_KILLED = """\
import os, signal, sys
from pathlib import Path
import framework.lake.store as store
from framework.lake.store import Lake
from research.tca import merge_costs
from tests.integration.test_cost_table import desk_costs

plain = store.write_deltalake
def killed(*given, **named):
    if sys.argv[2] == "after":
        plain(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
store.write_deltalake = killed
merge_costs(Lake(Path(sys.argv[1])), desk_costs(1))
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_leaves_every_order_once(tmp_path: Path, moment: str) -> None:
    lake = Lake(tmp_path)
    merge_costs(lake, desk_costs(0))
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), moment],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert _sorted(lake).height == (_ORDERS if moment == "before" else 2 * _ORDERS)
    again = merge_costs(lake, desk_costs(1))
    assert (again is None) == (moment == "after")
    assert _sorted(lake).height == 2 * _ORDERS
    assert _sorted(lake).select("run_key", "order_id").is_unique().all()


def test_impact_is_learned_back(tmp_path: Path) -> None:
    rows = cost_rows(desk_costs(0, coefficient_ticks=50.0))
    found = learn_impact(rows, STOCK, 5 * NS_PER_S)
    # 50 ticks of a cent at 100 USD are 50 bp for one share.
    assert found.impact.kind is ImpactKind.SQUARE_ROOT
    reference = float(found.impact.reference_quantity)
    assert float(found.impact.coefficient_bps) == pytest.approx(50 * reference**0.5, rel=2e-3)
    assert (found.orders, found.scope) == (_ORDERS, "v:S")


def test_a_touch_too_small_teaches_nothing() -> None:
    rows = cost_rows(desk_costs(0)).with_columns(is_within_touch=pl.lit(False))
    with pytest.raises(DataError, match=r"at least 20 orders .* the table has 0"):
        learn_impact(rows, STOCK, NS_PER_S)


def test_an_estimate_rests_on_orders_alike() -> None:
    rows = cost_rows(desk_costs(0))
    found = estimate_cost(rows, symbol="S", side=1, quantity=30)
    alike = rows.filter(pl.col("quantity").is_between(7.5, 120))
    cost = (alike["arrival_bps"] + alike["fees_bps"]).to_numpy()
    weight = alike["notional"].to_numpy()
    assert found.expected_bps == pytest.approx(float((cost * weight).sum() / weight.sum()))
    assert found.error_bps[0] < found.expected_bps < found.error_bps[1]
    assert found.range_bps[0] <= cost.min() + 5
    assert found.conditions == ("symbol=S", "side=+1", "quantity=7.5..120")
    # Nobody sold: the side is dropped.
    sold = estimate_cost(rows, symbol="S", side=-1, quantity=30)
    assert sold.conditions == ("symbol=S", "quantity=7.5..120")
    assert sold.expected_bps == found.expected_bps
    with pytest.raises(DataError, match=r"no order .* symbol=T") as caught:
        estimate_cost(rows, symbol="T", side=1, quantity=1)
    assert "symbol: S" in caught.value.remedy


def test_without_a_table_the_error_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="silver/execution_costs must exist") as caught:
        read_costs(Lake(tmp_path))
    assert "crossbook tca" in caught.value.remedy
