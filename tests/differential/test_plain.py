"""The plain venue that names differences gives our outcomes, so what it names can be believed."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from framework.core.clock import NS_PER_MS, NS_PER_S
from tests.differential.cases import (
    EXCHANGES,
    QUEUES,
    Case,
    join_best_cases,
    take_cross_cases,
)
from tests.differential.markets import Market, synthetic_market
from tests.differential.ours import orders_over, run_case
from tests.differential.plain import OURS, expected

pytestmark = [pytest.mark.slow]

_BOOKS = ("alpha:XYZ", "beta:XYZ")
_LATENCY_NS = 10 * NS_PER_MS


def _cases() -> list[Case]:
    quotes = [
        replace(case, lots=(lots,))
        for case, lots in itertools.product(join_best_cases(_BOOKS[0], NS_PER_S), (1, 50))
    ]
    crosses = take_cross_cases(_BOOKS, (100, 100), 0, 100 * NS_PER_MS)
    return [case for case in (*quotes, *crosses) if case.latency_ns == _LATENCY_NS]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return synthetic_market(tmp_path_factory.mktemp("made"))


def test_every_model_is_among_the_cases() -> None:
    models = {(case.queue, case.power, case.exchange) for case in _cases()}
    assert len(models) == len(QUEUES) * len(EXCHANGES)


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.name)
def test_the_plain_venue_gives_our_outcomes(case: Case, market: Market) -> None:
    result = run_case(case, market.streams)
    ours, plain = orders_over(result), expected(case, market.streams, result, OURS)
    last_ns = max(max(s.files()["last_ns"].to_pylist()) for s in case.streams(market.streams))
    # The plain venue lets what is on its way at the end arrive.
    assert ours.rows() == [row for row in plain.rows() if row[5] <= last_ns]
    assert (ours["filled_lots"] > 0).sum() > 30
