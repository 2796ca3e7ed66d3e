"""What is read while quotes go by in chunks is what a slow look at all of them gives."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from research.tca.market import TICK_QUOTES, TICK_TRADES
from research.tca.readings import MID, At, Integrals, Turnover, with_mid

_Quote = tuple[int, int | None, int | None]

_TIMES = st.integers(0, 40)
_SIDE = st.one_of(st.none(), st.integers(90, 110))
_QUOTES = st.lists(st.tuples(_TIMES, _SIDE, _SIDE), min_size=1, max_size=25).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)
_PROBES = st.lists(st.one_of(st.none(), st.integers(-5, 50)), max_size=12)
_CUTS = st.integers(1, 26)


def _frame(quotes: Sequence[_Quote]) -> pl.DataFrame:
    rows = [(t, bid, 1, ask, 1) for t, bid, ask in quotes]
    return with_mid(pl.DataFrame(rows, schema=TICK_QUOTES, orient="row"))


def _sorted(probes: list[int | None]) -> pl.Series:
    return pl.Series("at", probes, dtype=pl.Int64).sort(nulls_last=True)


def _mid(quote: _Quote) -> int | None:
    return None if quote[1] is None or quote[2] is None else quote[1] + quote[2]


def _stood(quotes: Sequence[_Quote], at: int, *, strict: bool) -> int | None:
    before = [quote for quote in quotes if quote[0] < at or (quote[0] == at and not strict)]
    return _mid(before[-1]) if before else None


@given(_QUOTES, _PROBES, _CUTS, st.booleans(), st.booleans())
def test_at_finds_the_last_quote_before(
    quotes: list[_Quote], probes: list[int | None], cut: int, strict: bool, carry: bool
) -> None:
    at = _sorted(probes)
    reader = At(at, strict=strict, carry=carry)
    for chunk in _frame(quotes).iter_slices(cut):
        reader.take(chunk)
    last = quotes[-1][0]
    expected = [
        None
        if probe is None or (probe > last and not carry)
        else _stood(quotes, probe, strict=strict)
        for probe in at
    ]
    assert reader.finish()[MID].to_list() == expected


@given(_QUOTES, _PROBES, _CUTS)
def test_integrals_add_up_the_mids_time(
    quotes: list[_Quote], probes: list[int | None], cut: int
) -> None:
    at = _sorted(probes)
    reader = Integrals(at)
    for chunk in _frame(quotes).iter_slices(cut):
        reader.take(chunk)
    (found,) = reader.finish()
    first, last = quotes[0][0], quotes[-1][0]
    for probe, area, known in zip(at, found["area"], found["known_ns"], strict=True):
        if probe is None or not first <= probe <= last:
            assert area is None
            continue
        mids = [_stood(quotes, t, strict=False) for t in range(first, probe)]
        assert area == sum(mid for mid in mids if mid is not None)
        assert known == sum(mid is not None for mid in mids)


@given(
    st.lists(st.tuples(_TIMES, st.integers(90, 110), st.integers(1, 9)), min_size=1, max_size=25),
    _PROBES,
    _CUTS,
)
def test_turnover_adds_up_trades(
    trades: list[tuple[int, int, int]], probes: list[int | None], cut: int
) -> None:
    at = _sorted(probes)
    rows = sorted(trades)
    reader = Turnover(at)
    made = pl.DataFrame([(*row, 0) for row in rows], schema=TICK_TRADES, orient="row")
    for chunk in made.iter_slices(cut):
        reader.take(chunk)
    (found,) = reader.finish()
    for probe, value, lots in zip(at, found["value"], found["lots"], strict=True):
        past = [row for row in rows if probe is not None and row[0] <= probe]
        assert (value, lots) == (
            (sum(px * q for _, px, q in past), sum(q for *_, q in past)) if past else (None, None)
        )
