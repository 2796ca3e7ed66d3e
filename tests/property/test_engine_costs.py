"""The engine against its slow twin with every latency model, tier, fee, funding and financing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.orders import JournalEvent
from framework.engine import run_backtest, run_trials
from tests.oracle.engine.compare import costly_case, journal_rows, run_both


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 40))
def test_short_runs_equal_the_twin(seed: int, steps: int, actions: int) -> None:
    run_both(costly_case(seed, steps, actions))


def test_long_runs_equal_the_twin_and_meet_every_cost() -> None:
    seen: set[int] = set()
    overtaken = 0
    for seed in range(60):
        result, _ = run_both(costly_case(seed, 170, 130))
        rows = journal_rows(result)
        seen |= {row[1] for row in rows}
        accepted = {row[2]: row[0] for row in rows if row[1] == JournalEvent.ACCEPTED}
        overtaken += sum(
            row[1] == JournalEvent.CANCEL_REJECTED and row[0] < accepted.get(row[2], 0)
            for row in rows
        )
    assert {JournalEvent.FUNDING, JournalEvent.FINANCING, JournalEvent.FILLED} <= seen
    assert overtaken > 0


@pytest.mark.parametrize("seed", [3, 11, 25])
def test_a_batch_equals_solo_runs(seed: int) -> None:
    case = costly_case(seed, 120, 80)
    alone = run_backtest(case.strategy, case.streams(), case.config)
    batch = run_trials([case.strategy] * 2, case.streams(), case.config)
    # Both trials act out one script each, and must not disturb each other.
    assert [result.journal_hash for result in batch] == [alone.journal_hash] * 2
