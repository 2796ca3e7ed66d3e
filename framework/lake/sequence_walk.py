"""Walk a stream's messages in order of arrival and say of each whether it builds the book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from framework.core.events import I64Array
from framework.lake.sequence_rules import STATUS_CODE, SequenceRule, SequenceState, Status

BoolArray = NDArray[np.bool_]
U8Array = NDArray[np.uint8]

NO_TIME: Final = np.iinfo(np.int64).min
"""Marks a message without an exchange time."""

MAX_HELD_MESSAGES: Final = 512
"""Diffs kept for a snapshot still to come. A snapshot is requested when the stream is opened and
arrives within seconds; Binance's fastest depth stream sends some 50 messages a second."""


@dataclass(slots=True)
class Messages:
    """One entry per message: its rows are ``start[i] : start[i] + n_rows[i]``."""

    start: I64Array
    n_rows: I64Array
    is_snapshot: BoolArray
    sequence: I64Array
    base: I64Array
    exchange_ns: I64Array
    received_ns: I64Array


@dataclass(slots=True)
class Emitted:
    """Messages in order of application, collected block by block."""

    index: list[I64Array] = field(default_factory=list)
    code: list[U8Array] = field(default_factory=list)
    is_jump: list[BoolArray] = field(default_factory=list)
    valid: list[BoolArray] = field(default_factory=list)
    replay_of: list[I64Array] = field(default_factory=list)
    """Index of the snapshot a replayed message waited for, −1 otherwise."""

    def add(
        self, index: I64Array, code: U8Array, is_jump: BoolArray, valid: BoolArray, snapshot: int
    ) -> None:
        """Append a block of messages."""
        self.index.append(index)
        self.code.append(code)
        self.is_jump.append(is_jump)
        self.valid.append(valid)
        self.replay_of.append(np.full(index.size, snapshot, np.int64))


def _codes(status: Status, n: int) -> U8Array:
    return np.full(n, STATUS_CODE[status], np.uint8)


def _choose(condition: BoolArray, yes: Status, no: Status) -> U8Array:
    return np.where(condition, STATUS_CODE[yes], STATUS_CODE[no]).astype(np.uint8)


def _classify(
    sequence: I64Array, base: I64Array, state: SequenceState
) -> tuple[BoolArray, BoolArray]:
    """Find duplicates and jumps among the diffs of one stretch without a snapshot."""
    reached = np.maximum.accumulate(sequence)
    before = np.empty_like(reached)
    before[1:] = reached[:-1]
    if state.last_sequence is None:
        before[0] = base[0]  # nothing to compare the very first message with
    else:
        before[0] = state.last_sequence
        np.maximum(before, state.last_sequence, out=before)
    duplicate = sequence <= before
    linked = base == before
    if state.is_anchored:
        linked |= (before == state.last_sequence) & (base <= before)
    return duplicate, ~duplicate & ~linked


def _run(
    messages: Messages, index: I64Array, state: SequenceState, emitted: Emitted, snapshot: int
) -> tuple[I64Array, SequenceState]:
    """Take diffs one after the other; return those that are no duplicates, and the new state."""
    if index.size == 0:
        return index, state
    duplicate, is_jump = _classify(messages.sequence[index], messages.base[index], state)
    if state.had_snapshot:
        broken = np.logical_or.accumulate(is_jump) | (not state.is_valid)
        code = _choose(broken, Status.UNTRUSTED, Status.APPLIED)
        code[is_jump] = STATUS_CODE[Status.GAP]
    else:
        broken = np.ones(index.size, np.bool_)
        code = _codes(Status.BEFORE_SNAPSHOT, index.size)
    code[duplicate] = STATUS_CODE[Status.DUPLICATE]
    emitted.add(index, code, is_jump, ~broken, snapshot)
    new = index[~duplicate]
    if new.size:
        state = replace(state, last_sequence=int(messages.sequence[new[-1]]), is_anchored=False)
    return new, replace(state, is_valid=not broken[-1])


def walk_out_of_band(
    messages: Messages, n_carried: int, state: SequenceState, emitted: Emitted
) -> tuple[SequenceState, I64Array]:
    """Walk from snapshot to snapshot; return the state and the messages to hold."""
    held = np.arange(n_carried, dtype=np.int64)
    at = n_carried
    for snapshot in [*np.flatnonzero(messages.is_snapshot).tolist(), messages.start.size]:
        held, state = _diffs(messages, np.arange(at, snapshot), held, state, emitted)
        at = snapshot + 1
        if snapshot == messages.start.size:
            break
        index = np.array([snapshot])
        sequence = int(messages.sequence[snapshot])
        last = state.last_sequence
        if state.is_valid and last is not None and sequence <= last:
            emitted.add(index, _codes(Status.DUPLICATE, 1), index < 0, index >= 0, -1)
            continue
        _date_snapshot(messages, snapshot, held, state)
        emitted.add(index, _codes(Status.SNAPSHOT, 1), index < 0, index >= 0, -1)
        state = replace(
            _see_time(messages, index, state),
            last_sequence=sequence,
            is_anchored=True,
            is_valid=True,
            had_snapshot=True,
        )
        newer = held[messages.sequence[held] > sequence]
        held, state = _diffs(messages, newer, held[:0], state, emitted, snapshot)
    return state, held


