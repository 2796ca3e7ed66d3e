"""Signals: what a model said and since when it could be known, delivered as of now."""

from framework.signals.base import Signal, SignalRows
from framework.signals.held import HeldSignal
from framework.signals.link import available_ns
from framework.signals.stored import SIGNAL_SCHEMA, StoredSignal, write_signal

__all__ = [
    "SIGNAL_SCHEMA",
    "HeldSignal",
    "Signal",
    "SignalRows",
    "StoredSignal",
    "available_ns",
    "write_signal",
]
