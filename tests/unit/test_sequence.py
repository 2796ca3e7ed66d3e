"""Sequence rules on streams short enough to check by hand."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from framework.core.errors import DataError
from framework.lake.formats.base import DEPTH_SCHEMA
from framework.lake.sequence import SequenceRule, SequenceState, Status, check_sequence

FUTURES = SequenceRule.BINANCE_FUTURES
SPOT = SequenceRule.BINANCE_SPOT


def stream(
    messages: Sequence[tuple[int | None, ...]],
    *,
    snapshots: Sequence[int] = (),
    exchange: Sequence[int | None] | None = None,
    file: str = "day.gz",
) -> pl.DataFrame:
    """Two levels a message from tuples (first, sequence, prev); line i is received at 100 i."""
    rows = []
    for at, (first, sequence, prev) in enumerate(messages):
        exch = at if exchange is None else exchange[at]
        for is_bid in (True, False):
            head = ("v", "X", first, sequence, prev, exch, 100 * at, is_bid, 9.0, 1.0, None)
            rows.append((*head, at in snapshots, file, at + 1))
    return pl.DataFrame(rows, schema=DEPTH_SCHEMA, orient="row")


def outcome(checked: pl.DataFrame) -> list[tuple[int, str]]:
    """Sequence and status of each message; every row of a message must say the same."""
    assert checked.group_by("message").agg(pl.len() == 2).to_series(1).all()
    first = checked.unique("message", keep="first", maintain_order=True)
    return list(first.select("sequence", pl.col("status").cast(pl.String)).iter_rows())


def test_plain_sequence_continues_from_its_snapshot() -> None:
    depth = stream([(None, n, None) for n in (5, 6, 7)], snapshots=[0])
    checked, state = check_sequence(depth, "plain")
    assert outcome(checked) == [(5, "snapshot"), (6, "applied"), (7, "applied")]
    assert checked["book_valid"].all()
    assert (state.last_sequence, state.is_valid, state.held) == (7, True, ())


def test_plain_gap_invalidates_until_the_next_snapshot_has_come() -> None:
    numbers = (5, 6, 8, 9, 20, 21)
    depth = stream([(None, n, None) for n in numbers], snapshots=[0, 4])
    checked, _ = check_sequence(depth, "plain")
    assert outcome(checked) == [
        (5, "snapshot"),
        (6, "applied"),
        (8, "gap"),
        (9, "untrusted"),
        (20, "snapshot"),
        (21, "applied"),
    ]
    valid = checked.unique("message", maintain_order=True)["book_valid"].to_list()
    assert valid == [True, True, False, False, True, True]


def test_plain_duplicates_and_late_messages_build_nothing() -> None:
    depth = stream([(None, n, None) for n in (5, 6, 7, 6, 7, 8)], snapshots=[0])
    depth = depth.with_columns(source_file=pl.lit("day.gz"))
    checked, _ = check_sequence(depth, "plain")
    assert [status for _, status in outcome(checked)] == [
        "snapshot",
        "applied",
        "applied",
        "duplicate",
        "duplicate",
        "applied",
    ]


def test_plain_snapshot_may_restart_the_numbering() -> None:
    depth = stream([(None, n, None) for n in (90, 91, 1, 2)], snapshots=[0, 2])
    checked, state = check_sequence(depth, "plain")
    assert outcome(checked)[2:] == [(1, "snapshot"), (2, "applied")]
    assert state.last_sequence == 2


def test_plain_before_any_snapshot_marks_jumps_but_builds_nothing() -> None:
    depth = stream([(None, n, None) for n in (5, 7)])
    checked, state = check_sequence(depth, "plain")
    assert outcome(checked) == [(5, "before_snapshot"), (7, "before_snapshot")]
    assert checked["is_jump"].to_list() == [False, False, True, True]
    assert not state.is_valid


def test_no_rule_takes_everything() -> None:
    depth = stream([(None, n, None) for n in (5, 1, 9)], snapshots=[1])
    checked, state = check_sequence(depth, "none")
    assert outcome(checked) == [(5, "applied"), (1, "snapshot"), (9, "applied")]
    assert state.is_valid


def test_spot_snapshot_is_older_than_what_was_received() -> None:
    # The snapshot of update 12 arrives as line 4, after the diffs up to 20.
    messages = [(1, 10, None), (11, 14, None), (15, 20, None), (None, 12, None), (21, 25, None)]
    depth = stream(messages, snapshots=[3], exchange=[10, 20, 30, None, 50])
    checked, _ = check_sequence(depth, SPOT)
    assert outcome(checked) == [
        (10, "before_snapshot"),
        (14, "before_snapshot"),
        (20, "before_snapshot"),
        (12, "snapshot"),
        (14, "applied"),
        (20, "applied"),
        (25, "applied"),
    ]
    first = checked.unique("message", keep="first", maintain_order=True)
    assert first["is_replay"].to_list() == [False, False, False, False, True, True, False]
    # Diffs that waited can be used when the snapshot is there; the snapshot is dated by the last
    # diff that it contains.
    assert first["available_timestamp_ns"].to_list() == [0, 100, 200, 300, 300, 300, 400]
    assert first["received_timestamp_ns"].to_list() == [0, 100, 200, 300, 100, 200, 400]
    assert first["exchange_timestamp_ns"].to_list() == [10, 20, 30, 10, 20, 30, 50]


def test_spot_first_diff_must_reach_back_to_the_snapshot() -> None:
    exact = stream([(None, 10, None), (11, 12, None)], snapshots=[0])
    late = stream([(None, 10, None), (12, 13, None)], snapshots=[0])
    assert outcome(check_sequence(exact, SPOT)[0])[1] == (12, "applied")
    assert outcome(check_sequence(late, SPOT)[0])[1] == (13, "gap")


def test_spot_later_diffs_must_link_exactly() -> None:
    messages = [(None, 10, None), (9, 12, None), (12, 14, None)]
    checked, _ = check_sequence(stream(messages, snapshots=[0]), SPOT)
    assert outcome(checked) == [(10, "snapshot"), (12, "applied"), (14, "gap")]


@pytest.mark.parametrize(
    ("first", "sequence", "prev", "status"),
    [
        (5, 12, 4, "applied"),  # U <= S <= u
        (11, 12, 10, "applied"),  # pu = S
        (11, 12, 8, "applied"),  # no update of this symbol between 8 and 11
        (5, 9, 4, "duplicate"),  # wholly older
        (12, 14, 11, "gap"),  # update 11 is missing
    ],
)
def test_futures_first_diff_after_a_snapshot(
    first: int, sequence: int, prev: int, status: str
) -> None:
    depth = stream([(None, 10, None), (first, sequence, prev)], snapshots=[0])
    assert outcome(check_sequence(depth, FUTURES)[0])[1] == (sequence, status)


def test_futures_numbers_may_skip_as_long_as_prev_links() -> None:
    messages = [(None, 10, None), (11, 12, 10), (30, 33, 12), (40, 41, 33), (50, 51, 45)]
    checked, _ = check_sequence(stream(messages, snapshots=[0]), FUTURES)
    assert [status for _, status in outcome(checked)] == [
        "snapshot",
        "applied",
        "applied",
        "applied",
        "gap",
    ]


def test_futures_duplicate_line_is_one_message_each() -> None:
    messages = [(None, 10, None), (11, 12, 10), (11, 12, 10), (13, 14, 12)]
    checked, _ = check_sequence(stream(messages, snapshots=[0]), FUTURES)
    assert outcome(checked)[1:] == [(12, "applied"), (12, "duplicate"), (14, "applied")]


def test_snapshot_mends_a_gap_and_diffs_since_are_replayed() -> None:
    messages = [
        (None, 10, None),
        (11, 12, 10),
        (15, 16, 14),  # 13..14 lost
        (17, 18, 16),
        (None, 16, None),
        (19, 20, 18),
    ]
    checked, state = check_sequence(stream(messages, snapshots=[0, 4]), FUTURES)
    assert outcome(checked) == [
        (10, "snapshot"),
        (12, "applied"),
        (16, "gap"),
        (18, "untrusted"),
        (16, "snapshot"),
        (18, "applied"),
        (20, "applied"),
    ]
    assert state.is_valid


def test_snapshot_from_before_the_gap_does_not_mend_it() -> None:
    messages = [(None, 10, None), (11, 12, 10), (15, 16, 14), (None, 12, None), (17, 18, 16)]
    checked, state = check_sequence(stream(messages, snapshots=[0, 3]), FUTURES)
    assert outcome(checked) == [
        (10, "snapshot"),
        (12, "applied"),
        (16, "gap"),
        (12, "snapshot"),
        (16, "gap"),
        (18, "untrusted"),
    ]
    assert not state.is_valid


def test_stale_snapshot_of_a_valid_book_is_ignored() -> None:
    messages = [(None, 10, None), (11, 12, 10), (None, 11, None), (13, 14, 12)]
    checked, _ = check_sequence(stream(messages, snapshots=[0, 2]), FUTURES)
    assert outcome(checked)[2:] == [(11, "duplicate"), (14, "applied")]
    assert checked["book_valid"].all()


def test_snapshot_ahead_of_the_stream_makes_older_diffs_duplicates() -> None:
    messages = [(None, 10, None), (None, 20, None), (11, 15, 10), (16, 22, 15), (23, 24, 22)]
    checked, _ = check_sequence(stream(messages, snapshots=[0, 1]), FUTURES)
    assert outcome(checked)[1:] == [
        (20, "snapshot"),
        (15, "duplicate"),
        (22, "applied"),
        (24, "applied"),
    ]


def test_second_file_continues_the_first() -> None:
    first = stream([(None, 10, None), (11, 12, 10)], snapshots=[0])
    good = stream([(13, 14, 12)], file="next.gz")
    torn = stream([(17, 18, 16)], file="next.gz")
    _, state = check_sequence(first, FUTURES)
    state = SequenceState.from_json(state.to_json())
    assert outcome(check_sequence(good, FUTURES, state)[0]) == [(14, "applied")]
    assert outcome(check_sequence(torn, FUTURES, state)[0]) == [(18, "gap")]


def test_snapshot_in_the_second_file_replays_diffs_of_the_first() -> None:
    first = stream([(9, 10, 8), (11, 12, 10), (13, 14, 12)])
    second = stream([(None, 11, None), (15, 16, 14)], snapshots=[0], file="next.gz")
    checked, state = check_sequence(first, FUTURES)
    assert {status for _, status in outcome(checked)} == {"before_snapshot"}
    checked, state = check_sequence(second, FUTURES, SequenceState.from_json(state.to_json()))
    assert outcome(checked) == [
        (11, "snapshot"),
        (12, "applied"),
        (14, "applied"),
        (16, "applied"),
    ]
    assert checked["source_file"].to_list()[2] == "day.gz"
    assert state.held == ()


def test_message_without_levels_keeps_the_sequence_whole() -> None:
    depth = stream([(None, 10, None), (11, 12, 10), (13, 14, 12)], snapshots=[0])
    empty = (pl.col("sequence") == 12) & ~pl.col("is_bid")
    depth = depth.filter(~empty).with_columns(
        pl.when(pl.col("sequence") != 12).then(pl.col(name)).alias(name)
        for name in ("is_bid", "price", "volume")
    )
    checked, _ = check_sequence(depth, FUTURES)
    assert set(checked["status"].cast(pl.String)) == {"snapshot", "applied"}
    assert checked.height == 5


def test_empty_frame_changes_nothing() -> None:
    _, state = check_sequence(stream([(9, 10, 8), (11, 12, 10)]), FUTURES)
    checked, after = check_sequence(stream([]), FUTURES, state)
    assert checked.is_empty()
    assert after == state


def test_snapshot_without_time_and_without_history_stays_undated() -> None:
    depth = stream([(None, 10, None), (11, 12, None)], snapshots=[0], exchange=[None, 5])
    checked, state = check_sequence(depth, SPOT)
    assert checked["exchange_timestamp_ns"].to_list() == [None, None, 5, 5]
    assert state.last_exchange_ns == 5


def test_missing_numbers_are_refused_by_file_and_row() -> None:
    depth = stream([(None, 10, None), (11, 12, None)], snapshots=[0])
    with pytest.raises(DataError, match=r"day\.gz, row 2: rule binance_futures needs"):
        check_sequence(depth, FUTURES)


def test_streams_must_not_be_mixed() -> None:
    depth = stream([(None, 10, None), (11, 12, 10)], snapshots=[0])
    mixed = depth.with_columns(
        symbol=pl.when(pl.col("is_bid")).then(pl.lit("Y")).otherwise("symbol")
    )
    with pytest.raises(DataError, match="v:X, v:Y"):
        check_sequence(mixed, FUTURES)


def test_status_names_are_the_columns_categories() -> None:
    checked, _ = check_sequence(stream([(None, 1, None)], snapshots=[0]), "plain")
    assert checked["status"].dtype == pl.Enum([status.value for status in Status])
