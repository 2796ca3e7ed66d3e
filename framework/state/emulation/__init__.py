"""The state store in virtual time: no server, deterministic, with lags."""

from framework.state.emulation.server import EmulatedServer
from framework.state.emulation.store import EmulatedCollection, EmulatedStore, Ticket

__all__ = ["EmulatedCollection", "EmulatedServer", "EmulatedStore", "Ticket"]
