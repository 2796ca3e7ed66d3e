"""The desk's documents: market data, regime, intents and orders, as of either time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from framework.state import StateStore
from framework.state.desk import (
    BUCKET_NS,
    Clock,
    DepthBucket,
    DeskLayout,
    DeskState,
    Heartbeat,
    IntentState,
    OrderDocument,
    OrderIntent,
    Quote,
    Regime,
    set_up,
)
from framework.state.errors import DuplicateKeyError, VersionError
from tests.conformance.state.case import StoreCase, take, told

_T0 = 1_700_000_000_000_000_000


def quote(number: int, valid_ns: int, *, venue: str = "x") -> Quote:
    return Quote(
        venue=venue,
        symbol="BTC",
        number=number,
        bid_px_ticks=100 + number,
        bid_lots=5,
        ask_px_ticks=None,
        ask_lots=0,
        received_ns=valid_ns + 3,
        valid_ns=valid_ns,
    )


def bucket(number: int, lots: int = 1, *, venue: str = "x") -> DepthBucket:
    start_ns = _T0 + number * BUCKET_NS
    return DepthBucket(
        venue=venue,
        symbol="BTC",
        bucket_ns=start_ns,
        bids=((100, lots), (99, 2)),
        asks=((102, 3),),
        n_events=7,
        received_ns=start_ns + 90,
        valid_ns=start_ns + 80,
    )


def intent(name: str, valid_ns: int) -> OrderIntent:
    return OrderIntent(
        intent_id=name,
        strategy="arb",
        venue="x",
        symbol="BTC",
        side=1,
        px_ticks=100,
        qty_lots=2,
        valid_ns=valid_ns,
    )


def order(leaves_lots: int, status: str, valid_ns: int) -> OrderDocument:
    return OrderDocument(
        order_id="o1",
        venue="x",
        symbol="BTC",
        side=-1,
        px_ticks=101,
        qty_lots=4,
        leaves_lots=leaves_lots,
        status=status,
        valid_ns=valid_ns,
    )


class DeskCases(StoreCase):
    @pytest.fixture
    def desk(self, store: StateStore) -> DeskState:
        return DeskState(store, DeskLayout(quotes=4, heartbeats=4))

    def test_setting_up_again_changes_nothing(self, desk: DeskState) -> None:
        desk.record([quote(1, _T0)])
        again = DeskState(desk.store, DeskLayout(quotes=4, heartbeats=4))
        assert again.last_quote("x", "BTC") == desk.last_quote("x", "BTC")

    def test_another_schema_is_refused(self, desk: DeskState) -> None:
        desk.store.drop("schema")
        desk.store.collection("schema").insert({"_id": "desk", "version": 99})
        with pytest.raises(VersionError, match="must be version 1, it is 99"):
            set_up(desk.store)

    def test_the_last_quote_is_that_of_its_stream(self, desk: DeskState) -> None:
        assert desk.last_quote("x", "BTC") is None
        desk.record([quote(1, _T0), quote(2, _T0 + 5), quote(9, _T0 + 7, venue="y")])
        found = desk.last_quote("x", "BTC")
        assert found is not None
        assert replace(found, recorded_ns=0) == quote(2, _T0 + 5)
        assert found.recorded_ns > 10**18

    def test_old_quotes_are_evicted(self, desk: DeskState) -> None:
        desk.record([quote(i, _T0 + i) for i in range(6)])
        assert desk.quote_as_of("x", "BTC", _T0 + 1, Clock.VALID) is None
        found = desk.quote_as_of("x", "BTC", _T0 + 2, Clock.VALID)
        assert found is not None
        assert found.number == 2

    def test_a_quote_is_recorded_once(self, desk: DeskState) -> None:
        desk.record([quote(1, _T0)])
        with pytest.raises(DuplicateKeyError):
            desk.record([quote(1, _T0)])

    def test_a_quote_as_of_its_valid_time(self, desk: DeskState) -> None:
        # The second came late: it was true before the first, and recorded after it.
        desk.record([quote(2, _T0 + 20), quote(1, _T0 + 10)])
        for ts_ns, number in ((10, 1), (19, 1), (20, 2), (99, 2)):
            found = desk.quote_as_of("x", "BTC", _T0 + ts_ns, Clock.VALID)
            assert found is not None
            assert found.number == number
        assert desk.quote_as_of("x", "BTC", _T0 + 9, Clock.VALID) is None

    def test_a_quote_as_of_its_recorded_time(self, desk: DeskState) -> None:
        desk.record([quote(2, _T0 + 20)])
        first = desk.last_quote("x", "BTC")
        assert first is not None
        desk.record([quote(1, _T0 + 10)])
        known = desk.quote_as_of("x", "BTC", first.recorded_ns, Clock.RECORDED)
        assert known is not None
        assert desk.quote_as_of("x", "BTC", first.recorded_ns - 1, Clock.RECORDED) is None
        assert desk.last_quote("x", "BTC") == desk.quote_as_of(
            "x", "BTC", desk.store.recording_ns() + 10**10, Clock.RECORDED
        )

    def test_buckets_in_a_range(self, desk: DeskState) -> None:
        desk.record([bucket(2), bucket(0), bucket(1), bucket(1, venue="xy")])
        found = desk.buckets("x", "BTC", _T0, _T0 + 2 * BUCKET_NS)
        assert [replace(one, recorded_ns=0) for one in found] == [bucket(0), bucket(1)]

    def test_a_bucket_as_of_its_valid_time(self, desk: DeskState) -> None:
        desk.record([bucket(0), bucket(1), bucket(1, venue="y")])
        found = desk.bucket_as_of("x", "BTC", _T0 + BUCKET_NS + 79, Clock.VALID)
        assert found is not None
        assert found.bucket_ns == _T0
        assert desk.bucket_as_of("x", "BTC", _T0, Clock.RECORDED) is None

    def test_a_wall_in_the_depth_is_told(self, desk: DeskState) -> None:
        stream = desk.watch_depth({"bids.0.1": {"$gte": 500}})
        desk.record([bucket(0), bucket(1, 500), bucket(2, 499)])
        events = take(stream, 1)
        assert told(events) == [("insert", bucket(1).document_id())]
        again = desk.watch_depth({"bids.0.1": {"$gte": 500}}, resume_after=events[0].token)
        desk.record([bucket(3, 900)])
        assert told(take(again, 1)) == [("insert", bucket(3).document_id())]

    def test_heartbeats(self, desk: DeskState) -> None:
        beats = [
            Heartbeat(venue="x", symbol="BTC", number=i, received_ns=_T0 + i, valid_ns=_T0 + i)
            for i in range(3)
        ]
        desk.record(beats)
        last = desk.last_heartbeat("x", "BTC")
        former = desk.heartbeat_as_of("x", "BTC", _T0 + 1, Clock.VALID)
        assert last is not None
        assert former is not None
        assert (last.number, former.number) == (2, 1)
        assert desk.last_heartbeat("y", "BTC") is None

    def test_the_regime_as_of_either_time(self, desk: DeskState) -> None:
        assert desk.current_regime("BTC") is None
        calm = Regime(scope="BTC", name="normal", confidence=0.9, valid_ns=_T0)
        desk.set_regime(calm)
        known = desk.current_regime("BTC")
        assert known is not None
        desk.set_regime(replace(calm, name="crisis", valid_ns=_T0 + 50))
        # A correction: from 20 on it was a trend, which was known last.
        desk.set_regime(replace(calm, name="trend", valid_ns=_T0 + 20))
        held = {
            ts_ns: getattr(desk.regime_as_of("BTC", _T0 + ts_ns, Clock.VALID), "name", None)
            for ts_ns in (-1, 0, 19, 20, 49, 50)
        }
        assert held == {-1: None, 0: "normal", 19: "normal", 20: "trend", 49: "trend", 50: "crisis"}
        then = desk.regime_as_of("BTC", known.recorded_ns, Clock.RECORDED)
        assert then is not None
        assert desk.regime_as_of("BTC", known.recorded_ns - 1, Clock.RECORDED) is None
        current = desk.current_regime("BTC")
        assert current is not None
        assert (current.name, current.revision) == ("trend", 3)

    def test_one_intent_is_claimed_once_and_the_oldest_first(self, desk: DeskState) -> None:
        desk.put_intent(intent("late", _T0 + 5))
        desk.put_intent(intent("early", _T0 + 1))
        claims = [desk.claim_intent(f"oms{i}", _T0 + 9 + i) for i in range(3)]
        assert [claim and (claim.intent_id, claim.claimed_by) for claim in claims] == [
            ("early", "oms0"),
            ("late", "oms1"),
            None,
        ]
        before = desk.intent_as_of("early", _T0 + 8, Clock.VALID)
        assert before is not None
        assert before.state == IntentState.NEW

    def test_an_orders_life_can_be_read_back(self, desk: DeskState) -> None:
        for leaves, status, at in ((4, "open", 0), (1, "open", 10), (0, "filled", 30)):
            desk.put_order(order(leaves, status, _T0 + at))
        assert [
            getattr(desk.order_as_of("o1", _T0 + ts_ns, Clock.VALID), "leaves_lots", None)
            for ts_ns in (-1, 0, 10, 29, 30)
        ] == [None, 4, 1, 1, 0]
        assert (desk.document("orders", "o1") or {})["status"] == "filled"

    def test_a_writer_that_failed_half_way_loses_no_version(self, desk: DeskState) -> None:
        desk.put_order(order(4, "open", _T0))
        current = desk.document("orders", "o1") or {}
        # It archived the version and died before it changed the document.
        desk.store.collection("history").insert(
            {**current, "_id": f"orders|o1|{1:012d}", "of": "orders", "key": "o1"}
        )
        desk.put_order(order(0, "filled", _T0 + 10))
        early = desk.order_as_of("o1", _T0 + 5, Clock.VALID)
        assert early is not None
        assert (early.leaves_lots, early.revision) == (4, 1)
        assert len(desk.store.collection("history").find()) == 1
