"""Fills, equity and summary of a hand-made journal, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from framework.core.events import NO_PRICE
from tests.unit.made_result import ALPHA, BETA, make_inverse_result, make_result


def test_a_taker_fill_costs_its_distance_from_the_arrival_mid() -> None:
    fill = make_result().fills.row(0, named=True)
    # bought 3 lots at 101 ticks of 0.01 while the venue showed 99 / 101
    assert (fill["venue"], fill["side"], fill["liquidity"]) == ("alpha", 1, "taker")
    assert fill["price"] == 1.01
    assert fill["quantity"] == 3.0
    assert fill["arrival_mid"] == 1.0
    assert fill["slippage_bps"] == pytest.approx(100.0)
    assert fill["position"] == 3.0


def test_a_maker_sell_above_the_arrival_mid_gains() -> None:
    fill = make_result().fills.row(1, named=True)
    assert (fill["venue"], fill["side"], fill["liquidity"]) == ("beta", -1, "maker")
    assert fill["price"] == 1.03
    assert fill["slippage_bps"] == pytest.approx(-(1.03 - 1.02) / 1.02 * 10_000)
    assert fill["queue_ahead"] == 7.0
    assert fill["position"] == -2.0


def test_net_is_cash_plus_marked_position_minus_fees() -> None:
    result = make_result()
    last = result.equity.filter(result.equity["venue"] == "alpha").row(-1, named=True)
    # cash −3 × 1.01, three held at mid 1.05; fee 2 basis points of 3.03
    assert last["gross_pnl"] == pytest.approx(3 * (1.05 - 1.01))
    assert last["fees"] == pytest.approx(3.03 * 2e-4)
    assert last["net_pnl"] == pytest.approx(0.12 - 0.000606)


def test_an_empty_side_carries_the_last_known_mid() -> None:
    result = make_result(last_ask_ticks=NO_PRICE)
    last = result.equity.filter(result.equity["venue"] == "alpha").row(-1, named=True)
    assert last["mid"] == 1.0
    assert last["spread"] is None
    assert last["gross_pnl"] == pytest.approx(3 * (1.0 - 1.01))


def test_summary_adds_the_venues_up() -> None:
    result = make_result()
    summary = result.summary()
    assert summary["orders"] == 3
    assert summary["fills"] == 2
    assert summary["rejected"] == 1
    assert summary["fill_ratio"] == pytest.approx(2 / 3)
    assert summary["positions"] == {"alpha": {"XYZ": 3.0}, "beta": {"XYZ": -2.0}}
    assert summary["pnl"] == pytest.approx(
        3 * (1.05 - 1.01) - 3.03 * 2e-4 + 2 * (1.03 - 1.02) + 2.06 * 1e-4
    )
    assert summary["fees"] == pytest.approx(3.03 * 2e-4 - 2.06 * 1e-4)


def test_two_currencies_have_no_common_total() -> None:
    summary = make_result(currencies=("USD", "EUR")).summary()
    assert summary["pnl"] is None
    pnl = summary["pnl_by_currency"]
    assert isinstance(pnl, dict)
    assert set(pnl) == {"USD", "EUR"}


def test_prices_are_rounded_once() -> None:
    assert make_result().fills["price"].to_list() == [ALPHA.price(101), BETA.price(103)]


def test_no_orders_give_an_empty_summary() -> None:
    result = make_result(orders=False)
    assert result.fills.height == 0
    assert result.summary()["fill_ratio"] == 0.0
    assert result.summary()["pnl"] == 0.0


def test_an_inverse_contract_earns_its_base_asset() -> None:
    result = make_inverse_result()
    last = result.equity.row(-1, named=True)
    # long 5 contracts of 100 USD from 50,000 to 62,500: 500 · (1/50,000 − 1/62,500) coins
    assert last["gross_pnl"] == pytest.approx(0.002)
    assert last["fees"] == pytest.approx(500 / 50_000 * 5e-4)
    assert last["net_pnl"] == pytest.approx(0.002 - 5e-6)
    fill = result.fills.row(0, named=True)
    assert fill["fee"] == pytest.approx(5e-6)
    assert (fill["price"], fill["quantity"]) == (50_000.0, 5.0)
