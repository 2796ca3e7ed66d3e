"""MongoDB passes the state store's conformance suite."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator

import pytest

from framework.state import StateStore
from framework.state.mongo import MongoStore, connect
from tests.conformance.mongod import SWEEP_S, shared_uri
from tests.conformance.state import StateStoreConformance


@pytest.fixture(scope="module")
def opened() -> Iterator[MongoStore]:
    name = f"crossbook_test_{uuid.uuid4().hex[:12]}"
    with connect(shared_uri(), database=name) as store:
        yield store
        store.remove()


class TestMongo(StateStoreConformance):
    @pytest.fixture
    def store(self, opened: MongoStore) -> Iterator[StateStore]:
        yield opened
        for name in opened.names():
            opened.drop(name)

    def let_expired_go(self, store: StateStore) -> None:
        # A server of one's own sweeps once a minute.
        time.sleep(65 if "MONGODB_URI" in os.environ else 2 * SWEEP_S + 0.2)
