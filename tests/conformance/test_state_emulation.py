"""The emulation passes the state store's conformance suite."""

from __future__ import annotations

import pytest

from framework.state import EmulatedServer, EmulatedStore, StateStore
from tests.conformance.state import StateStoreConformance

_START_NS = 1_700_000_000_123_456_789


class TestEmulation(StateStoreConformance):
    @pytest.fixture
    def store(self) -> StateStore:
        return EmulatedStore(EmulatedServer(start_ns=_START_NS))

    def let_expired_go(self, store: StateStore) -> None:
        assert isinstance(store, EmulatedStore)
        store.server.advance_to(store.now_ns() + 61 * 10**9)
