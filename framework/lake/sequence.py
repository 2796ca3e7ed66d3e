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

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.core.events import I64Array
from framework.lake.formats.base import DEPTH_SCHEMA
from framework.lake.sequence_rules import (
    CHECKED_COLUMNS,
    STATUS_DTYPE,
    SequenceRule,
    SequenceState,
    Status,
)
from framework.lake.sequence_walk import (
    NO_TIME,
    Emitted,
    Messages,
    walk_in_band,
    walk_out_of_band,
)

__all__ = [
    "CHECKED_COLUMNS",
    "STATUS_DTYPE",
    "SequenceRule",
    "SequenceState",
    "Status",
    "check_sequence",
]


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
        return _gather(rows, _no_messages(rows), Emitted()), state
    _require_one_stream(depth)
    messages = _messages(rows, rule)
    n_carried = int(np.searchsorted(messages.start, carried.height))
    emitted = Emitted()
    if rule in (SequenceRule.PLAIN, SequenceRule.NONE):
        state = walk_in_band(messages, rule, state, emitted)
    else:
        state, held = walk_out_of_band(messages, n_carried, state, emitted)
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


def _no_messages(rows: pl.DataFrame) -> Messages:
    none = np.empty(0, np.int64)
    return Messages(none, none, none.astype(np.bool_), none, none, none, none)


def _messages(rows: pl.DataFrame, rule: SequenceRule) -> Messages:
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
        exchange=pl.col("exchange_timestamp_ns").fill_null(NO_TIME),
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
    return Messages(
        start=start,
        n_rows=np.diff(np.append(start, rows.height)),
        is_snapshot=first["is_snapshot"].to_numpy(),
        sequence=first["sequence"].fill_null(0).to_numpy(),
        base=first["base"].fill_null(0).to_numpy(),
        exchange_ns=first["exchange"].to_numpy().copy(),
        received_ns=first["received_timestamp_ns"].to_numpy(),
    )


def _row_numbers(messages: Messages, index: I64Array) -> I64Array:
    """Row numbers of the given messages, in their order."""
    counts = messages.n_rows[index]
    shift = np.repeat(messages.start[index] - np.cumsum(counts) + counts, counts)
    return np.arange(counts.sum()) + shift


def _gather(rows: pl.DataFrame, messages: Messages, emitted: Emitted) -> pl.DataFrame:
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
    per_message = pl.DataFrame(
        added, schema=pl.Schema([*CHECKED_COLUMNS.items(), ("_exchange", pl.Int64())])
    )
    per_row = per_message[np.repeat(np.arange(index.size), counts)]
    return (
        pl.concat([rows[_row_numbers(messages, index)], per_row], how="horizontal")
        .with_columns(
            exchange_timestamp_ns=pl.coalesce(
                "exchange_timestamp_ns",
                pl.when(pl.col("_exchange") != NO_TIME).then("_exchange"),
            )
        )
        .drop("_exchange")
    )
