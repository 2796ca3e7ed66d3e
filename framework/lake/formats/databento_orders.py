"""Databento's market-by-order records as order messages that say how much each one moved.

DBN tells a fill twice, as F (which leaves the book alone) and within the cancel or modification
that follows, and tells of a modification only what the order became. Here every order is followed
from its add on, so that each row carries the shares it adds to or takes from its level:

- A → ORDER_ADD; the snapshot a file may begin with is a run of them.
- F → ORDER_EXECUTE; what the following C takes beyond the fill is a cancel.
- C → ORDER_DELETE where nothing is left, else ORDER_REDUCE.
- M at the same price and not larger → ORDER_REDUCE: the order keeps its place. Any other M →
  ORDER_DELETE and ORDER_ADD, at the end of the queue.
- T without an F at its instant met a hidden or implied order → HIDDEN_TRADE. Other T rows say what
  their F rows say, and give none.
- R → an empty depth snapshot; orders from before it are forgotten.

``sequence`` is the record's number, because a snapshot's records carry the numbers of long ago; for
the same reason their exchange time is the snapshot's.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.core.events import EventKind
from framework.lake.formats import fields
from framework.lake.formats.base import DEPTH_SCHEMA, ORDER_SCHEMA, REJECT_SCHEMA

_SNAPSHOT_FLAG: Final = 1 << 5  # F_SNAPSHOT of the DBN specification
_SIDE: Final = {"B": 1, "A": -1, "N": 0}
_ORDER: Final = ["source_file", "instrument_id", "epoch", "order_id"]
_ACTION: Final = pl.col("action")
_STATE: Final = ("price", "volume", "side")


def order_checks() -> list[fields.Check]:
    """Check what a market-by-order record must have."""
    sets = _ACTION.is_in(["A", "M"])
    moves = _ACTION.is_in(["A", "C", "F"])
    return [
        (~_ACTION.is_in(list("ACMFTRN")), "action must be A, C, M, F, T, R or N"),
        (sets & pl.col("price").is_null(), "an order must have a price"),
        (sets & (pl.col("side") == "N"), "an order must have a side"),
        (pl.col("order_id").is_null(), "order_id must be a whole number"),
        (moves & (pl.col("size").fill_null(0) <= 0), "size must be above zero"),
    ]


def order_rows(good: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Follow every order of a file.

    Parameters
    ----------
    good
        Records in the file's order, with ``exchange``, ``symbol`` and the clocks.

    Returns
    -------
    orders, depth, rejects
        `ORDER_SCHEMA`, `DEPTH_SCHEMA` (the clears) and `REJECT_SCHEMA`: cancels and fills of orders
        the file never added.
    """
    is_snapshot = pl.col("flags") & _SNAPSHOT_FLAG != 0
    stream = ["source_file", "instrument_id"]
    rows = good.sort("source_file", "source_row").with_columns(
        pl.when(is_snapshot)
        .then("received_timestamp_ns")
        .otherwise("exchange_timestamp_ns")
        .alias("exchange_timestamp_ns"),
        pl.col("side").replace_strict(_SIDE, return_dtype=pl.Int64),
        epoch=(_ACTION == "R").cum_sum().over(stream),
        sequence="source_row",
        volume=pl.col("size"),
    )
    clears = rows.filter(_ACTION == "R").drop("price", "volume").with_columns(is_snapshot=True)
    followed = _follow(rows.filter(_ACTION.is_in(["A", "C", "M", "F"])))
    unknown = _unknown(followed)
    moves = [*_moves(followed.filter(~_is_unknown())), _hidden(rows)]
    orders = pl.concat([fields.to_schema(part, ORDER_SCHEMA) for part in moves])
    # A modification's delete stands before its add.
    ranked = orders.sort(
        "source_file",
        "source_row",
        pl.col("action") == int(EventKind.ORDER_ADD),
        maintain_order=True,
    )
    return ranked, fields.to_schema(clears, DEPTH_SCHEMA), unknown


