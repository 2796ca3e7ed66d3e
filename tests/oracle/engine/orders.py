"""An order, as its venue has it and as we know it."""

from __future__ import annotations

from dataclasses import dataclass

from framework.core.orders import OrderType, TimeInForce


@dataclass
class Order:
    id: int
    book: int
    side: int
    kind: OrderType
    tif: TimeInForce
    px: int
    lots: int
    leaves: int
    stop_px: int = 0
    expires_ns: int = 0
    peak: int = 0
    live: bool = False
    """Rests at the venue."""
    waiting: bool = False
    """A stop that has not been set off."""
    over: bool = False
    shown: int = 0
    """What is left of the part an iceberg displays."""
    level: int = 0
    """What the data last told of the order's level."""
    front: float = 0.0
    traded: float = 0.0
    known_open: bool = True
    known_px: int = 0
    known_leaves: int = 0
    cancel_sent: bool = False
    words: int = 0
    heard: int = 0
    """Answers the venue has sent, and the number of the latest we heard."""
    messages: int = 0
    """Requests and responses on their way."""

    @property
    def hidden(self) -> bool:
        return self.kind in (OrderType.HIDDEN, OrderType.MIDPOINT)

    @property
    def takes_any_price(self) -> bool:
        return self.kind in (OrderType.MARKET, OrderType.STOP)

    def as_good_as(self, px: int) -> bool:
        """True where the limit is at `px` or better for whoever trades with us."""
        return self.side * (self.px - px) >= 0
