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
from framework.state.desk.signal import REGIMES, regime_history, regime_rows, regime_signal
from framework.state.desk.state import Clock, DeskState

__all__ = [
    "BUCKET_NS",
    "REGIMES",
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
    "regime_history",
    "regime_rows",
    "regime_signal",
    "set_up",
]
