"""The desk's documents, typed: quotes, depth buckets, regime, intents, orders, heartbeats.

Each has two times. `valid_ns` says from when on it was true, by the venue's clock for market data;
`recorded_ns` says since when the store has it, by the writer's clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Self, TypeAlias

from framework.core.errors import DataError
from framework.state.document import Document, Value

BUCKET_NS: Final = 100_000_000
"""Length of a depth bucket."""
LEVELS: Final = 10

Level: TypeAlias = tuple[int, int]
"""Price in ticks and quantity in lots."""

_PLAIN: Final = (int, str, float, type(None))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stored(ABC):
    """Base of the desk's documents: dataclasses that become documents and come back."""

    collection: ClassVar[str]
    """Name of the collection they stand in."""
    valid_ns: int
    recorded_ns: int

    @abstractmethod
    def document_id(self) -> str:
        """Return the ``_id``: a write that is repeated makes the same one again."""

    def to_document(self) -> Document:
        """Write the fields as a document."""
        document: Document = {"_id": self.document_id()}
        for name in field_names(type(self)):
            value = getattr(self, name)
            document[name] = value if type(value) in _PLAIN else _plain(value)
        return document

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """Read the fields of a document.

        Raises
        ------
        DataError
            Where one is missing.
        """
        values: dict[str, object] = {}
        for name in field_names(cls):
            if name not in document:
                raise DataError(
                    f"a document of {cls.collection} must have {name}, "
                    f"{document.get('_id')!r} has not",
                    remedy="it was written by another program: see docs/state-store.md",
                )
            values[name] = _typed(document[name])
        return cls(**values)


def field_names(kind: type[Stored]) -> tuple[str, ...]:
    """List a typed document's fields."""
    return tuple(field.name for field in fields(kind))  # type: ignore[arg-type]


def _plain(value: object) -> Value:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    assert value is None or isinstance(value, bool | int | float | str)
    return str(value) if isinstance(value, StrEnum) else value


def _typed(value: Value) -> object:
    return tuple(_typed(item) for item in value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(Stored):
    """Best bid and ask of one stream; a side without orders is None."""

    collection: ClassVar[str] = "quotes"

    venue: str
    symbol: str
    number: int
    """Counts the stream's quotes."""
    bid_px_ticks: int | None
    bid_lots: int
    ask_px_ticks: int | None
    ask_lots: int
    received_ns: int
    valid_ns: int
    recorded_ns: int = 0

    def document_id(self) -> str:
        """Name stream and number."""
        return _numbered_id(self.venue, self.symbol, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthBucket(Stored):
    """Levels 1 to 10 of one stream as they stood at the end of 100 ms, best first."""

    collection: ClassVar[str] = "depth"

    venue: str
    symbol: str
    bucket_ns: int
    """First instant of the bucket, by the received clock."""
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    n_events: int
    """Market events in the bucket."""
    received_ns: int
    valid_ns: int
    recorded_ns: int = 0

    def document_id(self) -> str:
        """Name stream and bucket, so that ids stand in the order of time."""
        return bucket_id(self.venue, self.symbol, self.bucket_ns)

    def to_document(self) -> Document:
        """Write the fields, and the date by which old buckets expire."""
        # Two arguments: a slotted dataclass is made anew, and the short form finds the old one.
        document = super(DepthBucket, self).to_document()
        document["recorded_at"] = date_of(self.recorded_ns)
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Stored):
    """The last event of one stream, written at every interval in which there was one."""

    collection: ClassVar[str] = "heartbeats"

    venue: str
    symbol: str
    number: int
    received_ns: int
    valid_ns: int
    recorded_ns: int = 0

    def document_id(self) -> str:
        """Name stream and number."""
        return _numbered_id(self.venue, self.symbol, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime(Stored):
    """The market's regime within a scope: a symbol, an asset or the whole market."""

    collection: ClassVar[str] = "regime"

    scope: str
    name: str
    confidence: float
    valid_ns: int
    recorded_ns: int = 0
    revision: int = 0

    def document_id(self) -> str:
        """Name the scope."""
        return self.scope


class IntentState(StrEnum):
    """Life of an intent."""

    NEW = "new"
    CLAIMED = "claimed"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent(Stored):
    """What a strategy wants to have sent, for the order manager to claim."""

    collection: ClassVar[str] = "intents"

    intent_id: str
    strategy: str
    venue: str
    symbol: str
    side: int
    px_ticks: int
    qty_lots: int
    valid_ns: int
    state: IntentState = IntentState.NEW
    claimed_by: str = ""
    recorded_ns: int = 0
    revision: int = 0

    def document_id(self) -> str:
        """Name the intent."""
        return self.intent_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDocument(Stored):
    """State of one order at a venue."""

    collection: ClassVar[str] = "orders"

    order_id: str
    venue: str
    symbol: str
    side: int
    px_ticks: int
    qty_lots: int
    leaves_lots: int
    status: str
    valid_ns: int
    recorded_ns: int = 0
    revision: int = 0

    def document_id(self) -> str:
        """Name the order."""
        return self.order_id


def _numbered_id(venue: str, symbol: str, number: int) -> str:
    return f"{venue}|{symbol}|{number:012d}"


def bucket_id(venue: str, symbol: str, bucket_ns: int) -> str:
    """Name a stream's bucket; ids of one stream sort by time.

    >>> bucket_id("x", "BTC", 100)
    'x|BTC|00000000000000000100'
    """
    return f"{venue}|{symbol}|{bucket_ns:020d}"


def date_of(ts_ns: int) -> datetime:
    """Return the instant as BSON's date, which counts milliseconds."""
    return _EPOCH + timedelta(milliseconds=ts_ns // 1_000_000)
