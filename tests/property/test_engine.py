"""The engine against its slow twin on random markets and random order flow, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.orders import JournalEvent
from tests.oracle.engine.compare import MODELS, journal_rows, random_case, run_both
from tests.oracle.engine.invariants import check_invariants, own_book_stays_uncrossed

CASES_A_MODEL = 50
REQUESTS = (JournalEvent.SUBMITTED, JournalEvent.CANCEL_SENT, JournalEvent.REPLACE_SENT)


def _check(case) -> int:
    """Compare one case; returns the steps it took: market rows and requests."""
    result, _ = run_both(case)
    check_invariants(result, case.books, case.config.exchange_model == "partial_fills")
    if case.config.self_trade != "allow":
        own_book_stays_uncrossed(result.journal.to_pylist())
    requests = [row for row in journal_rows(result) if row[1] in REQUESTS]
    return len(case.events) + len(requests)


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(0, 30))
def test_short_runs_equal_the_twin(seed: int, steps: int, actions: int) -> None:
    _check(random_case(seed, steps, actions))


@pytest.mark.parametrize("model", MODELS)
def test_long_runs_equal_the_twin(model: str) -> None:
    first = 10_000 * MODELS.index(model)
    steps = [_check(random_case(first + i, 170, 130, model)) for i in range(CASES_A_MODEL)]
    assert sum(steps) >= 100_000 / len(MODELS)
