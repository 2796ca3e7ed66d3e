"""Sequence rules: which depth messages build the book, and from where on it is not to be trusted.

A book is valid from the end of a snapshot until a jump in the sequence. What each rule calls a
jump is in `SequenceRule`; ``docs/integrity.md`` tells the same at length.

Binance sends its snapshot outside the stream: diffs arrive first, the snapshot of update id ``S``
arrives later and may be older than diffs already received. A client keeps such diffs and applies
those with ``u > S`` once the snapshot is there, and so does `check_sequence`: it emits a message
when it can be used. What that means for a gold builder:

- rows come back in order of application; numbering them as they stand gives a valid ``seq``;
- a diff that had to wait comes back right after its snapshot, marked ``is_replay``, with the
  snapshot's received time in ``available_timestamp_ns``: applied in that order, the local book is
  never built on levels that were wiped by a later snapshot. Its exchange time stays its own;
- where the venue gives a snapshot no time (Binance spot), ``exchange_timestamp_ns`` is filled
  with the time of the last diff the snapshot contains, which never lies after the diffs applied
  upon it, nor after the snapshot was received. It stays null where nothing arrived before the
  snapshot; the sooner of (corrected) received time and next exchange time is right then;
- ``before_snapshot`` and ``duplicate`` rows build nothing; the rest does, ``untrusted`` included:
  it shows what was seen while the book was not valid. A ``gap`` message is preceded by a GAP row.

Latency is to be measured on the received time of rows that are not ``is_replay``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from framework.core.errors import DataError
from framework.core.events import I64Array
from framework.lake.formats.base import DEPTH_SCHEMA

BoolArray = NDArray[np.bool_]
U8Array = NDArray[np.uint8]


class SequenceRule(StrEnum):
    """How a venue numbers its depth messages.

    Every rule comes down to the *base* of a message, the sequence it builds upon. A message whose
    base is not the last sequence applied follows a jump; one whose own sequence is not beyond it
    is a duplicate.
    """

    BINANCE_SPOT = "binance_spot"
    """Base ``U − 1``. First after a snapshot ``S``: ``U ≤ S + 1 ≤ u``."""
    BINANCE_FUTURES = "binance_futures"
    """Base ``pu``. First after a snapshot ``S``: ``pu ≤ S < u``, which contains the venue's
    ``U ≤ S ≤ u`` and also holds where no update of this symbol fell on ``S``."""
    PLAIN = "plain"
    """Base ``sequence − 1``; snapshots are part of the stream and restart the numbering."""
    NONE = "none"
    """The source numbers nothing: every message is taken as it comes, no snapshot is needed."""


class Status(StrEnum):
    """What the rule says of a message."""

    SNAPSHOT = "snapshot"
    """The book anew; valid after it."""
    APPLIED = "applied"
    """Continues a valid book."""
    GAP = "gap"
    """Messages were lost before this one: the book is invalid until the next snapshot."""
    UNTRUSTED = "untrusted"
    """Continues an invalid book."""
    BEFORE_SNAPSHOT = "before_snapshot"
    """No snapshot has come yet; it will come back as a replay if the snapshot is older."""
    DUPLICATE = "duplicate"
    """Contained in what was already applied."""


STATUS_DTYPE: Final = pl.Enum([status.value for status in Status])
_CODE: Final = {status: code for code, status in enumerate(Status)}

CHECKED_COLUMNS: Final = pl.Schema(
    {
        "message": pl.Int64,
        "status": STATUS_DTYPE,
        "is_jump": pl.Boolean,
        "is_replay": pl.Boolean,
        "book_valid": pl.Boolean,
        "available_timestamp_ns": pl.Int64,
    }
)
"""Columns `check_sequence` adds. ``message`` counts messages in order of application, from 0 in
each call; ``book_valid`` is the state after the message; ``is_jump`` also marks jumps that changed
nothing because no snapshot had come yet."""

MAX_HELD_MESSAGES: Final = 512
"""Diffs kept for a snapshot still to come. A snapshot is requested when the stream is opened and
arrives within seconds; Binance's fastest depth stream sends some 50 messages a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceState:
    """Where a stream stands at the end of a file, so that the next file can continue it.

    Parameters
    ----------
    last_sequence
        Sequence of the last message that was not a duplicate; None before the first.
    is_anchored
        True where that message was a snapshot from outside the stream.
    is_valid
        True where the book is valid.
    had_snapshot
        True once any snapshot has been applied.
    last_exchange_ns
        Latest exchange time seen; None before the first.
    held
        Rows (`DEPTH_SCHEMA`) of the last messages that may have to wait for a snapshot; empty
        while the book is valid.
    """

    last_sequence: int | None = None
    is_anchored: bool = False
    is_valid: bool = False
    had_snapshot: bool = False
    last_exchange_ns: int | None = None
    held: tuple[tuple[object, ...], ...] = ()

    def to_json(self) -> str:
        """Write the state as one line of JSON."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_json(cls, text: str) -> SequenceState:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        fields["held"] = tuple(tuple(row) for row in fields["held"])
        return cls(**fields)


@dataclass(slots=True)
class _Messages:
    """One entry per message: its rows are ``start[i] : start[i] + n_rows[i]``."""

    start: I64Array
    n_rows: I64Array
    is_snapshot: BoolArray
    sequence: I64Array
    base: I64Array
    exchange_ns: I64Array
    received_ns: I64Array


@dataclass(slots=True)
class _Emitted:
    """Messages in order of application, collected block by block."""

    index: list[I64Array]
    code: list[U8Array]
    is_jump: list[BoolArray]
    valid: list[BoolArray]
    replay_of: list[I64Array]
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


def check_sequence(
    depth: pl.DataFrame, rule: SequenceRule | str, state: SequenceState | None = None
) -> tuple[pl.DataFrame, SequenceState]:
    """Say of every depth message of one stream whether and when it builds the book.

    Parameters
    ----------
    depth
        Rows of `DEPTH_SCHEMA`, one exchange and symbol, in order of arrival.
    rule
        The venue's rule.
    state
        What the previous call on this stream returned.

    Returns
    -------
    checked
        The rows in order of application with `CHECKED_COLUMNS`; see the module for what gold
        needs. Splitting a stream into several calls gives the same rows.
    state
        To be passed to the next call.

    Raises
    ------
    DataError
        Where several streams are mixed, or a number that the rule needs is missing.
    """
    rule = SequenceRule(rule)
    state = state or SequenceState()
    carried = pl.DataFrame(list(state.held), schema=DEPTH_SCHEMA, orient="row")
    rows = pl.concat([carried, depth.select(DEPTH_SCHEMA.names())])
    if depth.is_empty():
        return _gather(rows, _no_messages(rows), _Emitted([], [], [], [], [])), state
    _require_one_stream(depth)
    messages = _messages(rows, rule)
    n_carried = int(np.searchsorted(messages.start, carried.height))
    emitted = _Emitted([], [], [], [], [])
    if rule in (SequenceRule.PLAIN, SequenceRule.NONE):
        state = _walk_in_band(messages, rule, state, emitted)
    else:
        state, held = _walk_out_of_band(messages, n_carried, state, emitted)
        kept = rows[_row_numbers(messages, held)]
        state = replace(state, held=tuple(kept.iter_rows()))
    return _gather(rows, messages, emitted), state


def _require_one_stream(depth: pl.DataFrame) -> None:
    streams = depth.select("exchange", "symbol").unique()
    if streams.height > 1:
        names = ", ".join(sorted(f"{venue}:{symbol}" for venue, symbol in streams.iter_rows()))
        raise DataError(
            f"a sequence belongs to one stream, found {names}",
            remedy="split the rows by exchange and symbol first",
        )


_BASE: Final = {
    SequenceRule.BINANCE_SPOT: pl.col("first_sequence") - 1,
    SequenceRule.BINANCE_FUTURES: pl.col("prev_sequence"),
    SequenceRule.PLAIN: pl.col("sequence") - 1,
    SequenceRule.NONE: pl.lit(0, pl.Int64),
}


def _no_messages(rows: pl.DataFrame) -> _Messages:
    none = np.empty(0, np.int64)
    return _Messages(none, none, none.astype(np.bool_), none, none, none, none)


def _messages(rows: pl.DataFrame, rule: SequenceRule) -> _Messages:
    key = ["source_file", "sequence", "is_snapshot"]
    if rule in (SequenceRule.BINANCE_SPOT, SequenceRule.BINANCE_FUTURES):
        key.append("source_row")  # a line is a message there, even one that repeats the last
    starts = rows.select(
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in key)
        | (pl.int_range(pl.len()) == 0)
    ).to_series()
    start = starts.arg_true().to_numpy().astype(np.int64)
    first = rows.select(
        "source_file",
        "source_row",
        "is_snapshot",
        "sequence",
        "received_timestamp_ns",
        base=_BASE[rule],
        # no time sorts as the earliest
        exchange=pl.col("exchange_timestamp_ns").fill_null(np.iinfo(np.int64).min),
    )[start]
    needed = pl.col("sequence").is_null() | (pl.col("base").is_null() & ~pl.col("is_snapshot"))
    missing = first.filter(needed) if rule != SequenceRule.NONE else first.clear()
    if missing.height:
        at = missing.row(0, named=True)
        raise DataError(
            f"{at['source_file']}, row {at['source_row']}: rule {rule.value} needs the venue's "
            "sequence numbers on every depth message, found none",
            remedy='set sequence_rule to "none" for this venue, or correct the file',
        )
    return _Messages(
        start=start,
        n_rows=np.diff(np.append(start, rows.height)),
        is_snapshot=first["is_snapshot"].to_numpy(),
        sequence=first["sequence"].fill_null(0).to_numpy(),
        base=first["base"].fill_null(0).to_numpy(),
        exchange_ns=first["exchange"].to_numpy().copy(),
        received_ns=first["received_timestamp_ns"].to_numpy(),
    )


def _codes(status: Status, n: int) -> U8Array:
    return np.full(n, _CODE[status], np.uint8)


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
    messages: _Messages, index: I64Array, state: SequenceState, emitted: _Emitted, snapshot: int
) -> tuple[I64Array, SequenceState]:
    """Take diffs one after the other; return those that are no duplicates, and the new state."""
    if index.size == 0:
        return index, state
    duplicate, is_jump = _classify(messages.sequence[index], messages.base[index], state)
    if state.had_snapshot:
        broken = np.logical_or.accumulate(is_jump) | (not state.is_valid)
        code = np.where(broken, _CODE[Status.UNTRUSTED], _CODE[Status.APPLIED]).astype(np.uint8)
        code[is_jump] = _CODE[Status.GAP]
    else:
        broken = np.ones(index.size, np.bool_)
        code = _codes(Status.BEFORE_SNAPSHOT, index.size)
    code[duplicate] = _CODE[Status.DUPLICATE]
    emitted.add(index, code, is_jump, ~broken, snapshot)
    new = index[~duplicate]
    if new.size:
        state = replace(state, last_sequence=int(messages.sequence[new[-1]]), is_anchored=False)
    return new, replace(state, is_valid=not broken[-1])


def _walk_out_of_band(
    messages: _Messages, n_carried: int, state: SequenceState, emitted: _Emitted
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
    messages: _Messages,
    index: I64Array,
    held: I64Array,
    state: SequenceState,
    emitted: _Emitted,
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


def _see_time(messages: _Messages, index: I64Array, state: SequenceState) -> SequenceState:
    times = messages.exchange_ns[index]
    times = times[times != np.iinfo(np.int64).min]
    if times.size == 0:
        return state
    latest = int(times.max())
    if state.last_exchange_ns is not None:
        latest = max(latest, state.last_exchange_ns)
    return replace(state, last_exchange_ns=latest)


def _date_snapshot(
    messages: _Messages, snapshot: int, held: I64Array, state: SequenceState
) -> None:
    """Give a snapshot without an exchange time the one the module's docstring describes."""
    if messages.exchange_ns[snapshot] != np.iinfo(np.int64).min:
        return
    older = held[messages.sequence[held] <= messages.sequence[snapshot]]
    if older.size:
        messages.exchange_ns[snapshot] = messages.exchange_ns[older[-1]]
    elif held.size:
        messages.exchange_ns[snapshot] = messages.exchange_ns[held[0]]
    elif state.last_exchange_ns is not None:
        messages.exchange_ns[snapshot] = state.last_exchange_ns


