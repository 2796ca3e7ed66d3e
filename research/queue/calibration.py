"""Measure queue models by price level against the exact queue of order-by-order data.

Shadow orders of no size join the touch, each just before a real order does. Where they stand is
known from the order ids; what each model believes is computed from the level's sizes and trades
alone, as in a backtest on depth data. See `framework.venue.shadow`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.book.ladder import Ladders
from framework.book.queue_l3 import OrderQueues, has_room
from framework.core.errors import DataError, SpecError
from framework.core.events import I8Array, I64Array, Tape
from framework.replay.market import read_market
from framework.replay.stream import GoldStream
from framework.venue.queue import QueueModel
from framework.venue.shadow import (
    ESTIMATE_DTYPE,
    EXECUTION_DTYPE,
    MODEL_DTYPE,
    SHADOW_DTYPE,
    C,
    E,
    ShadowBook,
    Verdict,
    follow_shadows,
)
from research.queue.errors import model_errors

MAX_SHADOWS: Final = 200_000
"""Shadows of one measurement; half a kilobyte each."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A queue model and its exponent, which only the power models read."""

    model: QueueModel
    power: float = 1.0

    def __str__(self) -> str:
        name = self.model.name.lower()
        return f"{name} {self.power:g}" if name.startswith("power") else name


