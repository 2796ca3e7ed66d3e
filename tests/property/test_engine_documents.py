"""A strategy that reads the store in the engine is shown what the emulated documents would tell."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.events import NO_PRICE, EventFlag
from framework.core.instrument import Instrument
from framework.engine import BacktestConfig, run_backtest
from framework.state import EmulatedServer, EmulatedStore, Insert, Lag, StoreLink
from framework.state.desk import DeskLayout, DeskState, Quote
from framework.strategy import Context, OnTimer, Strategy
from tests.oracle.engine.book import Book, Event
from tests.oracle.engine.market import START_NS, ListedStream, random_events, random_instruments

Seen = tuple[int, int, int, int]
"""Of a book its bid, the bid's lots, its ask, the ask's lots."""


class Reader(Strategy):
    """Writes down what the store shows of every book."""

    view = "store"
    wakes = (OnTimer("7ns"),)

    def on_start(self, ctx: Context) -> None:
        LOG.clear()

    def on_timer(self, ctx: Context) -> None:
        LOG[ctx.now_ns] = [
            (ctx.bid_ticks(b), ctx.bid_lots(b), ctx.ask_ticks(b), ctx.ask_lots(b))
            for b in range(ctx.n_books)
        ]


LOG: dict[int, list[Seen]] = {}


def _quote(item: Instrument, book: Book, number: int, event: Event) -> Quote:
    bid, ask = book.best(1), book.best(-1)
    return Quote(
        venue=item.venue,
        symbol=item.symbol,
        number=number,
        bid_px_ticks=bid,
        bid_lots=0 if bid is None else book.lots(1, bid),
        ask_px_ticks=ask,
        ask_lots=0 if ask is None else book.lots(-1, ask),
        received_ns=event.ts_recv_ns,
        valid_ns=event.ts_exch_ns,
    )


def _told(
    items: list[Instrument], books: list[list[Event]], link: StoreLink, instants: list[int]
) -> Iterator[tuple[int, list[Seen]]]:
    """Write a quote for every message when it reaches us, and read all at every instant."""
    server = EmulatedServer(start_ns=START_NS - 1_000)  # making collections takes time, too
    feeds = [EmulatedStore(server, name=item.name, link=link) for item in items]
    desk = DeskState(EmulatedStore(server, name="strategy", link=link), DeskLayout())
    known = [Book() for _ in items]
    events = sorted((event for rows in books for event in rows), key=lambda e: e.ts_recv_ns)
    ahead = iter(events)
    event = next(ahead, None)
    for number, now_ns in enumerate(instants):
        while event is not None and event.ts_recv_ns <= now_ns:
            known[event.book].apply(event)
            if event.flags & EventFlag.LAST:
                server.advance_to(event.ts_recv_ns)
                feed = feeds[event.book]
                quote = _quote(items[event.book], known[event.book], number, event)
                document = quote.to_document() | {"recorded_ns": feed.recording_ns()}
                feed.collection(Quote.collection).send([Insert(document | {"_id": id(event)})])
            event = next(ahead, None)
        server.advance_to(now_ns)
        yield now_ns, [_seen(desk, item) for item in items]


def _seen(desk: DeskState, item: Instrument) -> Seen:
    quote = desk.last_quote(item.venue, item.symbol)
    if quote is None:
        return NO_PRICE, 0, NO_PRICE, 0
    bid = NO_PRICE if quote.bid_px_ticks is None else quote.bid_px_ticks
    ask = NO_PRICE if quote.ask_px_ticks is None else quote.ask_px_ticks
    return bid, quote.bid_lots, ask, quote.ask_lots


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), write_ns=st.integers(0, 40), read_ns=st.integers(0, 40))
def test_the_engine_shows_what_the_documents_tell(seed: int, write_ns: int, read_ns: int) -> None:
    rng = random.Random(seed)
    items = random_instruments(rng, 2)
    books = [list(rows) for rows in random_events(rng, 2, 60)]
    link = StoreLink(write=Lag(ns=write_ns), read=Lag(ns=read_ns))
    streams = [ListedStream(i, tuple(rows)) for i, rows in zip(items, books, strict=True)]
    run_backtest(Reader(), streams, BacktestConfig(store=link))
    assert LOG
    for now_ns, told in _told(items, books, link, list(LOG)):
        assert LOG[now_ns] == told, now_ns
