"""No strategy gets around the risk room: random strategies try, and the journal is recomputed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.orders import Reason
from framework.engine.backtest import run_backtest
from framework.risk import Protection, RiskLimits
from tests.oracle.engine.compare import Case, costly_case, random_case
from tests.oracle.engine.risk import check_limits, check_refusals


def random_limits(rng: random.Random, *, constant_responses: bool) -> RiskLimits:
    """Limits that bind now and then on markets near 100 ticks with steps of nanoseconds."""

    def maybe(*values):
        return rng.choice([None, *values])

    protection = None
    if constant_responses and rng.random() < 0.5:
        most = maybe(5, 20)
        protection = Protection(
            max_fills=rng.choice([1, 2, 5]) if most is None else None,
            max_lots=most,
            window_ns=rng.choice([5, 50]),
            pause_ns=rng.choice([1, 20, 100]),
        )
    return RiskLimits(
        max_position_lots=maybe(1, 8, 20),
        max_order_lots=maybe(3, 8),
        collar_bps=maybe(100.0, 300.0),
        max_spread_pct=maybe(1.0, 3.0),
        protection=protection,
        max_net=maybe(10.0, 30.0),
        max_notional=maybe(100.0, 5_000.0),
        max_open_orders=maybe(1, 5),
        max_messages_per_s=maybe(1e8, 5e7),
        burst=rng.choice([1, 4]),
        max_loss=maybe(1.0, 50.0),
        max_drawdown=maybe(1.0, 50.0),
        on_loss=rng.choice(["cancel", "flatten"]),
        check_interval_ns=rng.choice([3, 10]),
        stale_after_ns=maybe(2, 10),
    )


def _run(case: Case, limits: RiskLimits) -> set[Reason]:
    for item in case.instruments:  # limits in money take one currency
        assert item.currency == ""
    config = replace(case.config, risk=limits)
    result = run_backtest(case.strategy, case.streams(), config)
    return check_limits(result, limits, case.books)


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 50))
def test_no_limit_is_ever_passed(seed: int, steps: int, actions: int) -> None:
    case = random_case(seed, steps, actions)
    _run(case, random_limits(random.Random(seed), constant_responses=True))


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 50))
def test_no_limit_is_passed_where_messages_overtake_each_other(
    seed: int, steps: int, actions: int
) -> None:
    case = costly_case(seed, steps, actions)
    _run(case, random_limits(random.Random(seed), constant_responses=False))


def test_every_limit_is_met() -> None:
    """What is never refused is not tested: together the cases come to every reason."""
    met: Counter[Reason] = Counter()
    for seed in range(100):
        case = random_case(seed, 150, 120)
        met.update(_run(case, random_limits(random.Random(seed), constant_responses=True)))
    wanted = {
        one
        for one in Reason
        if one.name.startswith("RISK_")
        and one not in (Reason.RISK_LOSS, Reason.RISK_DRAWDOWN, Reason.RISK_ORDER_NOTIONAL)
    }
    missing = {one.name for one in wanted - set(met)}
    assert not missing


def test_the_check_itself_finds_what_passes() -> None:
    """Without limits the same strategies pass them: the check is not blind."""
    blind = 0
    for seed in range(40):
        case = random_case(seed, 150, 120)
        result = run_backtest(case.strategy, case.streams(), case.config)
        limits = RiskLimits(max_position_lots=5, max_order_lots=4)
        try:
            check_limits(result, limits, case.books)
        except AssertionError:
            continue
        blind += 1
    assert blind < 10


def test_no_position_is_passed_while_word_of_a_fill_is_missing() -> None:
    """Long runs whose messages overtake each other, with little room."""
    for seed in range(100):
        case = costly_case(seed, 150, 120)
        _run(case, RiskLimits(max_position_lots=random.Random(seed).choice([5, 8, 20])))


def test_no_window_fills_more_lots_than_protection_allows() -> None:
    """Long runs whose only limit is that of protection."""
    for seed in range(60):
        case = random_case(seed, 150, 120)
        protection = Protection(max_lots=random.Random(seed).choice([3, 8]), window_ns=200)
        _run(case, RiskLimits(protection=protection))


def test_nothing_is_refused_without_cause() -> None:
    """Where no message takes time, every refusal is recomputed too."""
    refused = 0
    for seed in range(60):
        case = random_case(seed, 120, 100)
        case.instruments[:] = [
            replace(item, order_entry_ns=0, response_ns=0) for item in case.instruments
        ]
        limits = random_limits(random.Random(seed), constant_responses=True)
        config = replace(case.config, risk=limits)
        refused += check_refusals(run_backtest(case.strategy, case.streams(), config), limits)
    assert refused > 300
