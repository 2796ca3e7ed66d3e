"""A desk's own orders and executions, to be priced by quotes.

An order's mids are those of the venue at the decision, at arrival and at its end. The mid an
execution met is that of the last quote *before* its time: one of the very instant may be what it
left behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.core.instrument import Instrument
from framework.engine.money import unit_value
from framework.lake.desk import DESK_EXECUTION_SCHEMA, DESK_ORDER_SCHEMA
from research.tca.market import steps
from research.tca.trading import EXECUTION_SCHEMA, MICRO, ORDER_SCHEMA, Trading

_STREAM: Final = ["exchange", "symbol"]


def from_desk(
    executions: pl.DataFrame,
    orders: pl.DataFrame | None,
    instruments: Sequence[Instrument],
    *,
    key: str = "",
) -> Trading:
    """Read a desk's tables as trading to be analysed.

    Parameters
    ----------
    executions
        `DESK_EXECUTION_SCHEMA`.
    orders
        `DESK_ORDER_SCHEMA`. Where None, every order is taken to have been decided and to have
        arrived with its first execution, and to have been filled as a whole: delay and opportunity
        are then 0 by assumption.
    instruments
        What ticks and lots are; streams without executions or orders may be among them.
    key
        Under which the table of costs knows this trading; made from its rows where left out.

    Raises
    ------
    DataError
        Where a column is missing or null, an execution belongs to no order or to another side, an
        order was filled beyond its volume, an instrument is not given, or a price or volume is off
        its grid.
    """
    executions = _checked(executions, DESK_EXECUTION_SCHEMA, "executions", {"liquidity"})
    executions = executions.sort("exchange_timestamp_ns", "execution_id")
    _refuse(executions, pl.struct("execution_id").is_duplicated(), "has an execution_id twice")
    _refuse(executions, pl.col("volume") <= 0, "has a volume that is not positive")
    if orders is None:
        orders = _implied(executions)
    ends = {"arrival_timestamp_ns", "end_timestamp_ns", "strategy"}
    orders = _checked(orders, DESK_ORDER_SCHEMA, "orders", ends)
    _refuse(orders, pl.struct("order_id").is_duplicated(), "has an order_id twice")
    books = {(item.venue, item.symbol): number for number, item in enumerate(instruments)}
    fills = _executions(executions, orders, instruments, books)
    whole = _orders(orders, fills, instruments, books)
    return Trading(
        source="desk",
        key=key or _digest(whole, fills),
        instruments=tuple(instruments),
        orders=whole,
        executions=fills,
        is_priced=False,
    )


def _digest(*frames: pl.DataFrame) -> str:
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(frame.write_csv().encode())
    return digest.hexdigest()


def _implied(executions: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("exchange_timestamp_ns").min() - 1
    return executions.group_by("order_id", maintain_order=True).agg(
        pl.col("exchange", "symbol", "side").first(),
        order_type=pl.lit("unknown"),
        strategy=pl.lit("unknown"),
        volume=pl.col("volume").sum(),
        decision_timestamp_ns=first,
        arrival_timestamp_ns=first,
        end_timestamp_ns=pl.col("exchange_timestamp_ns").max(),
    )


def _checked(
    frame: pl.DataFrame, schema: pl.Schema, what: str, may_be_null: set[str]
) -> pl.DataFrame:
    missing = [name for name in schema if name not in frame.columns]
    if missing:
        raise DataError(
            f"a desk's {what} need the columns {', '.join(schema)}, they lack {', '.join(missing)}",
            remedy="see docs/tca.md, or add them as null where they may be unknown",
        )
    typed = frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    for name in schema:
        if name not in may_be_null:
            _refuse(typed, pl.col(name).is_null(), f"has no {name}")
    _refuse(typed, ~pl.col("side").is_in([1, -1]), "has a side other than 1 and -1")
    return typed


def _refuse(rows: pl.DataFrame, wrong: pl.Expr, problem: str) -> None:
    bad = rows.with_row_index("row").filter(wrong.fill_null(True))
    if bad.height:
        row = bad.row(0, named=True)
        raise DataError(
            f"order {row['order_id']} {problem}, in row {row['row']} ({bad.height} rows in all)",
            remedy="correct the desk's table, or leave those rows out",
        )


def _books(rows: pl.DataFrame, books: dict[tuple[str, str], int]) -> pl.DataFrame:
    found = sorted(set(rows.select(_STREAM).iter_rows()))
    unknown = [":".join(pair) for pair in found if pair not in books]
    if unknown:
        raise DataError(
            f"what a tick and a lot of {', '.join(unknown)} are is not known",
            remedy="add the instrument to the catalog",
        )
    numbers = pl.DataFrame(
        [(*pair, books[pair]) for pair in found],
        schema={"exchange": pl.String, "symbol": pl.String, "book": pl.Int32},
        orient="row",
    )
    return rows.join(numbers, on=_STREAM, how="left", maintain_order="left")


def _counted(
    rows: pl.DataFrame, instruments: Sequence[Instrument], columns: dict[str, tuple[str, str, int]]
) -> pl.DataFrame:
    """Turn columns into whole numbers: ``{new: (old, grid, factor)}``, book by book."""
    parts = []
    for part in rows.with_row_index("__row").partition_by("book", maintain_order=True):
        instrument = instruments[part["book"][0]]
        for old, grid, factor in columns.values():
            _check_grid(part, instrument, old, grid, factor)
        parts.append(
            part.with_columns(
                steps(part[old] * factor, instrument, grid).alias(new)
                for new, (old, grid, factor) in columns.items()
            )
        )
    if not parts:
        return rows.with_columns(pl.lit(None, pl.Int64).alias(new) for new in columns)
    return pl.concat(parts).sort("__row").drop("__row")


def _check_grid(
    part: pl.DataFrame, instrument: Instrument, column: str, grid: str, factor: int
) -> None:
    values = (part[column] * factor).to_numpy()
    _, off = instrument.to_ticks(values) if grid == "tick" else instrument.to_lots(values)
    if off.any():
        row = part.row(int(off.argmax()), named=True)
        step = instrument.tick if grid == "tick" else instrument.lot
        half = ", or halfway between two," if factor == 2 else ""
        raise DataError(
            f"order {row['order_id']}: {column} must be a multiple of the {grid} {step}{half} of "
            f"{instrument.name}, it is {row[column]} ({int(off.sum())} rows in all)",
            remedy=f"correct the desk's table, or the {grid} in the catalog",
        )


def _executions(
    executions: pl.DataFrame,
    orders: pl.DataFrame,
    instruments: Sequence[Instrument],
    books: dict[tuple[str, str], int],
) -> pl.DataFrame:
    known = orders.select("order_id", *(pl.col(c).alias(f"its_{c}") for c in (*_STREAM, "side")))
    joined = executions.join(known, on="order_id", how="left", maintain_order="left")
    _refuse(joined, pl.col("its_side").is_null(), "is executed but is no order")
    differs = pl.any_horizontal(pl.col(c) != pl.col(f"its_{c}") for c in (*_STREAM, "side"))
    _refuse(joined, differs, "is executed on another venue, symbol or side")
    counted = _counted(
        _books(executions, books),
        instruments,
        {"px_hticks": ("price", "tick", 2), "qty_lots": ("volume", "lot", 1)},
    )
    units = [float(unit_value(item)) for item in instruments]
    unit = pl.col("book").replace_strict(list(range(len(units))), units, return_dtype=pl.Float64)
    return counted.select(
        "order_id",
        "book",
        "side",
        ts_ns="exchange_timestamp_ns",
        px_hticks="px_hticks",
        qty_lots="qty_lots",
        liquidity=pl.col("liquidity").fill_null("unknown"),
        fee_micro=(pl.col("fee") / unit * MICRO).round().cast(pl.Int64),
        fill_hticks=pl.lit(None, pl.Int64),
    ).select(pl.col(name).cast(dtype) for name, dtype in EXECUTION_SCHEMA.items())


def _orders(
    orders: pl.DataFrame,
    fills: pl.DataFrame,
    instruments: Sequence[Instrument],
    books: dict[tuple[str, str], int],
) -> pl.DataFrame:
    counted = _counted(_books(orders, books), instruments, {"qty_lots": ("volume", "lot", 1)}).join(
        fills.group_by("order_id").agg(filled_lots=pl.col("qty_lots").sum()),
        on="order_id",
        how="left",
        maintain_order="left",
    )
    counted = counted.with_columns(pl.col("filled_lots").fill_null(0))
    _refuse(counted, pl.col("filled_lots") > pl.col("qty_lots"), "is filled beyond its volume")
    never = (pl.col("filled_lots") > 0) & pl.col("arrival_timestamp_ns").is_null()
    _refuse(counted, never, "is filled without having arrived")
    nothing = {
        name: pl.lit(None, ORDER_SCHEMA[name])
        for name in ORDER_SCHEMA
        if name.endswith("_hticks") or name == "touch_lots"
    }
    return counted.with_columns(
        decided_ns="decision_timestamp_ns",
        arrived_ns="arrival_timestamp_ns",
        ended_ns="end_timestamp_ns",
        unfilled_lots=pl.col("qty_lots") - pl.col("filled_lots"),
        **nothing,
    ).select(pl.col(name).cast(dtype) for name, dtype in ORDER_SCHEMA.items())