def _follow(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what each record takes from its order, what was left before it, and what it replaces."""
    is_set, is_fill = _ACTION.is_in(["A", "M"]), _ACTION == "F"
    numbered = rows.sort(*_ORDER, "source_row").with_columns(
        set_no=is_set.cum_sum().over(_ORDER),
        # A run of fills and the record after it share a number.
        run=((~is_fill).cum_sum() - (~is_fill).cast(pl.Int64)).over(_ORDER),
    )
    filled = pl.when(is_fill).then("volume").otherwise(0).sum().over([*_ORDER, "run"])
    taken = (
        pl.when(is_fill)
        .then("volume")
        .when(_ACTION == "C")
        .then(pl.max_horizontal(pl.col("volume") - filled, pl.lit(0)))
        .otherwise(0)
    )
    since_set = [*_ORDER, "set_no"]
    known = numbered.with_columns(
        taken=taken, **{f"set_{name}": pl.col(name).first().over(since_set) for name in _STATE}
    ).with_columns(taken_before=(pl.col("taken").cum_sum() - pl.col("taken")).over(since_set))
    left = pl.max_horizontal(pl.col("set_volume") - pl.col("taken_before"), pl.lit(0))
    states = known.with_columns(left_before=left).with_columns(
        moved=pl.min_horizontal("taken", "left_before")
    )
    left_after = pl.col("left_before") - pl.col("moved")
    before = {f"old_{name}": pl.col(f"set_{name}").shift().over(_ORDER) for name in _STATE}
    return states.with_columns(left_after=left_after, **before).with_columns(
        # Nothing is known of an order before its first add or modification.
        old_volume=pl.when(pl.col("set_no") > 1)
        .then(pl.col("left_after").shift().over(_ORDER))
        .otherwise(0)
    )


def _is_unknown() -> pl.Expr:
    spent = (pl.col("taken") > 0) & (pl.col("left_before") == 0)
    return (pl.col("set_no") == 0) | spent


def _unknown(followed: pl.DataFrame) -> pl.DataFrame:
    reason = pl.lit("the order must have been added before in this file and have shares left")
    return (
        followed.filter(_is_unknown())
        .sort("source_file", "source_row")
        .with_columns(reason=reason)
        .select(REJECT_SCHEMA.names())
    )


def _moves(followed: pl.DataFrame) -> list[pl.DataFrame]:
    is_new = _ACTION == "A"
    is_change = (_ACTION == "M") | (is_new & (pl.col("old_volume") > 0))
    keeps_place = (
        (_ACTION == "M")
        & (pl.col("price") == pl.col("old_price"))
        & (pl.col("side") == pl.col("old_side"))
        & (pl.col("volume") <= pl.col("old_volume"))
    )
    of_set = {"price": pl.col("set_price"), "side": pl.col("set_side")}
    of_old = {"price": pl.col("old_price"), "side": pl.col("old_side")}
    fills = followed.filter(_ACTION == "F").with_columns(volume="moved", **of_set)
    cancels = followed.filter((_ACTION == "C") & (pl.col("moved") > 0)).with_columns(
        volume="moved", **of_set
    )
    shrunk = followed.filter(keeps_place & (pl.col("volume") < pl.col("old_volume")))
    less = shrunk.with_columns(volume=pl.col("old_volume") - pl.col("volume"))
    replaced = followed.filter(is_change & ~keeps_place.fill_null(False))
    gone = replaced.filter(pl.col("old_volume") > 0).with_columns(volume="old_volume", **of_old)
    added = pl.concat([followed.filter(is_new), replaced.filter(_ACTION == "M")])
    is_last = pl.col("left_after") == 0
    ended = (
        pl.when(is_last).then(int(EventKind.ORDER_DELETE)).otherwise(int(EventKind.ORDER_REDUCE))
    )
    return [
        fills.with_columns(action=int(EventKind.ORDER_EXECUTE)),
        cancels.with_columns(action=ended),
        less.with_columns(action=int(EventKind.ORDER_REDUCE)),
        gone.with_columns(action=int(EventKind.ORDER_DELETE)),
        added.filter(pl.col("volume") > 0).with_columns(action=int(EventKind.ORDER_ADD)),
    ]


def _hidden(rows: pl.DataFrame) -> pl.DataFrame:
    """List trades that no displayed order's fill explains; the side is the resting order's."""
    instant = ["source_file", "instrument_id", "ts_event"]
    fills = rows.filter(_ACTION == "F").select(instant)
    return (
        rows.filter(_ACTION == "T")
        .join(fills, on=instant, how="anti", maintain_order="left")
        .with_columns(
            side=-pl.col("side"),
            order_id=pl.lit(0, pl.Int64),
            action=int(EventKind.HIDDEN_TRADE),
        )
    )
