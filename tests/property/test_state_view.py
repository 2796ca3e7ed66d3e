"""The view that kernels read gives the answers of the emulation that holds documents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.events import NO_PRICE, I64Array
from framework.core.instrument import Instrument
from framework.state import EmulatedServer, EmulatedStore, Insert, Lag, StoreLink
from framework.state.desk import BUCKET_NS, Clock, DeskLayout, DeskState
from framework.state.feed import issued_writes
from framework.state.feed.rows import WIDTH, Buckets, Column, Quotes, RowKind
from framework.state.view import (
    StoreView,
    bucket_value,
    last_beat,
    last_bucket,
    last_quote,
    quote_known_at,
    quote_recorded_ns,
    quote_valid_at,
    quote_value,
    send,
    settle,
)

_T0 = 1_700_000_000_000_000_000
_VENUES = ("a", "b", "c")
_QUOTES, _BEATS = 3, 2
_N_STEPS = 120


def _steps(seed: int) -> Iterator[tuple[Any, ...]]:
    """Draw a script: writes of any kind and stream, close in time, and reads between them."""
    draw = random.Random(seed)
    kinds = [RowKind.QUOTE, RowKind.QUOTE, RowKind.HEARTBEAT, RowKind.BUCKET]
    for _ in range(_N_STEPS):
        if draw.random() < 0.2:
            yield "read", draw.randrange(8)
        else:
            b, kind = draw.randrange(len(_VENUES)), draw.choice(kinds)
            yield "write", draw.randrange(2), b, kind, draw.randrange(12)
    yield "read", 0
    yield "read", 20


def _row(kind: RowKind, b: int, issued_ns: int, valid_ns: int, number: int) -> I64Array:
    row = np.zeros(WIDTH, np.int64)
    row[Column.KIND], row[Column.STREAM] = kind, b
    row[Column.ISSUED_NS], row[Column.VALID_NS] = issued_ns, valid_ns
    row[Column.RECEIVED_NS], row[Column.NUMBER] = issued_ns, number
    if kind == RowKind.QUOTE:
        row[Quotes.BID_PX : Quotes.ASK_LOTS + 1] = (100 + number, 1, NO_PRICE, 0)
    elif kind == RowKind.BUCKET:
        row[Column.NUMBER] = _T0 + number * BUCKET_NS
        row[Buckets.BIDS :: 2] = NO_PRICE
        row[Buckets.N_EVENTS] = number
    return row


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    write_lags=st.tuples(*(st.integers(0, 3) for _ in _VENUES)),
    read_lag_ns=st.integers(0, 9),
)
def test_both_emulations_answer_alike(
    seed: int, write_lags: tuple[int, ...], read_lag_ns: int
) -> None:
    server = EmulatedServer(start_ns=_T0)
    feeds = [
        EmulatedStore(server, name=venue, link=StoreLink(write=Lag(ns=ns)))
        for venue, ns in zip(_VENUES, write_lags, strict=True)
    ]
    link = StoreLink(read=Lag(ns=read_lag_ns))
    desk = DeskState(
        EmulatedStore(server, name="z", link=link), DeskLayout(quotes=_QUOTES, heartbeats=_BEATS)
    )
    view = StoreView(len(_VENUES), quotes=_QUOTES, heartbeats=_BEATS, buckets=64, in_flight=64)
    items = [Instrument(venue=venue, symbol="S", tick=1, lot=1) for venue in _VENUES]  # type: ignore[arg-type]
    now_ns, numbers = _T0, [0] * len(_VENUES)
    for step in _steps(seed):
        now_ns += step[1]
        server.advance_to(now_ns)
        if step[0] == "write":
            _, _, b, kind, age_ns = step
            numbers[b] += 1
            row = _row(kind, b, now_ns, now_ns - age_ns, numbers[b])
            feed = feeds[b]
            document = next(issued_writes([row[None]], items)).document
            recorded = replace(document, recorded_ns=feed.recording_ns()).to_document()
            ticket = feed.collection(document.collection).send([Insert(recorded)])
            assert send(view.handle, row, write_lags[b]) == ticket.commit_ns
            continue
        settle(view.handle, now_ns - read_lag_ns)
        for b, venue in enumerate(_VENUES):
            _compare(view, desk, b, venue, now_ns)


def _compare(view: StoreView, desk: DeskState, b: int, venue: str, now_ns: int) -> None:
    handle = view.handle
    newest = desk.last_quote(venue, "S")
    found = last_quote(handle, b)
    assert (found >= 0) == (newest is not None)
    if newest is not None:
        row = view.quote(found)
        assert row[Column.NUMBER] == newest.number == quote_value(handle, found, Column.NUMBER)
        assert row[Column.VALID_NS] == newest.valid_ns
        assert row[Quotes.BID_PX] == newest.bid_px_ticks
        assert quote_recorded_ns(handle, found) == newest.recorded_ns
    for ts_ns in range(now_ns - 20, now_ns + 1, 4):
        for by, reading in ((Clock.VALID, quote_valid_at), (Clock.RECORDED, quote_known_at)):
            wanted = desk.quote_as_of(venue, "S", ts_ns, by)
            number = reading(handle, b, ts_ns)
            assert (number >= 0) == (wanted is not None)
            if wanted is not None:
                assert view.quote(number)[Column.NUMBER] == wanted.number
    beat, known = last_beat(handle, b), desk.last_heartbeat(venue, "S")
    assert (beat >= 0) == (known is not None)
    if known is not None:
        assert view.beat(beat)[Column.VALID_NS] == known.valid_ns
    buckets = desk.buckets(venue, "S", 0, 2**62)
    bucket = last_bucket(handle, b)
    assert (bucket >= 0) == bool(buckets)
    if buckets:
        assert view.bucket(bucket)[Column.NUMBER] == buckets[-1].bucket_ns
        assert bucket_value(handle, bucket, Buckets.N_EVENTS) == buckets[-1].n_events


def test_a_full_flight_is_told_and_nothing_is_overwritten() -> None:
    view = StoreView(1, quotes=4, in_flight=2)
    rows = [_row(RowKind.QUOTE, 0, _T0 + i, _T0, i) for i in range(3)]
    assert [send(view.handle, row, 10) for row in rows] == [_T0 + 10, _T0 + 11, -1]
    assert settle(view.handle, _T0 + 10) == 1
    assert send(view.handle, rows[2], 10) == _T0 + 12
    assert settle(view.handle, _T0 + 100) == 2
    assert last_quote(view.handle, 0) == 2
