"""Files are only skipped where no row could match, and a z-order keeps every row."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from hypothesis import given
from hypothesis import strategies as st

from framework.scale.pushdown import Condition, matching_files, row_filter
from framework.scale.zorder import along_curve, z_values

_SYMBOLS = st.sampled_from(["A/B", "C", "D", None])
_ROW = st.tuples(_SYMBOLS, st.one_of(st.none(), st.integers(-5, 20)))
_TABLE = st.lists(st.lists(_ROW, min_size=1, max_size=5), min_size=1, max_size=6)
_OPERATIONS = st.sampled_from(["=", "<", "<=", ">", ">=", "in"])
SCHEMA = {"symbol": pl.String, "ts": pl.Int64}


@st.composite
def conditions(draw: st.DrawFn) -> list[Condition]:
    found: list[Condition] = []
    for _ in range(draw(st.integers(0, 2))):
        operation = draw(_OPERATIONS)
        count = draw(st.integers(1, 3)) if operation == "in" else 1
        column = draw(st.sampled_from(["symbol", "ts"]))
        values = st.integers(-5, 20) if column == "ts" else st.sampled_from(["A/B", "C", "D"])
        found.append((column, operation, tuple(draw(values) for _ in range(count))))
    return found


def matches(row: tuple[object, ...], wanted: list[Condition]) -> bool:
    """Say of one row what SQL would: null is never true."""
    for column, operation, values in wanted:
        value = row[list(SCHEMA).index(column)]
        if value is None:
            return False
        verdicts = {
            "=": value == values[0],
            "in": value in values,
            "<": operation == "<" and value < values[0],  # type: ignore[operator]
            "<=": operation == "<=" and value <= values[0],  # type: ignore[operator]
            ">": operation == ">" and value > values[0],  # type: ignore[operator]
            ">=": operation == ">=" and value >= values[0],  # type: ignore[operator]
        }
        if not verdicts[operation]:
            return False
    return True


@given(_TABLE, conditions())
def test_no_matching_row_is_skipped(
    table: list[list[tuple[object, ...]]], wanted: list[Condition]
) -> None:
    frames = [pl.DataFrame(rows, schema=SCHEMA, orient="row") for rows in table]
    files = pl.DataFrame(
        {
            "path": [str(index) for index in range(len(frames))],
            **{f"min.{name}": [frame[name].min() for frame in frames] for name in SCHEMA},
            **{f"max.{name}": [frame[name].max() for frame in frames] for name in SCHEMA},
        },
        schema={
            "path": pl.String,
            **{f"{end}.{name}": dtype for end in ("min", "max") for name, dtype in SCHEMA.items()},
        },
    )
    kept = set(matching_files(files, wanted)["path"])
    for index, rows in enumerate(table):
        expected = [row for row in rows if matches(row, wanted)]
        assert not expected or str(index) in kept
        arrow = (
            frames[index].to_arrow().cast(pa.schema([("symbol", pa.string()), ("ts", pa.int64())]))
        )
        found = ds.dataset(arrow).to_table(filter=row_filter(arrow.schema, wanted))
        assert [tuple(row.values()) for row in found.to_pylist()] == expected


@given(_TABLE, st.integers(1, 8))
def test_a_z_order_loses_no_row(table: list[list[tuple[object, ...]]], file_rows: int) -> None:
    rows = pl.DataFrame([row for part in table for row in part], schema=SCHEMA, orient="row")
    parts = list(along_curve(rows, ("symbol", "ts"), file_rows))
    assert pl.concat(parts).sort(pl.all()).equals(rows.sort(pl.all()))
    assert all(part.height for part in parts)


def test_the_curve_of_a_square_is_a_z() -> None:
    x, y = pl.Series([0, 0, 1, 1] * 2 + [2, 2, 3, 3] * 2), pl.Series([0, 1, 0, 1, 2, 3, 2, 3] * 2)
    order = z_values([x, y]).argsort(kind="stable").tolist()
    assert [(x[i], y[i]) for i in order[:4]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [(x[i], y[i]) for i in order[4:8]] == [(0, 2), (0, 3), (1, 2), (1, 3)]