def _walk_in_band(
    messages: _Messages, rule: SequenceRule, state: SequenceState, emitted: _Emitted
) -> SequenceState:
    """Check a stream that carries its own snapshots, in one pass without a loop."""
    index = np.arange(messages.start.size)
    is_snapshot = messages.is_snapshot
    if rule == SequenceRule.NONE:
        code = np.where(is_snapshot, _CODE[Status.SNAPSHOT], _CODE[Status.APPLIED])
        emitted.add(index, code.astype(np.uint8), index < 0, index >= 0, -1)
        had = state.had_snapshot or bool(is_snapshot.any())
        return replace(_see_time(messages, index, state), is_valid=True, had_snapshot=had)
    frame = pl.DataFrame(
        {"stretch": np.cumsum(is_snapshot), "sequence": messages.sequence}
    ).with_columns(reached=pl.col("sequence").cum_max().over("stretch"))
    if state.last_sequence is not None:
        frame = frame.with_columns(
            pl.when(pl.col("stretch") == 0)
            .then(pl.max_horizontal("reached", pl.lit(state.last_sequence)))
            .otherwise("reached")
            .alias("reached")
        )
    reached = frame["reached"].to_numpy()
    before = np.empty_like(reached)
    before[1:] = reached[:-1]
    before[0] = messages.base[0] if state.last_sequence is None else state.last_sequence
    duplicate = ~is_snapshot & (messages.sequence <= before)
    is_jump = ~is_snapshot & ~duplicate & (messages.base != before)
    stretch = frame["stretch"].to_numpy()
    first_valid = np.where(stretch > 0, True, state.is_valid)
    jumped = pl.DataFrame({"stretch": stretch, "jump": is_jump.astype(np.int64)})
    n_jumps = jumped.select(pl.col("jump").cum_sum().over("stretch")).to_series().to_numpy()
    valid = first_valid & (n_jumps == 0)
    code = np.where(valid, _CODE[Status.APPLIED], _CODE[Status.UNTRUSTED]).astype(np.uint8)
    code[is_jump] = _CODE[Status.GAP]
    if not state.had_snapshot:
        code[stretch == 0] = _CODE[Status.BEFORE_SNAPSHOT]
    code[duplicate] = _CODE[Status.DUPLICATE]
    code[is_snapshot] = _CODE[Status.SNAPSHOT]
    emitted.add(index, code, is_jump, valid, -1)
    return replace(
        _see_time(messages, index, state),
        last_sequence=int(reached[-1]),
        is_valid=bool(valid[-1]),
        had_snapshot=state.had_snapshot or bool(is_snapshot.any()),
    )


