"""Crossed episodes: by hand, against a slow twin, per day, and from gold rows of every kind."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.catalog import CrossedPolicy
from framework.core.clock import instant_ns
from framework.core.errors import DataError, SpecError
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.core.instrument import Instrument
from research.crossed import (
    EPISODE_SCHEMA,
    QUOTE_SCHEMA,
    Clock,
    EpisodeKind,
    episodes,
    episodes_per_day,
    top_of_book,
)
from research.crossed.plots import duration_figure, edge_figure, episodes_per_day_figure

MS = 1_000_000
Quote = tuple[int, float | None, float | None]


def quotes(stream: str, rows: list[Quote], delay_ms: float = 0, size: float = 1) -> pl.DataFrame:
    """Quotes of one stream: (exchange time in ms, bid, ask)."""
    return pl.DataFrame(
        [
            (
                stream,
                at_ms * MS,
                int((at_ms + delay_ms) * MS),
                bid,
                None if bid is None else size,
                ask,
                None if ask is None else size,
            )
            for at_ms, bid, ask in rows
        ],
        schema=QUOTE_SCHEMA,
        orient="row",
    )


def test_an_episode_by_hand() -> None:
    # b bids above a's ask of 10.1 from 20 ms: by 0.1, from 30 ms by 0.3, until 60 ms.
    a = quotes("a", [(0, 10.0, 10.1)], size=5)
    b = quotes("b", [(10, 10.0, 10.2), (20, 10.2, 10.5), (30, 10.4, 10.5), (60, 10.1, 10.2)])
    found = episodes(pl.concat([a, b]))
    assert found.height == 1
    row = found.row(0, named=True)
    assert (row["start_ns"], row["end_ns"], row["duration_ms"]) == (20 * MS, 60 * MS, 40.0)
    assert (row["buy"], row["sell"], row["kind"]) == ("a", "b", "short")
    assert row["max_edge"] == pytest.approx(0.3)
    assert row["mean_edge"] == pytest.approx((0.1 * 10 + 0.3 * 30) / 40)
    assert row["max_edge_bps"] == pytest.approx(0.3 / 10.25 * 1e4)
    assert (row["quantity"], row["is_complete"]) == (1.0, True)


def test_locked_quotes_are_not_crossed() -> None:
    a = quotes("a", [(0, 10.0, 10.1)])
    b = quotes("b", [(0, 10.1, 10.2)])
    found = episodes(pl.concat([a, b]))
    assert found.is_empty()
    assert found.schema == EPISODE_SCHEMA


@pytest.mark.parametrize(
    ("duration_ms", "kind"),
    [
        (9, EpisodeKind.NOISE),
        (10, EpisodeKind.SHORT),
        (500, EpisodeKind.SHORT),
        (501, EpisodeKind.STRUCTURAL),
    ],
)
def test_kinds_by_duration(duration_ms: int, kind: EpisodeKind) -> None:
    a = quotes("a", [(0, 10.0, 10.1)])
    b = quotes("b", [(0, 10.2, 10.3), (duration_ms, 10.0, 10.1)])
    assert episodes(pl.concat([a, b]))["kind"].to_list() == [str(kind)]


def test_what_shares_an_instant_is_simultaneous() -> None:
    a = quotes("a", [(0, 10.0, 10.1), (5, 10.3, 10.4)])
    b = quotes("b", [(0, 10.0, 10.1), (5, 10.6, 10.7), (5, 10.3, 10.4)])
    assert episodes(pl.concat([a, b])).is_empty()


def test_an_episode_may_outlive_the_data() -> None:
    a = quotes("a", [(0, 10.0, 10.1)])
    b = quotes("b", [(1, 10.2, 10.3), (4, 10.2, 10.4)])
    row = episodes(pl.concat([a, b])).row(0, named=True)
    assert (row["duration_ms"], row["is_complete"]) == (3.0, False)
    at_the_end = episodes(pl.concat([a, b.head(1)])).row(0, named=True)
    assert (at_the_end["duration_ms"], at_the_end["mean_edge"]) == (0.0, pytest.approx(0.1))


def test_a_missing_side_ends_an_episode() -> None:
    a = quotes("a", [(0, 10.0, 10.1)])
    b = quotes("b", [(0, 10.2, 10.3), (7, None, 10.3)])
    assert episodes(pl.concat([a, b]))["end_ns"].to_list() == [7 * MS]


def test_the_received_clock_shifts_what_is_simultaneous() -> None:
    # At the venues both prices move at once; b's feed is 3 ms slower, so we see a cross.
    a = quotes("a", [(0, 10.0, 10.1), (50, 11.0, 11.1)])
    b = quotes("b", [(0, 10.0, 10.1), (50, 11.0, 11.1)], delay_ms=3)
    both = pl.concat([a, b])
    assert episodes(both, clock=Clock.EXCHANGE).is_empty()
    row = episodes(both, clock=Clock.RECEIVED).row(0, named=True)
    assert (row["start_ns"], row["duration_ms"]) == (50 * MS, 3.0)
    assert (row["buy"], row["sell"]) == ("b", "a")


@pytest.mark.parametrize(
    ("policy", "starts_ms"),
    [
        (CrossedPolicy.KEEP, [10, 20]),
        (CrossedPolicy.DROP, [10]),
        (CrossedPolicy.INVALIDATE, [10]),
    ],
)
def test_own_crossed_quotes_follow_the_policy(policy: CrossedPolicy, starts_ms: list[int]) -> None:
    # b crosses a soundly at 10 ms; at 20 ms it is crossed in itself, bidding above a's ask and
    # asking below a's bid at once.
    a = quotes("a", [(0, 10.0, 10.1)])
    b = quotes("b", [(0, 10.0, 10.1), (10, 10.2, 10.3), (20, 10.4, 9.8), (30, 10.0, 10.1)])
    found = episodes(pl.concat([a, b]), own_crossed=policy)
    assert [start // MS for start in found["start_ns"]] == starts_ms
    ends_ms = {CrossedPolicy.KEEP: 30, CrossedPolicy.DROP: 30, CrossedPolicy.INVALIDATE: 20}
    first = found.filter(buy="a").row(0, named=True)
    assert first["end_ns"] // MS == ends_ms[policy]


def test_every_two_streams_are_compared() -> None:
    streams = [quotes(name, [(0, 10.0 + i, 10.1 + i)]) for i, name in enumerate("abc")]
    found = episodes(pl.concat(streams))
    assert found.select("buy", "sell").rows() == [("a", "b"), ("a", "c"), ("b", "c")]


STEPS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.one_of(st.none(), st.integers(98, 102)),
        st.one_of(st.none(), st.integers(98, 102)),
    ),
    min_size=1,
    max_size=15,
)


def slow_spells(one: list[Quote], other: list[Quote]) -> list[tuple[int, int, float]]:
    """Episodes of buying at `one` and selling at `other`: (start, end, largest edge) in ms."""
    last = max(row[0] for row in one + other)
    spells: list[tuple[int, int, float]] = []
    start, largest = None, 0.0
    for ms in range(last + 1):
        ask = [row[2] for row in one if row[0] <= ms]
        bid = [row[1] for row in other if row[0] <= ms]
        crossed = bool(ask and bid) and None not in (ask[-1], bid[-1]) and bid[-1] > ask[-1]  # type: ignore[operator]
        if crossed:
            start = ms if start is None else start
            largest = max(largest, bid[-1] - ask[-1])  # type: ignore[operator]
        if start is not None and (not crossed or ms == last):
            spells.append((start, ms, largest))
            start, largest = None, 0.0
    return spells


@given(STEPS, STEPS)
def test_episodes_equal_a_slow_twin(one: list[Quote], other: list[Quote]) -> None:
    one = sorted(one, key=lambda row: row[0])
    other = sorted(other, key=lambda row: row[0])
    found = episodes(pl.concat([quotes("a", one), quotes("b", other)]))
    for buy, expected in (("a", slow_spells(one, other)), ("b", slow_spells(other, one))):
        rows = found.filter(buy=buy).select("start_ns", "end_ns", "max_edge").rows()
        assert [(start // MS, end // MS, edge) for start, end, edge in rows] == expected


def found_at(*starts: str, duration_ms: float = 5.0) -> pl.DataFrame:
    rows = [
        {
            "start_ns": instant_ns(start),
            "end_ns": instant_ns(start) + int(duration_ms * MS),
            "duration_ms": duration_ms * (i + 1),
            "kind": "noise",
            "buy": "a",
            "sell": "b",
            "max_edge": 0.0001 * (i + 1),
            "mean_edge": 0.0001,
            "max_edge_bps": 1.0 + i,
            "mean_edge_bps": 1.0,
            "quantity": 1.0,
            "is_complete": True,
        }
        for i, start in enumerate(starts)
    ]
    return pl.DataFrame(rows, schema=EPISODE_SCHEMA)


def test_episodes_per_day_by_hand() -> None:
    found = found_at(
        "2014-05-01T06:59:59.999",
        "2014-05-01T07:00",
        "2014-05-01T19:59:59.999",
        "2014-05-01T20:00",
    )
    table = episodes_per_day(
        found, hours=(7, 20), pip=0.0001, days=[date(2014, 5, 1), date(2014, 5, 2)]
    )
    assert table.row(0, named=True) == {
        "date": date(2014, 5, 1),
        "episodes": 2,
        "noise": 2,
        "structural": 0,
        "median_ms": 12.5,
        "mean_ms": 12.5,
        "max_edge": 3.0,
        "max_edge_bps": 3.0,
    }
    assert table.row(1, named=True)["episodes"] == 0
    assert table.row(1, named=True)["median_ms"] is None


@pytest.mark.parametrize("hours", [(20, 7), (7, 7), (-1, 5), (7, 25)])
def test_hours_must_be_a_span_of_the_day(hours: tuple[int, int]) -> None:
    with pytest.raises(SpecError, match="first and a later one"):
        episodes_per_day(found_at(), hours=hours)


def instrument(venue: str, tick: str, lot: str = "1") -> Instrument:
    return Instrument(venue=venue, symbol="S", tick=Decimal(tick), lot=Decimal(lot))


def gold(venue: str, rows: list[tuple[int, EventKind, int, int, int, int]]) -> pl.DataFrame:
    """Gold rows (ms, kind, side, price in ticks, lots, flags), each its own message if LAST."""
    table = [
        (venue, "S", ms * MS, ms * MS + 7, i, int(kind), side, flags, px_ticks, lots, 0)
        for i, (ms, kind, side, px_ticks, lots, flags) in enumerate(rows)
    ]
    schema = dict(
        zip(GOLD_SCHEMA.names, pl.DataFrame(GOLD_SCHEMA.empty_table()).dtypes, strict=True)
    )
    return pl.DataFrame(table, schema=schema, orient="row")


LAST = int(EventFlag.LAST)
SNAPSHOT = int(EventFlag.SNAPSHOT)


def test_top_of_book_from_quotes() -> None:
    rows = [
        (0, EventKind.BEST, 1, 138_726, 3, 0),
        (0, EventKind.BEST, -1, 138_729, 2, LAST),
        (1, EventKind.BEST, 1, 138_727, 3, 0),
        (1, EventKind.BEST, -1, 138_729, 2, LAST),
        (2, EventKind.BEST, 1, 138_727, 3, 0),
        (2, EventKind.BEST, -1, 0, 0, LAST),
    ]
    found = top_of_book(gold("v", rows), [instrument("v", "0.00001", "1000")])
    assert found.schema == QUOTE_SCHEMA
    assert found.select("ts_exch_ns", "bid", "bid_quantity", "ask", "ask_quantity").rows() == [
        (0, 1.38726, 3000.0, 1.38729, 2000.0),
        (MS, 1.38727, 3000.0, 1.38729, 2000.0),
        (2 * MS, 1.38727, 3000.0, None, None),
    ]
    assert found["ts_recv_ns"].to_list() == [7, MS + 7, 2 * MS + 7]


def test_top_of_book_from_depth_says_nothing_after_a_gap() -> None:
    rows = [
        (0, EventKind.CLEAR, 0, 0, 0, SNAPSHOT),
        (0, EventKind.DEPTH, 1, 100, 5, SNAPSHOT),
        (0, EventKind.DEPTH, -1, 102, 6, SNAPSHOT | LAST),
        (1, EventKind.DEPTH, 1, 99, 4, LAST),  # behind the best: no change of the top
        (2, EventKind.DEPTH, 1, 100, 0, LAST),
        (3, EventKind.GAP, 0, 0, 0, LAST),
        (4, EventKind.DEPTH, 1, 101, 1, LAST),  # not to be trusted
        (5, EventKind.CLEAR, 0, 0, 0, SNAPSHOT),
        (5, EventKind.DEPTH, 1, 98, 1, SNAPSHOT),
        (5, EventKind.DEPTH, -1, 99, 1, SNAPSHOT | LAST),
    ]
    found = top_of_book(gold("v", rows), [instrument("v", "0.5")])
    assert found.select("ts_exch_ns", "bid", "ask").rows() == [
        (0, 50.0, 51.0),
        (2 * MS, 49.5, 51.0),
        (3 * MS, None, None),
        (5 * MS, 49.0, 49.5),
    ]


@given(st.integers(-(2**40), 2**40))
def test_equal_prices_are_equal_whatever_the_tick(coarse_ticks: int) -> None:
    rows = [(0, EventKind.DEPTH, 1, coarse_ticks, 1, LAST)]
    fine = [(0, EventKind.DEPTH, 1, coarse_ticks * 25, 1, LAST)]
    one = top_of_book(gold("v", rows), [instrument("v", "0.0025")])
    other = top_of_book(gold("w", fine), [instrument("w", "0.0001")])
    assert one["bid"].to_list() == other["bid"].to_list() == [coarse_ticks / 400]


def test_a_stream_without_an_instrument_is_refused() -> None:
    with pytest.raises(DataError, match="v:S has none"):
        top_of_book(gold("v", [(0, EventKind.DEPTH, 1, 1, 1, LAST)]), [instrument("w", "1")])


def test_figures_show_every_episode() -> None:
    found = pl.concat(
        [
            found_at("2014-05-01T07:00", "2014-05-02T08:00"),
            found_at("2014-05-02T09:00", duration_ms=700).with_columns(kind=pl.lit("structural")),
        ]
    )
    days = episodes_per_day_figure(episodes_per_day(found))
    assert sum(sum(bar.y) for bar in days.data) == 3
    assert list(days.data[0].x) == ["2014-05-01", "2014-05-02"]
    durations = duration_figure(found)
    assert sum(sum(bar.y) for bar in durations.data) == 3
    assert durations.layout.xaxis.type == "log"
    edges = edge_figure(found)
    assert sum(len(trace.y) for trace in edges.data) == 3


def test_figures_of_no_episodes_are_empty() -> None:
    none = found_at()
    for figure in (
        episodes_per_day_figure(episodes_per_day(none)),
        duration_figure(none),
        edge_figure(none),
    ):
        assert math.isclose(sum(sum(trace.y) for trace in figure.data), 0)
