"""A mirror follows what happens while it looks, and names a copy that went astray."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from framework.state import Delete, EmulatedServer, EmulatedStore
from framework.state.desk import DeskLayout, DeskState, Quote
from framework.state.document import sort_key
from framework.state.emulation.expected import expected
from framework.state.feed import IssuedWrite
from framework.state.mirror import Mirror

_T0 = 1_700_000_000_000_000_000
_LAYOUT = DeskLayout(quotes=5, heartbeats=5)


def _tape(n: int) -> Iterator[IssuedWrite]:
    for i in range(n):
        quote = Quote(
            venue="x",
            symbol="BTC",
            number=i,
            bid_px_ticks=100 + i,
            bid_lots=1,
            ask_px_ticks=None,
            ask_lots=0,
            received_ns=_T0 + i,
            valid_ns=_T0 + i,
        )
        yield IssuedWrite(_T0 + i, quote)


@pytest.fixture
def live() -> EmulatedStore:
    return EmulatedStore(EmulatedServer(start_ns=_T0))


def test_it_follows_writes_and_evictions(live: EmulatedStore) -> None:
    desk, writes = DeskState(live, _LAYOUT), list(_tape(12))
    desk.record([one.document for one in writes[:3]])
    mirror = Mirror(live)
    desk.record([one.document for one in writes[3:9]])
    heard: list[int] = []
    # Six inserts and four evictions; the tape goes on, the live store has not got there yet.
    assert mirror.follow(0.05, heard.append) == 10
    assert heard == [10]
    quotes, depth, beats = mirror.compare(writes, _LAYOUT)
    assert (quotes.live, quotes.copy, quotes.expected, quotes.events) == (5, 5, 5, 10)
    assert quotes.is_equal
    assert depth.is_equal
    assert beats.is_equal
    mirror.close()


def test_it_names_a_copy_that_went_astray_and_a_store_out_of_order(live: EmulatedStore) -> None:
    desk, writes = DeskState(live, _LAYOUT), list(_tape(4))
    desk.record([one.document for one in (writes[1], writes[0], *writes[2:])])
    mirror = Mirror(live)
    live.collection("quotes").write([Delete({"number": 2})])
    quotes = mirror.compare(writes, _LAYOUT)[0]
    lost = writes[2].document.document_id()
    assert quotes.astray == quotes.missing == (lost,)
    assert not quotes.is_in_order
    mirror.follow(0.01)
    quotes = mirror.compare(writes, _LAYOUT)[0]
    assert (quotes.astray, quotes.missing) == ((), (lost,))
    del mirror.copies["quotes"].documents[sort_key(writes[3].document.document_id())]
    assert mirror.compare(writes, _LAYOUT)[0].astray == (writes[3].document.document_id(),)


def test_an_empty_tape_expects_nothing() -> None:
    assert expected([], _LAYOUT, {}).names() == []
