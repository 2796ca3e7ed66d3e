"""The calibration on a market small enough to do by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.core.errors import DataError, SpecError
from framework.core.events import EventKind
from research.queue import MAX_SHADOWS, QueueCalibration, as_markdown, calibrate_queue
from tests.support.orders_table import START_NS, Row, opening, orders_stream

ADD, DELETE, EXECUTE = EventKind.ORDER_ADD, EventKind.ORDER_DELETE, EventKind.ORDER_EXECUTE

MARKET = [
    *opening({99: 10}, {101: 10, 103: 7}),
    Row(1, ADD, 1, 99, 20, 1),  # shadow A joins behind 10
    Row(2, ADD, 1, 99, 30, 2),  # shadow B joins behind 30
    Row(4, DELETE, 1, 99, 20, 1),  # behind A, ahead of B: 10 is left ahead of both
    Row(6, EXECUTE, 1, 99, 10, 777),  # the anonymous 10: both are at the front
    Row(10, EXECUTE, 1, 99, 20, 2),  # the most careful model has B at the front by now
    Row(12, EXECUTE, 1, 99, 10, 2),
    Row(20, ADD, -1, 102, 5, 4),
    Row(21, ADD, -1, 103, 4, 6),
    Row(22, ADD, -1, 103, 4, 7),
    Row(23, EXECUTE, -1, 103, 1, 6),
    Row(24, EXECUTE, -1, 103, 1, 7),
    Row(25, EXECUTE, -1, 102, 1, 999),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> QueueCalibration:
    return calibrate_queue(orders_stream(tmp_path_factory.mktemp("made"), MARKET), every=1)


def test_every_execution_is_judged(found: QueueCalibration) -> None:
    rows = found.executions.select("ts_ns", "verdict", "ahead_lots", "ahead_orders").rows()
    assert [(ts_ns - START_NS, *row) for ts_ns, *row in rows] == [
        (6, "anonymous_first", 0, 0),
        (10, "first", 0, 0),
        (12, "first", 0, 0),
        (23, "behind_anonymous", 7, 1),
        (24, "behind_orders", 10, 2),
        (25, "unseen", 0, 0),
    ]
    assert found.agreement == 2 / 4


def test_shadows_know_their_place_exactly(found: QueueCalibration) -> None:
    rows = found.shadows.select("start_ns", "ahead0_lots", "front_ns", "end_ns", "censored")
    times = [tuple(t - START_NS if t > START_NS else t for t in row) for row in rows.rows()]
    assert times == [(1, 10, 6, 6, False), (2, 30, 6, 10, False)]


def test_errors_are_those_of_the_hand(found: QueueCalibration) -> None:
    models = {row["model"]: row for row in found.errors.to_dicts()}
    careful, power = models["risk_averse"], models["power 1"]
    # A waits 5 ns, B 4. From 4 to 6 the careful model has B behind 30 where 10 are ahead.
    assert careful["mae_lots"] == careful["bias_lots"] == pytest.approx(20 * 2 / 9)
    assert careful["mae_share"] == pytest.approx(40 / (10 * 5 + 30 * 4))
    # Five events move a level at which one of them waits: three of A's, two of B's.
    assert careful["event_mae_lots"] == pytest.approx(20 / 5)
    # Power 1 takes half of the 20 from ahead of B (30 of 60) and a sixth from ahead of A.
    off_a, off_b = -20 / 6, 10
    assert power["bias_lots"] == pytest.approx(2 * (off_a + off_b) / 9)
    assert power["mae_lots"] == pytest.approx(2 * (off_b - off_a) / 9)
    # The careful model is told of B's front at 10, four nanoseconds late.
    assert (careful["early"], careful["late"]) == (0.0, 0.5)
    assert careful["front_mae_s"] == pytest.approx(2e-9)
    assert power["early"] == 0.0


def test_the_least_error_is_recommended(found: QueueCalibration) -> None:
    errors = found.errors["mae_lots"].to_list()
    assert errors == sorted(errors)
    assert found.recommended == found.errors["model"][0] != "risk_averse"
    assert found.as_json()["recommended"] == found.recommended


def test_tables_show_every_model(found: QueueCalibration) -> None:
    text = as_markdown(found)
    assert "| the executed order was first | 2 | 33.33% |" in text
    assert "| risk_averse | +4.44 | 4.44 | 23.5% |" in text
    assert text.count("\n| power") == 5


def test_what_was_not_seen_ends_a_shadow(tmp_path: Path) -> None:
    rows = [
        *opening({99: 10}, {101: 10}),
        Row(1, ADD, 1, 99, 20, 1),
        Row(3, EventKind.DEPTH, 1, 99, 40),  # ten more joined unseen
        Row(4, ADD, 1, 99, 5, 2),
        Row(5, DELETE, 1, 99, 30, 3),  # more than the anonymous: somebody was replaced
        Row(6, ADD, 1, 99, 5, 4),
    ]
    shadows = calibrate_queue(orders_stream(tmp_path, rows), every=1).shadows
    ended = [(t - START_NS if t else None) for t in shadows["end_ns"].to_list()]
    assert ended == [3, 5, None]
    assert shadows["censored"].all()


def test_chunks_and_room_do_not_matter(tmp_path: Path) -> None:
    crowd = [Row(30 + n, ADD, 1, 10 + n % 900, 1, 1_000 + n) for n in range(3_000)]
    late = [Row(4_000 + row.at, *row[1:3], row.px, *row[4:]) for row in MARKET]
    found = calibrate_queue(orders_stream(tmp_path, [*MARKET, *crowd, *late]), every=1)
    assert found.shadows.height > 4
    assert found.verdicts()["first"] == 4


@pytest.mark.parametrize("every", [0, -3])
def test_every_must_be_positive(tmp_path: Path, every: int) -> None:
    with pytest.raises(SpecError, match="every must be 1 or more"):
        calibrate_queue(orders_stream(tmp_path, MARKET), every=every)
    assert len(MARKET) < MAX_SHADOWS


def test_depth_data_cannot_be_calibrated_on(tmp_path: Path) -> None:
    depth = orders_stream(tmp_path / "depth", opening({99: 10}, {101: 10}))
    with pytest.raises(DataError, match="there are no ids"):
        calibrate_queue(depth)


def test_a_touch_nobody_joins_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no shadow could join"):
        calibrate_queue(orders_stream(tmp_path, MARKET), every=3)
