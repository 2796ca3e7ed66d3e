"""From the recorder's rows to the desk's documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from framework.core.events import NO_PRICE, I64Array
from framework.core.instrument import Instrument
from framework.state.desk.documents import DepthBucket, Heartbeat, Level, Quote
from framework.state.feed.rows import LEVELS, Buckets, Column, Quotes, RowKind

MarketDocument: TypeAlias = Quote | DepthBucket | Heartbeat


class IssuedWrite(NamedTuple):
    """One document and when the feed handler issues it."""

    issued_ns: int
    document: MarketDocument


def issued_writes(
    batches: Iterable[I64Array], instruments: Sequence[Instrument]
) -> Iterator[IssuedWrite]:
    """Yield the documents of the recorder's rows, in their order.

    Parameters
    ----------
    instruments
        Of the streams, in the order in which they are numbered.
    """
    names = [(item.venue, item.symbol) for item in instruments]
    for rows in batches:
        for row in rows.tolist():
            yield IssuedWrite(row[_ISSUED], _DOCUMENT[row[_KIND]](row, *names[row[_STREAM]]))


_KIND, _STREAM, _ISSUED = int(Column.KIND), int(Column.STREAM), int(Column.ISSUED_NS)
_VALID, _RECEIVED, _NUMBER = int(Column.VALID_NS), int(Column.RECEIVED_NS), int(Column.NUMBER)
_BID_PX, _BID_LOTS = int(Quotes.BID_PX), int(Quotes.BID_LOTS)
_ASK_PX, _ASK_LOTS = int(Quotes.ASK_PX), int(Quotes.ASK_LOTS)
_N_EVENTS, _BIDS, _ASKS = int(Buckets.N_EVENTS), int(Buckets.BIDS), int(Buckets.ASKS)


def _quote(row: list[int], venue: str, symbol: str) -> Quote:
    bid, ask = row[_BID_PX], row[_ASK_PX]
    return Quote(
        venue=venue,
        symbol=symbol,
        number=row[_NUMBER],
        bid_px_ticks=None if bid == NO_PRICE else bid,
        bid_lots=row[_BID_LOTS],
        ask_px_ticks=None if ask == NO_PRICE else ask,
        ask_lots=row[_ASK_LOTS],
        received_ns=row[_RECEIVED],
        valid_ns=row[_VALID],
    )


def _bucket(row: list[int], venue: str, symbol: str) -> DepthBucket:
    return DepthBucket(
        venue=venue,
        symbol=symbol,
        bucket_ns=row[_NUMBER],
        bids=_levels(row, _BIDS),
        asks=_levels(row, _ASKS),
        n_events=row[_N_EVENTS],
        received_ns=row[_RECEIVED],
        valid_ns=row[_VALID],
    )


def _beat(row: list[int], venue: str, symbol: str) -> Heartbeat:
    return Heartbeat(
        venue=venue,
        symbol=symbol,
        number=row[_NUMBER],
        received_ns=row[_RECEIVED],
        valid_ns=row[_VALID],
    )


def _levels(row: list[int], first: int) -> tuple[Level, ...]:
    places = range(first, first + 2 * LEVELS, 2)
    return tuple((row[at], row[at + 1]) for at in places if row[at] != NO_PRICE)


_DOCUMENT: Final[dict[int, Callable[[list[int], str, str], MarketDocument]]] = {
    int(RowKind.QUOTE): _quote,
    int(RowKind.BUCKET): _bucket,
    int(RowKind.HEARTBEAT): _beat,
}
