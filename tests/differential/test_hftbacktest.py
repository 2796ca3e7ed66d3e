"""Crossbook and hftbacktest 2.4.4 on the same gold events: the same orders, the same fates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.differential import peer
from tests.differential.cases import EXCHANGES, LATENCIES_NS, QUEUES
from tests.differential.compare import Comparison, compare_all
from tests.differential.markets import CAPTURES, captured_market, synthetic_market
from tests.differential.table import PAGE, render, section

pytestmark = [pytest.mark.slow]

Part = tuple[str, Sequence[Comparison]]


@pytest.fixture(scope="module", autouse=True)
def peers() -> None:
    if not peer.INSTALLED.exists():
        pytest.skip(f"no hftbacktest 2.4.4 in {peer.ENVIRONMENT}: run make peers")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Part:
    folder = tmp_path_factory.mktemp("made")
    market = synthetic_market(folder / "lake")
    return market.title, compare_all(market.cases, market.streams, folder)


@pytest.fixture(scope="module")
def captured(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Part:
    for path in CAPTURES:
        if not (captures / path).exists():
            pytest.skip(f"no capture {captures / path}")
    folder = tmp_path_factory.mktemp("captured")
    market = captured_market(captures, folder / "lake")
    return market.title, compare_all(market.cases, market.streams, folder)


def _differing(comparisons: Sequence[Comparison]) -> list[str]:
    return [
        f"{c.case.name}: {c.orders_equal} of {c.orders} equal, {c.rules}"
        for c in comparisons
        if c.orders_equal != c.orders
    ]


def _small_quotes(comparisons: Sequence[Comparison]) -> list[Comparison]:
    return [c for c in comparisons if c.case.strategy == "join_best" and c.case.lots == (1,)]


@pytest.mark.captures
def test_quotes_of_one_lot_fare_alike_on_a_capture(captured: Part) -> None:
    quotes = _small_quotes(captured[1])
    assert len(quotes) == 2 * len(QUEUES) * len(LATENCIES_NS) * len(EXCHANGES)
    assert min(c.our_fills for c in quotes) > 150
    assert _differing(quotes) == []


@pytest.mark.captures
def test_the_models_of_a_run_matter_on_a_capture(captured: Part) -> None:
    # Equal results of runs that ignore their settings would prove nothing.
    every_second = [c for c in _small_quotes(captured[1]) if c.case.interval_ns == 10**9]
    partial = [c.our_fills for c in every_second if c.case.exchange == "partial_fills"]
    assert len(set(partial)) > 9


@pytest.mark.captures
def test_small_crosses_fare_alike_on_a_capture(captured: Part) -> None:
    crosses = [c for c in captured[1] if c.case.lots == (100, 1)]
    assert len(crosses) == 6
    assert min(c.our_fills for c in crosses) > 600
    assert _differing(crosses) == []


@pytest.mark.captures
def test_every_difference_on_a_capture_has_its_rule(captured: Part) -> None:
    assert [c.case.name for c in captured[1] if c.unexplained] == []


def test_quotes_of_one_lot_fare_alike_on_a_made_market(made: Part) -> None:
    quotes = [c for c in _small_quotes(made[1]) if c.case.queue != "log"]
    assert min(c.our_fills for c in quotes) > 500
    assert _differing(quotes) == []


def test_every_difference_on_a_made_market_has_its_rule(made: Part) -> None:
    assert [c.case.name for c in made[1] if c.unexplained] == []
    named = {rule for c in made[1] for rule in c.rules}
    assert len(named) == 4, f"a market that does not show every rule proves too little: {named}"


@pytest.mark.captures
def test_the_page_shows_these_results(captured: Part, made: Part) -> None:
    assert section(PAGE.read_text("utf-8")) == render([captured, made]), (
        "make the table again: python -m tests.differential.table --captures FOLDER"
    )