def _diffs(
    messages: Messages,
    index: I64Array,
    held: I64Array,
    state: SequenceState,
    emitted: Emitted,
    snapshot: int = -1,
) -> tuple[I64Array, SequenceState]:
    """Take diffs; return the messages to hold for the next snapshot, and the new state."""
    was_valid = state.is_valid
    new, state = _run(messages, index, state, emitted, snapshot)
    state = _see_time(messages, index, state)
    if state.is_valid:
        return held[:0], state
    if was_valid and new.size:
        # Only from the jump on: what came before it is in the book, and any snapshot that mends
        # the book is newer than it.
        new = new[np.flatnonzero(emitted.is_jump[-1][np.isin(index, new)])[0] :]
    return np.concatenate([held, new])[-MAX_HELD_MESSAGES:], state


def _see_time(messages: Messages, index: I64Array, state: SequenceState) -> SequenceState:
    times = messages.exchange_ns[index]
    times = times[times != NO_TIME]
    if times.size == 0:
        return state
    latest = int(times.max())
    if state.last_exchange_ns is not None:
        latest = max(latest, state.last_exchange_ns)
    return replace(state, last_exchange_ns=latest)


def _date_snapshot(messages: Messages, snapshot: int, held: I64Array, state: SequenceState) -> None:
    """Give a snapshot without an exchange time the one the module's docstring describes."""
    if messages.exchange_ns[snapshot] != NO_TIME:
        return
    older = held[messages.sequence[held] <= messages.sequence[snapshot]]
    if older.size:
        messages.exchange_ns[snapshot] = messages.exchange_ns[older[-1]]
    elif held.size:
        messages.exchange_ns[snapshot] = messages.exchange_ns[held[0]]
    elif state.last_exchange_ns is not None:
        messages.exchange_ns[snapshot] = state.last_exchange_ns


def walk_in_band(
    messages: Messages, rule: SequenceRule, state: SequenceState, emitted: Emitted
) -> SequenceState:
    """Check a stream that carries its own snapshots, in one pass without a loop."""
    is_snapshot = messages.is_snapshot
    index = np.arange(is_snapshot.size)
    had_snapshot = state.had_snapshot or bool(is_snapshot.any())
    state = _see_time(messages, index, state)
    if rule == SequenceRule.NONE:
        code = _choose(is_snapshot, Status.SNAPSHOT, Status.APPLIED)
        emitted.add(index, code, index < 0, index >= 0, -1)
        return replace(state, is_valid=True, had_snapshot=had_snapshot)
    stretch = np.cumsum(is_snapshot, dtype=np.int64)
    reached = _cumulate(messages.sequence, stretch, pl.Expr.cum_max)
    if state.last_sequence is not None:
        reached = np.where(stretch == 0, np.maximum(reached, state.last_sequence), reached)
    before = np.roll(reached, 1)
    before[0] = messages.base[0] if state.last_sequence is None else state.last_sequence
    duplicate = ~is_snapshot & (messages.sequence <= before)
    is_jump = ~is_snapshot & ~duplicate & (messages.base != before)
    n_jumps = _cumulate(is_jump.astype(np.int64), stretch, pl.Expr.cum_sum)
    valid = ((stretch > 0) | state.is_valid) & (n_jumps == 0)
    code = _choose(valid, Status.APPLIED, Status.UNTRUSTED)
    code[is_jump] = STATUS_CODE[Status.GAP]
    if not state.had_snapshot:
        code[stretch == 0] = STATUS_CODE[Status.BEFORE_SNAPSHOT]
    code[duplicate] = STATUS_CODE[Status.DUPLICATE]
    code[is_snapshot] = STATUS_CODE[Status.SNAPSHOT]
    emitted.add(index, code, is_jump, valid, -1)
    return replace(
        state,
        last_sequence=int(reached[-1]),
        is_valid=bool(valid[-1]),
        had_snapshot=had_snapshot,
    )


def _cumulate(values: I64Array, group: I64Array, how: Callable[[pl.Expr], pl.Expr]) -> I64Array:
    """Cumulate within consecutive groups."""
    frame = pl.DataFrame({"group": group, "value": values})
    return frame.select(how(pl.col("value")).over("group")).to_series().to_numpy()
