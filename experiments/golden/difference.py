"""The first event in which two journals differ, and what stood around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from experiments.golden.standing import standing
from framework.core.instrument import Instrument
from framework.engine.story import told_journal

NEIGHBOURS = 3
"""Events shown before the first difference, and after it on either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where two journals part.

    Parameters
    ----------
    row
        Number of the first row that differs, from 0; None where all shared rows and columns agree
        and only columns came or went.
    columns
        Columns that differ in that row; all where one journal has ended.
    before
        The last events both have, as `framework.engine.story.told_journal` tells them.
    baseline, now
        The events from that row on, on either side; empty where that journal has ended.
    state_before, state_baseline, state_now
        What the account stood at before that event, and after it on either side; see `standing`.
    added, dropped
        Columns that only the journal now has, and only the baseline had.
    """

    row: int | None
    columns: tuple[str, ...]
    before: pl.DataFrame
    baseline: pl.DataFrame
    now: pl.DataFrame
    state_before: pl.DataFrame
    state_baseline: pl.DataFrame
    state_now: pl.DataFrame
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def event(self) -> str:
        """Name the event in one line, as either side has it."""
        if self.row is None:
            return "every shared column of every row agrees"
        sides = [_named(self.baseline, "baseline"), _named(self.now, "now")]
        return f"row {self.row}: " + "; ".join(sides)


def first_difference(
    baseline: pa.Table, now: pa.Table, instruments: Sequence[Instrument]
) -> Difference | None:
    """Find where two journals part; None where they are the same, column for column.

    Columns that only one of them has are left out of the comparison and named.
    """
    old, new = pl.DataFrame(pl.from_arrow(baseline)), pl.DataFrame(pl.from_arrow(now))
    shared = [name for name in new.columns if name in old.columns]
    row = _first_row(old.select(shared), new.select(shared))
    added = tuple(name for name in new.columns if name not in shared)
    dropped = tuple(name for name in old.columns if name not in shared)
    if row is None and not added and not dropped:
        return None
    at = new.height if row is None else row

    def told(rows: pl.DataFrame) -> pl.DataFrame:
        return told_journal(instruments, rows)

    return Difference(
        row=row,
        columns=tuple(_differing(old, new, shared, row)) if row is not None else (),
        before=told(new[max(0, at - NEIGHBOURS) : at]),
        baseline=told(old[at : at + NEIGHBOURS]),
        now=told(new[at : at + NEIGHBOURS]),
        state_before=standing(instruments, new[:at]),
        state_baseline=standing(instruments, old[: at + 1]),
        state_now=standing(instruments, new[: at + 1]),
        added=added,
        dropped=dropped,
    )


def _first_row(old: pl.DataFrame, new: pl.DataFrame) -> int | None:
    shortest = min(old.height, new.height)
    unequal = pl.any_horizontal(
        old[name][:shortest].ne_missing(new[name][:shortest]) for name in new.columns
    )
    rows = pl.select(unequal.arg_true()).to_series()
    if rows.len():
        return int(rows[0])
    return None if old.height == new.height else shortest


def _differing(old: pl.DataFrame, new: pl.DataFrame, shared: list[str], row: int) -> list[str]:
    if row >= min(old.height, new.height):
        return shared
    return [name for name in shared if old[name][row] != new[name][row]]


def _named(events: pl.DataFrame, side: str) -> str:
    if events.is_empty():
        return f"{side} has ended"
    row = events.row(0, named=True)
    order = f" of order {row['order']}" if row["order"] else ""
    return f"{side} {row['event']}{order} at {row['venue']}:{row['symbol']}, {row['time']}"
