"""What a desk keeps in its state store, as typed documents with two times."""

from framework.state.desk.documents import (
    BUCKET_NS,
    DepthBucket,
    Heartbeat,
    IntentState,
    OrderDocument,
    OrderIntent,
    Quote,
    Regime,
)
from framework.state.desk.layout import DeskLayout, set_up
from framework.state.desk.state import Clock, DeskState

__all__ = [
    "BUCKET_NS",
    "Clock",
    "DepthBucket",
    "DeskLayout",
    "DeskState",
    "Heartbeat",
    "IntentState",
    "OrderDocument",
    "OrderIntent",
    "Quote",
    "Regime",
    "set_up",
]
