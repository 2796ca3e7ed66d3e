"""Queue models, against numbers worked out by hand and against their second writing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.venue.queue import QueueModel, front_after_depth, share_behind
from tests.oracle.engine.queue import front_after


# 60 ahead, 40 behind, 10 cancelled: behind shares 0, 64/280, 64/1000, 1 - 0.216, …
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (QueueModel.RISK_AVERSE, 60.0),
        (QueueModel.POWER, 52.2857),
        (QueueModel.POWER2, 50.64),
        (QueueModel.POWER3, 57.84),
        (QueueModel.LOG, 54.7461),
        (QueueModel.LOG2, 58.0465),
    ],
)
def test_a_cancellation_is_shared(model: QueueModel, expected: float) -> None:
    front = front_after_depth(model, 3.0, 1.0, 60.0, 0.0, 100, 90)
    assert front == pytest.approx(expected, abs=5e-5)


ESTIMATES = [model for model in QueueModel if model != QueueModel.L3_EXACT]


@pytest.mark.parametrize("model", ESTIMATES)
def test_nobody_ahead_and_nobody_behind_is_a_number(model: QueueModel) -> None:
    assert share_behind(model, 3.0, 0.0, 0.0) == 1.0
    assert front_after_depth(model, 3.0, 1.0, 0.0, 0.0, 0, 0) == 0.0


@pytest.mark.parametrize("model", ESTIMATES)
def test_what_traded_is_not_counted_as_cancelled(model: QueueModel) -> None:
    assert front_after_depth(model, 3.0, 1.0, 50.0, 10.0, 100, 90) == 50.0


@pytest.mark.parametrize("model", ESTIMATES)
def test_a_growing_level_queues_behind(model: QueueModel) -> None:
    assert front_after_depth(model, 3.0, 1.0, 60.0, 0.0, 100, 130) == 60.0


@pytest.mark.parametrize("model", ESTIMATES)
def test_a_level_that_empties_leaves_nobody_ahead(model: QueueModel) -> None:
    assert front_after_depth(model, 3.0, 1.0, 60.0, 0.0, 100, 0) == 0.0


@given(
    st.sampled_from(ESTIMATES),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.integers(0, 200),
    st.integers(0, 50),
    st.integers(0, 200),
    st.integers(0, 200),
)
def test_models_equal_their_second_writing(
    model: QueueModel, power: float, front: int, traded: int, before: int, now: int
) -> None:
    front = min(front, before)
    arguments = (power, 0.5, float(front), float(traded), before, now)
    found = front_after_depth(int(model), *arguments)
    assert math.isfinite(found)
    assert found <= now
    assert found == pytest.approx(front_after(model.name.lower(), *arguments), abs=1e-9)
