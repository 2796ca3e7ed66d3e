"""The emulation's lags: when writes land, when watchers hear of them, how old a read is."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from framework.core.errors import EngineError, SpecError
from framework.core.links import LatencyKind, LatencyModel
from framework.state import (
    CollectionSpec,
    Delete,
    EmulatedServer,
    EmulatedStore,
    Insert,
    Kind,
    Lag,
    StoreLink,
    Update,
    WatchOptions,
)
from framework.state.errors import DuplicateKeyError, FullError, HistoryLostError

_DRAWN = LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=0.5)
_FROM_DATA = LatencyModel(kind=LatencyKind.FROM_DATA, factor=2.0)


def _writer(server: EmulatedServer, name: str = "feed", **lag: Any) -> EmulatedStore:
    return EmulatedStore(server, name=name, link=StoreLink(write=Lag(**lag)))


def _ids(store: EmulatedStore) -> list[Any]:
    return [document["_id"] for document in store.collection("items").find()]


def test_a_write_lands_its_lag_later() -> None:
    server = EmulatedServer(start_ns=100)
    feed, reader = _writer(server, ns=5), EmulatedStore(server)
    ticket = feed.collection("items").send([Insert({"_id": 1})])
    assert (ticket.commit_ns, ticket.is_done, server.next_ns()) == (105, False, 105)
    with pytest.raises(EngineError, match="will be at 105 ns"):
        ticket.outcome()
    server.advance_to(104)
    assert _ids(reader) == []
    server.advance_to(105)
    assert _ids(reader) == [1]
    assert ticket.outcome().inserted == 1
    assert server.next_ns() is None


def test_waiting_for_a_write_moves_the_clock() -> None:
    server = EmulatedServer(start_ns=100)
    feed = _writer(server, ns=5)
    feed.collection("items").insert({"_id": 1})
    assert server.now_ns == 105
    assert feed.collection("items").modify(Update({"_id": 1}, {"$set": {"v": 1}})) == {"_id": 1}
    assert server.now_ns == 110


def test_a_late_refusal_is_on_the_ticket() -> None:
    server = EmulatedServer()
    feed = _writer(server, ns=5)
    feed.collection("items").insert({"_id": 1})
    ticket = feed.collection("items").send([Insert({"_id": 1})])
    server.advance_to(ticket.commit_ns)
    with pytest.raises(DuplicateKeyError):
        ticket.outcome()


def test_writes_of_one_client_keep_their_order_and_do_not_overtake() -> None:
    server = EmulatedServer(seed=7)
    feed = _writer(server, ns=1_000, model=_DRAWN)
    tickets = []
    for i in range(300):
        server.advance_to(i * 100)
        tickets.append(feed.collection("items").send([Insert({"_id": i})]))
    server.advance_to(10**9)
    assert _ids(EmulatedStore(server)) == list(range(300))
    assert all(one.commit_ns <= later.commit_ns for one, later in pairwise(tickets))
    lags = sorted(ticket.commit_ns - i * 100 for i, ticket in enumerate(tickets))
    # Those held up wait for the slow ones before them, so the median lies above the drawn one.
    assert 1_000 < lags[150] < 3_000
    assert lags[0] < 1_000


@pytest.mark.parametrize("made", [["slow", "none", "quick"], ["quick", "none", "slow"]])
def test_what_arrives_at_one_instant_is_committed_as_it_was_issued(made: list[str]) -> None:
    server = EmulatedServer()
    lags = {"slow": 5, "quick": 2, "none": 0}
    clients = {name: _writer(server, name, ns=lags[name]) for name in made}
    for now_ns, name, key in ((0, "slow", 1), (3, "quick", 2), (3, "quick", 3), (5, "none", 4)):
        server.advance_to(now_ns)
        clients[name].collection("items").send([Insert({"_id": key})])
    assert _ids(EmulatedStore(server)) == [1, 2, 3, 4]


def test_draws_depend_on_seed_and_name_alone() -> None:
    def commits(seed: int, others: int) -> list[int]:
        server = EmulatedServer(seed=seed)
        feeds = [_writer(server, f"other{i}", ns=50, model=_DRAWN) for i in range(others)]
        mine = _writer(server, "mine", ns=50, model=_DRAWN)
        for i in range(20):
            for feed in feeds:
                feed.collection("items").send([Insert({"_id": f"{feed.name}{i}"})])
            mine.collection("items").send([Insert({"_id": i})])
        return [mine.arrival_ns() for _ in range(5)]

    assert commits(1, 0) == commits(1, 3)
    assert commits(1, 0) != commits(2, 0)


def test_a_lag_from_data_follows_the_feed() -> None:
    server = EmulatedServer()
    feed = _writer(server, ns=9, model=_FROM_DATA)
    assert feed.collection("items").send([Insert({"_id": 1})]).commit_ns == 9
    server.advance_to(100)
    feed.observe_feed(40)
    assert feed.collection("items").send([Insert({"_id": 2})]).commit_ns == 180


def test_a_watcher_hears_its_lag_after_the_commit() -> None:
    server = EmulatedServer()
    feed = _writer(server, ns=5)
    link = StoreLink(notify=Lag(ns=20))
    stream = EmulatedStore(server, name="strategy", link=link).collection("items").watch()
    feed.collection("items").send([Insert({"_id": 1})])
    for now_ns, wanted in ((5, None), (24, None), (25, 1)):
        server.advance_to(now_ns)
        event = stream.poll()
        assert (event and event.document_key and event.document_key["_id"]) == wanted


def test_a_stream_says_when_it_has_news() -> None:
    server = EmulatedServer()
    link = StoreLink(notify=Lag(ns=20))
    stream = EmulatedStore(server, name="strategy", link=link).collection("items").watch()
    assert stream.next_ns() is None
    server.advance_to(7)
    EmulatedStore(server).collection("items").insert({"_id": 1})
    assert stream.next_ns() == 27
    server.advance_to(27)
    assert stream.poll() is not None
    assert stream.next_ns() is None


def test_notices_keep_their_order() -> None:
    server = EmulatedServer(seed=3)
    link = StoreLink(notify=Lag(ns=500, model=_DRAWN))
    stream = EmulatedStore(server, name="strategy", link=link).collection("items").watch()
    store = EmulatedStore(server)
    heard: list[Any] = []
    for i in range(200):
        server.advance_to(i * 50)
        store.collection("items").insert({"_id": i})
        heard += [event.document_key["_id"] for event in iter(stream.poll, None)]
    server.advance_to(10**9)
    heard += [event.document_key["_id"] for event in iter(stream.poll, None)]
    assert heard == list(range(200))


def test_a_read_is_as_old_as_its_lag() -> None:
    server = EmulatedServer()
    stale = EmulatedStore(server, name="strategy", link=StoreLink(read=Lag(ns=10)))
    fresh = EmulatedStore(server)
    items = fresh.create(CollectionSpec(name="items"))
    seen = {}
    server.advance_to(1)
    items.insert({"_id": 1, "v": 0})
    server.advance_to(5)
    items.write([Update({"_id": 1}, {"$set": {"v": 1}})])
    server.advance_to(8)
    items.write([Delete({"_id": 1})])
    for now_ns in (8, 10, 11, 14, 15, 17, 18):
        server.advance_to(now_ns)
        seen[now_ns] = stale.collection("items").find()
    assert seen == {
        8: [],
        10: [],
        11: [{"_id": 1, "v": 0}],
        14: [{"_id": 1, "v": 0}],
        15: [{"_id": 1, "v": 1}],
        17: [{"_id": 1, "v": 1}],
        18: [],
    }


@pytest.mark.parametrize("spec", [{}, {"max_documents": 3}], ids=["by size", "by count"])
def test_a_stale_copy_passes_through_every_state_of_the_store(spec: dict[str, Any]) -> None:
    server, draw = EmulatedServer(), random.Random(5)
    stale = EmulatedStore(server, name="strategy", link=StoreLink(read=Lag(ns=7)))
    fresh = EmulatedStore(server)
    capped = CollectionSpec(name="items", kind=Kind.CAPPED, max_bytes=300, **spec)
    items = fresh.create(capped)
    states = {0: []}
    for now_ns in range(1, 200):
        server.advance_to(now_ns)
        if draw.random() < 0.5:
            items.insert({"_id": now_ns, "p": "x" * draw.randrange(60)})
        elif draw.random() < 0.5:
            items.write([Update({}, {"$inc": {"n": 1}})])
        elif draw.random() < 0.2:
            fresh.drop("items")
            fresh.create(capped)
        else:
            items.write([Delete({"n": {"$exists": True}})])
        states[now_ns] = items.find()
        assert stale.collection("items").find() == states[max(now_ns - 7, 0)]


def test_reads_never_go_back_in_time() -> None:
    server = EmulatedServer(seed=11)
    link = StoreLink(read=Lag(ns=300, model=_DRAWN))
    stale = EmulatedStore(server, name="strategy", link=link)
    items = EmulatedStore(server).create(CollectionSpec(name="items"))
    items.insert({"_id": 0, "v": 0})
    seen = []
    for i in range(300):
        server.advance_to(i * 50 + 1)
        items.write([Update({"_id": 0}, {"$set": {"v": i}})])
        found = stale.collection("items").get(0)
        seen.append(-1 if found is None else found["v"])
    assert seen == sorted(seen)
    assert len({i - v for i, v in enumerate(seen[50:], 50)}) > 3


def test_without_lags_a_read_sees_the_write() -> None:
    server = EmulatedServer(start_ns=3)
    one, other = EmulatedStore(server, name="one"), EmulatedStore(server, name="other")
    one.collection("items").insert({"_id": 1})
    assert _ids(other) == [1]
    assert server.now_ns == 3


def test_the_clock_does_not_run_backwards() -> None:
    server = EmulatedServer(start_ns=10)
    with pytest.raises(EngineError, match="must not run backwards"):
        server.advance_to(9)


def test_the_log_is_bounded_and_says_what_it_forgot() -> None:
    server = EmulatedServer(log_events=10)
    store = EmulatedStore(server)
    slow, items = store.collection("items").watch(), store.collection("items")
    first = slow.token
    items.insert(*({"_id": i} for i in range(11)))
    with pytest.raises(HistoryLostError, match="event 1, it begins with 2"):
        slow.poll()
    with pytest.raises(HistoryLostError):
        items.watch(WatchOptions(resume_after=first))
    with pytest.raises(HistoryLostError):
        items.watch(WatchOptions(start_at=1))


def test_memory_is_bounded() -> None:
    server = EmulatedServer(max_documents=3, max_in_flight=2)
    feed = _writer(server, ns=5)
    for i in range(2):
        feed.collection("items").send([Insert({"_id": i})])
    with pytest.raises(EngineError, match="at most 2 writes"):
        feed.collection("items").send([Insert({"_id": 9})])
    server.advance_to(5)
    store = EmulatedStore(server)
    store.collection("items").insert({"_id": 2})
    with pytest.raises(FullError, match="may hold 3 documents"):
        store.collection("items").insert({"_id": 3})
    store.collection("items").write([Delete({"_id": 0}), Insert({"_id": 3})])
    stale = EmulatedStore(
        EmulatedServer(), name="strategy", link=StoreLink(read=Lag(ns=5)), max_pending=2
    )
    with pytest.raises(EngineError, match="at most 2 changes"):
        EmulatedStore(stale.server).collection("items").insert(*({"_id": i} for i in range(3)))


@pytest.mark.parametrize("ns", [-1, 3_601 * 10**9])
def test_a_lag_out_of_range_is_refused(ns: int) -> None:
    with pytest.raises(SpecError, match="from 0 to an hour"):
        Lag(ns=ns)


def test_the_same_script_gives_the_same_events() -> None:
    def events() -> list[tuple[object, ...]]:
        server = EmulatedServer(start_ns=5, seed=9)
        writers = [_writer(server, f"w{i}", ns=30, model=_DRAWN) for i in range(3)]
        link = StoreLink(notify=Lag(ns=12, model=_DRAWN))
        stream = EmulatedStore(server, name="s", link=link).collection("items").watch()
        heard: list[tuple[object, ...]] = []
        for i in range(60):
            server.advance_to(5 + 10 * i)
            writers[i % 3].collection("items").send([Insert({"_id": i})])
            heard += [(server.now_ns, e.token, e.cluster_time) for e in iter(stream.poll, None)]
        return heard

    first = events()
    assert first == events()
    assert len(first) > 40
