"""Irregular, tied, null-ridden, skewed and empty streams for Hypothesis."""

from __future__ import annotations

import polars as pl
from hypothesis import strategies as st

# 2024-08-09 in ns: far above 2**53, so a double anywhere on the way shows.
_EPOCH = 1_723_161_600_000_000_000

# Few distinct times make ties, few keys of unequal weight make skew.
_OFFSETS = st.one_of(st.integers(0, 6), st.integers(-40, 200))
_KEYS = st.sampled_from(["big", "big", "big", "big", "small", None])
_PRICES = st.one_of(st.none(), st.floats(0.1, 1e6, allow_nan=False), st.just(0.1))
_VOLUMES = st.one_of(st.none(), st.floats(0, 1e3, allow_nan=False))

SCHEMA = {
    "case": pl.Int64,
    "key": pl.String,
    "ts": pl.Int64,
    "seq": pl.Int64,
    "price": pl.Float64,
    "volume": pl.Float64,
    "lots": pl.Int64,
    "side": pl.Int64,
}

_ROW = st.tuples(
    _KEYS,
    st.one_of(st.none(), _OFFSETS, _OFFSETS, _OFFSETS),
    _PRICES,
    _VOLUMES,
    st.one_of(st.none(), st.integers(0, 1 << 40)),
    st.sampled_from([-1, 0, 1, None]),
)


@st.composite
def streams(draw: st.DrawFn, max_rows: int = 25) -> pl.DataFrame:
    """One stream; ``seq`` is unique, in no relation to the rows' order."""
    rows = draw(st.lists(_ROW, max_size=max_rows))
    order = draw(st.permutations(range(len(rows))))
    return pl.DataFrame(
        [
            (0, key, None if at is None else _EPOCH + at, seq, price, volume, lots, side)
            for seq, (key, at, price, volume, lots, side) in zip(order, rows, strict=True)
        ],
        schema=SCHEMA,
        orient="row",
    )


@st.composite
def many(draw: st.DrawFn, cases: int = 25) -> pl.DataFrame:
    """Several streams in one frame, told apart by ``case``: one Spark job tries them all."""
    found = draw(st.lists(streams(), min_size=1, max_size=cases))
    return pl.concat([frame.with_columns(case=pl.lit(i)) for i, frame in enumerate(found)]).cast(
        SCHEMA
    )
