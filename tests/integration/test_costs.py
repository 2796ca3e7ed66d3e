"""Fees, funding, financing and impact of whole runs, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from framework.core.clock import NS_PER_S
from framework.core.costs import (
    DAY_NS,
    Costs,
    FeeTier,
    Financing,
    FundingRate,
    Impact,
    ImpactKind,
)
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, Result, run_backtest, run_trials
from framework.strategy import Context, OnTimer, Strategy, param
from framework.venue.costs import carry_micro
from tests.support.small_market import INVERSE, LINEAR, gold_stream, level

_DAY_MS = 86_400_000
Run = Callable[..., Result]


class EverySecond(Strategy):
    """Take `lots` of a side at each of the first `times` seconds; a limit where one is given."""

    side: int = param(1, low=-1, high=1)
    lots: int = param(10, low=1, high=1_000)
    times: int = param(1, low=1, high=100)
    back: int = param(0, low=0, high=100)
    limit: int = param(0, low=0, high=10**9)
    wakes = (OnTimer("1s"),)
    woken = 0

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns == 0:
            return  # the quote has not reached us yet
        self.woken += 1
        side = self.side if self.woken <= self.times else -self.side
        if self.woken > self.times + self.back:
            return
        if self.limit:
            ctx.take(0, side, self.lots, self.limit)
        else:
            ctx.market(0, side, self.lots)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(
        costs: Costs,
        *,
        instrument: Instrument = LINEAR,
        strategy: Strategy | None = None,
        bid: int = 1000,
        ask: int = 1002,
        later: tuple[int, int] = (1000, 1002),
    ) -> Result:
        """Show one quote for ten seconds, another one for ten more."""
        events = [level(0, 1, bid, 10_000), level(0, -1, ask, 10_000)]
        if later != (bid, ask):
            events += [level(10_000, 1, bid, 0), level(10_000, -1, ask, 0)]
        events += [level(10_000, 1, later[0], 9_999), level(10_000, -1, later[1], 9_999)]
        events.append(level(20_000, 1, later[0], 9_998))
        stream = gold_stream(tmp_path, events, replace(instrument, costs=costs))
        return run_backtest(strategy or EverySecond(), [stream])

    return run


def _fees(result: Result) -> list[int]:
    journal = pl.DataFrame(pl.from_arrow(result.journal))
    return journal.filter(pl.col("event") == JournalEvent.FILLED)["fee_micro"].to_list()


def _prices(result: Result) -> list[int]:
    journal = pl.DataFrame(pl.from_arrow(result.journal))
    return journal.filter(pl.col("event") == JournalEvent.FILLED)["px_ticks"].to_list()


@pytest.mark.parametrize(("side", "sign"), [(1, 1), (-1, -1)])
def test_longs_pay_funding_to_shorts(run: Run, side: int, sign: int) -> None:
    funding = (FundingRate(ts_ns=5 * NS_PER_S, rate_bps=Decimal(1)),)
    result = run(Costs(funding=funding), strategy=EverySecond(side=side))
    journal = pl.DataFrame(pl.from_arrow(result.journal))
    (row,) = journal.filter(pl.col("event") == JournalEvent.FUNDING).to_dicts()
    # 10 lots at a mark of 1001 ticks: 10,010 cash units, of which one part in ten thousand
    assert row["fee_micro"] == sign * 1_001_000
    assert (row["ts_ns"], row["side"], row["qty_lots"]) == (5 * NS_PER_S, side, 10)
    last = result.equity.row(-1, named=True)
    assert last["carry"] == pytest.approx(sign * 0.001001)  # a cash unit is 0.001 USD
    assert last["net_pnl"] == pytest.approx(last["gross_pnl"] - last["fees"] - last["carry"])
    assert result.summary()["carry"] == pytest.approx(sign * 0.001001)
    before = result.samples.filter(pl.col("ts_ns") < 5 * NS_PER_S)
    assert before["carry_micro"].to_list() == [0] * before.height


def test_no_position_no_funding(run: Run) -> None:
    funding = (FundingRate(ts_ns=NS_PER_S // 2, rate_bps=Decimal(1)),)
    result = run(Costs(funding=funding))
    assert JournalEvent.FUNDING not in result.journal["event"].to_pylist()


def test_funding_of_an_inverse_contract_is_paid_in_coin(run: Run) -> None:
    funding = (FundingRate(ts_ns=5 * NS_PER_S, rate_bps=Decimal("-2.5")),)
    result = run(
        Costs(funding=funding),
        instrument=INVERSE,
        bid=500_000,
        ask=500_010,
        later=(624_999, 625_001),
    )
    # 10 contracts of 100 USD at a mark of 50,000.5: a long receives 2.5 basis points of it
    carry = result.equity["carry"][-1]
    assert carry == pytest.approx(-1000 / 50_000.5 * 2.5e-4, rel=1e-9)


def test_an_inverse_contract_earns_coin_to_the_integer(run: Run) -> None:
    result = run(Costs(), instrument=INVERSE, bid=500_000, ask=500_010, later=(624_999, 625_001))
    last = result.equity.row(-1, named=True)
    # long 10 contracts of 100 USD from 50,001 to 62,500
    assert last["gross_pnl"] == pytest.approx(1000 * (1 / 50_001 - 1 / 62_500), abs=1e-9)
    # bought for 10 · 100 USD / 50,001 coins, counted in parts of 1e-10, rounded half up
    assert result.samples["cash_units"][-1] == (2 * 10 * 1000 * 10**10 + 500_010) // (2 * 500_010)
    back = run(
        Costs(),
        instrument=INVERSE,
        strategy=EverySecond(times=2, back=2),
        bid=500_000,
        ask=500_010,
        later=(500_000, 500_010),
    )
    journal = pl.DataFrame(pl.from_arrow(back.journal))
    fills = journal.filter(pl.col("event") == JournalEvent.FILLED)
    values = [
        side * ((2 * lots * 1000 * 10**10 + px) // (2 * px))
        for side, lots, px in fills.select("side", "qty_lots", "px_ticks").iter_rows()
    ]
    assert back.samples["position_lots"][-1] == 0
    assert back.samples["cash_units"][-1] == sum(values) < 0
    assert back.equity["gross_pnl"][-1] == pytest.approx(sum(values) / 1e10, abs=1e-15)


def test_financing_is_a_years_rate_over_the_span(run: Run) -> None:
    terms = Financing(long_bps=Decimal(3650), short_bps=Decimal(-365), every_ns=4 * NS_PER_S)
    result = run(Costs(financing=terms))
    journal = pl.DataFrame(pl.from_arrow(result.journal))
    rows = journal.filter(pl.col("event") == JournalEvent.FINANCING)
    assert rows["ts_ns"].to_list() == [n * NS_PER_S for n in (4, 8, 12, 16, 20)]
    # 36.5 % a year is 0.1 % a day; 4 of a day's 86,400 seconds on 10,010 cash units
    each = 10_010 * 1e-3 * 4 / 86_400 * 1e6
    assert rows["fee_micro"].to_list() == [round(each)] * 5
    short = run(Costs(financing=terms), strategy=EverySecond(side=-1))
    assert short.samples["carry_micro"][-1] == pytest.approx(-5 * each / 10, abs=5)


def test_volume_reaches_a_tier_and_leaves_it_again(tmp_path: Path) -> None:
    # 10 lots at 1002 ticks are 10.02 USD, so the third fill finds 20.04 behind it
    tiers = (FeeTier(volume=Decimal("20.04"), maker_bps=Decimal(0), taker_bps=Decimal(2)),)
    costs = Costs(tiers=tiers, window_days=2)
    priced = replace(LINEAR, taker_fee_bps=Decimal(5), costs=costs)
    days = [(day, n) for day in range(4) for n in range(2)]
    events = [level(0, 1, 1000, 10_000), level(0, -1, 1002, 10_000)]
    events += [level(day * _DAY_MS + n, 1, 1000, 9_000 + n) for day, n in days]
    stream = gold_stream(tmp_path, events, priced)
    result = run_backtest(_Daily(), [stream])
    flat, tiered = 10_020 * 5 * 100, 10_020 * 2 * 100
    # two fills a day at noon; on the first day the third would be cheap, there are only two
    assert _fees(result) == [flat, flat, tiered, tiered, tiered, tiered]
    lazy = run_backtest(_Daily(skip=1), [stream])
    # days 0 and 2: on day 2 the window is days 1 and 2, so the volume of day 0 is gone
    assert _fees(lazy) == [flat, flat, flat, flat]


class _Daily(Strategy):
    """Buy twice at noon, every `skip` + 1 days."""

    skip: int = param(0, low=0, high=10)
    wakes = (OnTimer("12h"),)

    def on_timer(self, ctx: Context) -> None:
        day, rest_ns = divmod(ctx.now_ns, DAY_NS)
        if rest_ns and day % (self.skip + 1) == 0:
            ctx.market(0, 1, 10)
            ctx.market(0, 1, 10)


def test_a_share_costs_its_cents(run: Run) -> None:
    costs = Costs(taker_per_contract=Decimal("0.003"))
    shares = replace(LINEAR, tick=Decimal("0.01"), lot=Decimal(1))
    result = run(costs, instrument=shares)
    # 10 shares at 0.3 cents; a cash unit is a cent
    assert _fees(result) == [3_000_000]
    assert result.fills["fee"].to_list() == [pytest.approx(0.03)]


def test_linear_impact_moves_the_price_and_decays(run: Run) -> None:
    impact = Impact(
        kind=ImpactKind.LINEAR,
        coefficient_bps=Decimal(100),
        reference_quantity=Decimal("0.1"),
        half_life_ns=NS_PER_S,
    )
    result = run(Costs(impact=impact), strategy=EverySecond(times=2, back=1))
    # 10 lots are the reference: 1 % of 1002 ticks is 10.02; a second later half of it stands.
    # Selling then pushes a price that still stands 7.515 higher down by 10: 2.485 remain to pay.
    assert _prices(result) == [1012, 1002 + 15, 1000 - 2]


def test_square_root_impact_doubles_for_four_times_the_quantity(run: Run) -> None:
    impact = Impact(
        kind=ImpactKind.SQUARE_ROOT,
        coefficient_bps=Decimal(100),
        reference_quantity=Decimal("0.1"),
        half_life_ns=NS_PER_S,
    )
    assert _prices(run(Costs(impact=impact), strategy=EverySecond(lots=40))) == [1002 + 20]


def test_impact_stops_at_the_limit(run: Run) -> None:
    impact = Impact(
        kind=ImpactKind.LINEAR,
        coefficient_bps=Decimal(100),
        reference_quantity=Decimal("0.1"),
        half_life_ns=NS_PER_S,
    )
    assert _prices(run(Costs(impact=impact), strategy=EverySecond(limit=1005))) == [1005]


def test_costs_of_a_batch_are_those_of_each_alone(tmp_path: Path) -> None:
    costs = Costs(
        tiers=(FeeTier(volume=Decimal(15), maker_bps=Decimal(1), taker_bps=Decimal(1)),),
        funding=(FundingRate(ts_ns=5 * NS_PER_S, rate_bps=Decimal(1)),),
        impact=Impact(
            kind=ImpactKind.LINEAR,
            coefficient_bps=Decimal(100),
            reference_quantity=Decimal(1),
            half_life_ns=NS_PER_S,
        ),
    )
    events = [level(0, 1, 1000, 10_000), level(0, -1, 1002, 10_000), level(9_000, 1, 1000, 9)]
    stream = gold_stream(tmp_path, events, replace(LINEAR, costs=costs))
    strategies = [EverySecond(times=3), EverySecond(side=-1, times=4, lots=7)]
    both = run_trials(strategies, [stream], BacktestConfig())
    alone = [run_backtest(strategy, [stream]) for strategy in strategies]
    assert [r.journal_hash for r in both] == [r.journal_hash for r in alone]
    assert [r.samples["carry_micro"][-1] for r in both] == [
        r.samples["carry_micro"][-1] for r in alone
    ]


@pytest.mark.parametrize("rate", [-7, 0, 1, 12_345_678_901])
@pytest.mark.parametrize("twice", [0, 1, 999_999, 2_000_001, 10**15 + 1, -(10**12) - 3])
def test_a_charge_is_exact(twice: int, rate: int) -> None:
    exact = Decimal(twice) * rate / 2_000_000
    assert carry_micro(twice, rate) == int(exact.to_integral_value("ROUND_HALF_UP"))