MODELS: Final = (
    ModelChoice(model=QueueModel.RISK_AVERSE),
    *(ModelChoice(model=QueueModel.POWER, power=power) for power in (1.0, 2.0, 3.0)),
    ModelChoice(model=QueueModel.POWER2, power=3.0),
    ModelChoice(model=QueueModel.POWER3, power=3.0),
    ModelChoice(model=QueueModel.LOG),
    ModelChoice(model=QueueModel.LOG2),
)
"""What is measured: every family, the power family at three exponents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCalibration:
    """What was measured on one stream.

    Attributes
    ----------
    every
        One in how many orders that joined the touch got a shadow.
    executions
        One row a visible execution: time, side, price, lots, id, `verdict` (a name of
        `framework.venue.shadow.Verdict`), and what stood ahead.
    shadows
        One row a shadow: when and where it joined, ``ahead0_lots``, times at the front and at the
        end (null: never), `censored`.
    errors
        One row a model, the least mean absolute error first; see `research.queue.errors`.
    """

    name: str
    table: str
    version: int
    every: int
    executions: pl.DataFrame
    shadows: pl.DataFrame
    errors: pl.DataFrame

    @property
    def recommended(self) -> str:
        """Model with the least mean absolute error of the quantity ahead."""
        return str(self.errors["model"][0])

    def verdicts(self) -> dict[str, int]:
        """Count the executions by who stood first."""
        found = self.executions.group_by("verdict").len()
        counts = dict(found.iter_rows())
        return {verdict.name.lower(): counts.get(verdict.name.lower(), 0) for verdict in Verdict}

    @property
    def agreement(self) -> float:
        """Share of executions, of orders whose add was seen, that were first in their queue."""
        verdicts = self.verdicts()
        known = sum(verdicts[name] for name in ("first", "behind_anonymous", "behind_orders"))
        return verdicts["first"] / known if known else float("nan")

    def as_json(self) -> dict[str, object]:
        """Everything but the rows, as plain values."""
        watched = self.shadows.filter(~pl.col("censored"))
        return {
            "stream": self.name,
            "table": self.table,
            "version": self.version,
            "executions": self.executions.height,
            "verdicts": self.verdicts(),
            "agreement": self.agreement,
            "every": self.every,
            "shadows": self.shadows.height,
            "censored": self.shadows.height - watched.height,
            "recommended": self.recommended,
            "models": self.errors.to_dicts(),
        }


def calibrate_queue(
    stream: GoldStream, *, every: int = 10, progress: Progress | None = None
) -> QueueCalibration:
    """Replay a stream of named orders and measure every model of `MODELS` on it.

    Parameters
    ----------
    stream
        Order-by-order data.
    every
        One in how many orders that join the touch gets a shadow.
    progress
        Called with events done and events in all.

    Raises
    ------
    DataError
        Where the stream names no orders, or none ever joined a touch that others stood at.
    SpecError
        Where `every` is no positive number, or would give more than `MAX_SHADOWS`.
    """
    rows = sum(stream.files()["rows"].to_pylist())
    name = stream.instrument.name
    if every < 1 or rows // every > MAX_SHADOWS:
        raise SpecError(
            f"every must be 1 or more, and give at most {MAX_SHADOWS:,} shadows of {rows:,} "
            f"events, got {every}",
            remedy=f"give every {max(1, -(-rows // MAX_SHADOWS))} or more",
        )
    if not stream.names_orders():
        raise DataError(
            f"{stream.table}, {name}: calibration needs order-by-order data, there are no ids",
            remedy="name a table made of orders, such as LOBSTER's or Databento's mbo",
        )
    run = _Run(stream, every, rows // every + 1)
    run.replay(rows, progress)
    shadows = run.shadows()
    if shadows.is_empty():
        raise DataError(
            f"{stream.table}, {name}: no shadow could join, every {every} orders at the touch",
            remedy="take a longer table or a smaller every",
        )
    return QueueCalibration(
        name=name,
        table=stream.table,
        version=stream.version,
        every=every,
        executions=pl.concat(run.executions),
        shadows=shadows,
        errors=model_errors(shadows, run.estimates()),
    )


class _Run:
    """The replay: owns the arrays that the kernel works on."""

    def __init__(self, stream: GoldStream, every: int, max_shadows: int) -> None:
        self._stream = stream
        self._ladders, self._queues = Ladders(1), OrderQueues()
        models = np.zeros(len(MODELS), MODEL_DTYPE)
        for record, choice in zip(models, MODELS, strict=True):
            record["model"], record["power"] = choice.model, choice.power
            record["lot_quantity"] = float(stream.instrument.lot)
        self._book = ShadowBook(
            ladders=self._ladders.handle,
            queues=self._queues.handle,
            counts=np.zeros(C.SIZE, np.int64),
            models=models.view(np.recarray),
            shadows=np.zeros(max_shadows, SHADOW_DTYPE).view(np.recarray),
            active=np.zeros(max_shadows, np.int64),
            estimates=np.zeros(max_shadows * len(MODELS), ESTIMATE_DTYPE).view(np.recarray),
            executions=np.zeros(0, EXECUTION_DTYPE).view(np.recarray),
        )
        self._book.counts[C.EVERY] = every
        self.executions: list[pl.DataFrame] = []

    def replay(self, rows: int, progress: Progress | None) -> None:
        """Follow the whole stream."""
        done = 0
        for events in self._events():
            room = np.zeros(len(events), EXECUTION_DTYPE).view(np.recarray)
            self._book = self._book._replace(executions=room)
            self._book.counts[C.EXECUTIONS] = 0
            row = 0
            while (row := follow_shadows(self._book, events, row)) < len(events):
                if has_room(self._queues.handle):
                    self._ladders.grow_far()
                else:
                    self._queues.grow()
            self.executions.append(_executions(room[: self._book.counts[C.EXECUTIONS]]))
            done += len(events)
            if progress:
                progress(done, rows)

    def _events(self) -> Iterator[I64Array]:
        for chunk in read_market([self._stream]):
            yield _columns(chunk.tape, chunk.first_event)

    def shadows(self) -> pl.DataFrame:
        """One row a shadow; those still watched at the end are censored."""
        n = self._book.counts[C.SHADOWS]
        frame = _frame(self._book.shadows[:n])
        side, ended = 1 - 2 * pl.col("h"), pl.col("end_ns") >= 0
        return frame.select(
            "start_ns",
            side=side.cast(pl.Int8),
            px_ticks=side * pl.col("z"),
            ahead0_lots="ahead0_lots",
            events=pl.col("events").clip(0),
            last_ns="last_ns",
            front_ns=pl.when(pl.col("front_ns") >= 0).then("front_ns"),
            end_ns=pl.when(ended).then("end_ns"),
            censored=(pl.col("censored") != 0) | ~ended,
        )

    def estimates(self) -> pl.DataFrame:
        """One row a shadow and model, shadows numbered as in `shadows`."""
        n = self._book.counts[C.SHADOWS]
        frame = _frame(self._book.estimates[: n * len(MODELS)])
        return frame.with_columns(
            shadow=pl.Series(np.repeat(np.arange(n), len(MODELS))),
            model=pl.Series([str(choice) for choice in MODELS] * int(n), dtype=pl.String),
            front_ns=pl.when(pl.col("front_ns") >= 0).then("front_ns"),
        )


def _columns(tape: Tape, first: int) -> I64Array:
    columns: dict[E, I64Array | I8Array] = {
        E.TS: tape.ts_exch_ns,
        E.KIND: tape.kind,
        E.SIDE: tape.side,
        E.FLAGS: tape.flags,
        E.PX: tape.px_ticks,
        E.QTY: tape.qty_lots,
        E.ORDER_ID: tape.order_id,
    }
    events = np.empty((tape.ts_exch_ns.size - first, len(E)), np.int64)
    for place, column in columns.items():
        events[:, place] = column[first:]
    return events


def _frame(records: np.ndarray) -> pl.DataFrame:
    names = records.dtype.names or ()
    return pl.DataFrame({name: np.ascontiguousarray(records[name]) for name in names})


def _executions(records: np.ndarray) -> pl.DataFrame:
    names = {int(verdict): verdict.name.lower() for verdict in Verdict}
    side = 1 - 2 * pl.col("h")
    return _frame(records).select(
        "ts_ns",
        side=side.cast(pl.Int8),
        px_ticks=side * pl.col("z"),
        lots="lots",
        order_id="order_id",
        verdict=pl.col("verdict").replace_strict(names, return_dtype=pl.String),
        ahead_lots="ahead_lots",
        ahead_orders="ahead_orders",
    )