def _row_numbers(messages: _Messages, index: I64Array) -> I64Array:
    """Row numbers of the given messages, in their order."""
    counts = messages.n_rows[index]
    shift = np.repeat(messages.start[index] - np.cumsum(counts) + counts, counts)
    return np.arange(counts.sum()) + shift


def _gather(rows: pl.DataFrame, messages: _Messages, emitted: _Emitted) -> pl.DataFrame:
    """Put the rows in order of application and add `CHECKED_COLUMNS`."""
    none = np.empty(0, np.int64)
    index = np.concatenate([none, *emitted.index])
    waited_for = np.concatenate([none, *emitted.replay_of])
    is_replay = waited_for >= 0
    counts = messages.n_rows[index]
    exchange = messages.exchange_ns[index]
    snapshot_or_self = np.where(is_replay, waited_for, index)
    status = np.array([status.value for status in Status])
    added = {
        "message": np.arange(index.size),
        "status": status[np.concatenate([none.astype(np.uint8), *emitted.code])],
        "is_jump": np.concatenate([none.astype(np.bool_), *emitted.is_jump]),
        "is_replay": is_replay,
        "book_valid": np.concatenate([none.astype(np.bool_), *emitted.valid]),
        "available_timestamp_ns": messages.received_ns[snapshot_or_self],
        "_exchange": exchange,
    }
    per_message = pl.DataFrame(added, schema=pl.Schema({**CHECKED_COLUMNS, "_exchange": pl.Int64}))
    per_row = per_message[np.repeat(np.arange(index.size), counts)]
    return (
        pl.concat([rows[_row_numbers(messages, index)], per_row], how="horizontal")
        .with_columns(
            exchange_timestamp_ns=pl.coalesce(
                "exchange_timestamp_ns",
                pl.when(pl.col("_exchange") != np.iinfo(np.int64).min).then("_exchange"),
            )
        )
        .drop("_exchange")
    )
