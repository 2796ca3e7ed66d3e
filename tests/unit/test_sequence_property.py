"""Sequence rules against an obvious message-by-message twin, whole and split into files."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.lake.formats.base import DEPTH_SCHEMA
from framework.lake.sequence import SequenceState, check_sequence

RULES = ("binance_spot", "binance_futures", "plain", "none")
Message = tuple[bool, int, int, int]
"""Snapshot?, first, sequence, prev."""


@st.composite
def streams(draw: st.DrawFn) -> list[Message]:
    """A stream whose numbers advance, with losses, repeats and early or late snapshots."""
    messages: list[Message] = []
    last = 100
    for _ in range(draw(st.integers(1, 25))):
        action = draw(st.sampled_from("nnnnnlrso"))
        if action == "s":
            messages.append((True, 0, max(1, last + draw(st.integers(-8, 4))), 0))
        elif action == "r" and messages:
            messages.append(draw(st.sampled_from(messages)))
        else:
            first = last + 1 + (draw(st.integers(1, 3)) if action == "l" else 0)
            sequence = first + draw(st.integers(0, 3))
            prev = first - 1 - (draw(st.integers(0, 2)) if action == "o" else 0)
            messages.append((False, first, sequence, prev))
            last = sequence
    return messages


def frame(messages: list[Message], offset: int = 0) -> pl.DataFrame:
    rows = []
    for at, (is_snapshot, first, sequence, prev) in enumerate(messages, start=offset):
        head = ("v", "X", first, sequence, prev, 10 * at, 10 * at + 3, True, 9.5, 0.25, None)
        rows.append((*head, is_snapshot, "day", at))
    return pl.DataFrame(rows, schema=DEPTH_SCHEMA, orient="row")


def twin(messages: list[Message], rule: str) -> list[tuple[int, str, bool]]:
    """(line, status, replayed?) of each message, by the book."""
    out: list[tuple[int, str, bool]] = []
    last: int | None = None
    anchored = valid = had = False
    held: list[int] = []

    def diff(line: int, replayed: bool) -> None:
        nonlocal last, anchored, valid
        _, first, sequence, prev = messages[line]
        base = {"binance_spot": first - 1, "binance_futures": prev, "plain": sequence - 1}[rule]
        if last is not None and sequence <= last:
            out.append((line, "duplicate", replayed))
            return
        jump = last is not None and not (base == last or (anchored and base <= last))
        last, anchored = sequence, False
        if not had:
            status = "before_snapshot"
        elif jump:
            status, valid = "gap", False
        else:
            status = "applied" if valid else "untrusted"
        out.append((line, status, replayed))
        if not valid:
            held.append(line)

    for line, (is_snapshot, _, sequence, _) in enumerate(messages):
        if rule == "none":
            out.append((line, "snapshot" if is_snapshot else "applied", False))
        elif not is_snapshot:
            diff(line, False)
        elif rule == "plain":
            out.append((line, "snapshot", False))
            last, valid, had = sequence, True, True
        elif valid and last is not None and sequence <= last:
            out.append((line, "duplicate", False))
        else:
            out.append((line, "snapshot", False))
            waiting = [other for other in held if messages[other][2] > sequence]
            held.clear()
            last, anchored, valid, had = sequence, True, True, True
            for other in waiting:
                diff(other, True)
    return out


def seen(checked: pl.DataFrame) -> list[tuple[int, str, bool]]:
    columns = checked.select("source_row", pl.col("status").cast(pl.String), "is_replay")
    return list(columns.iter_rows())


def unique_neighbours(messages: list[Message]) -> list[Message]:
    """Drop repeats of the line before: where a message may have several lines they are one."""
    return [m for i, m in enumerate(messages) if i == 0 or m[::2] != messages[i - 1][::2]]


@pytest.mark.parametrize("rule", RULES)
@given(messages=streams())
def test_equals_the_twin(rule: str, messages: list[Message]) -> None:
    if rule in ("plain", "none"):
        messages = unique_neighbours(messages)
    checked, _ = check_sequence(frame(messages), rule)
    assert seen(checked) == twin(messages, rule)


@pytest.mark.parametrize("rule", RULES)
@given(messages=streams(), cuts=st.lists(st.integers(0, 25), max_size=4))
def test_splitting_into_files_changes_nothing(
    rule: str, messages: list[Message], cuts: list[int]
) -> None:
    if rule in ("plain", "none"):
        messages = unique_neighbours(messages)
    whole, end = check_sequence(frame(messages), rule)
    edges = [0, *sorted(min(cut, len(messages)) for cut in cuts), len(messages)]
    state = SequenceState()
    parts = []
    for start, stop in pairwise(edges):
        checked, state = check_sequence(frame(messages[start:stop], start), rule, state)
        state = SequenceState.from_json(state.to_json())
        parts.append(checked)
    assert pl.concat(parts).drop("message").equals(whole.drop("message"))
    assert state == end
