"""Going on where a stream stopped, and what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from framework.state import Collection, Delete, Operation, StateStore, WatchOptions
from framework.state.errors import InvalidatedError, TokenError
from tests.conformance.state.case import StoreCase, make, read, take, told


class ResumingCases(StoreCase):
    def test_after_each_event(self, items: Collection) -> None:
        stream = items.watch()
        items.insert(*({"_id": i} for i in range(4)))
        events = take(stream, 4)
        for i, event in enumerate(events):
            for place in ({"resume_after": event.token}, {"start_after": event.token}):
                again = items.watch(WatchOptions(**place))  # type: ignore[arg-type]
                assert told(take(again, 3 - i)) == told(events[i + 1 :])

    def test_from_a_streams_own_place(self, items: Collection) -> None:
        stream = items.watch()
        first = stream.token
        items.insert({"_id": 1}, {"_id": 2})
        read(stream, 1)
        assert told(take(items.watch(WatchOptions(resume_after=stream.token)), 1)) == [
            ("insert", 2)
        ]
        assert len(take(items.watch(WatchOptions(resume_after=first)), 2)) == 2

    def test_from_a_time(self, items: Collection) -> None:
        stream = items.watch()
        items.insert(*({"_id": i} for i in range(3)))
        events = take(stream, 3)
        again = items.watch(WatchOptions(start_at=events[1].cluster_time))
        assert told(take(again, 2)) == [("insert", 1), ("insert", 2)]
        late = items.watch(WatchOptions(start_at=events[2].cluster_time + 1))
        assert late.poll() is None

    def test_with_the_filter_it_had(self, items: Collection) -> None:
        deletes = frozenset({Operation.DELETE})
        stream = items.watch(WatchOptions(operations=deletes))
        items.insert({"_id": 1}, {"_id": 2})
        items.write([Delete({"_id": 1})])
        token = take(stream, 1)[0].token
        items.write([Delete({"_id": 2})])
        again = items.watch(WatchOptions(resume_after=token, operations=deletes))
        assert told(take(again, 1)) == [("delete", 2)]

    @pytest.mark.parametrize(
        "options",
        [{"operations": frozenset({Operation.DELETE})}, {"query": {"v": 5}}],
        ids=["operation", "document"],
    )
    def test_a_token_of_an_event_the_filter_hides_is_refused(
        self, items: Collection, options: dict[str, Any]
    ) -> None:
        stream = items.watch()
        items.insert({"_id": 1, "v": 1}, {"_id": 2, "v": 5})
        items.write([Delete({"_id": 2})])
        token = read(stream, 1)[0].token
        with pytest.raises(TokenError) as refusal:  # at once, or with the first event shown
            read(items.watch(WatchOptions(resume_after=token, **options)), 1)
        assert refusal.value.code == 280

    @pytest.mark.parametrize(
        "places",
        [
            {"resume_after": "00", "start_after": "00"},
            {"resume_after": "00", "start_at": 1},
            {"start_after": "00", "start_at": 1},
        ],
        ids=["both tokens", "token and time", "start and time"],
    )
    def test_only_one_place_may_be_named(self, places: dict[str, Any]) -> None:
        with pytest.raises(TokenError):
            WatchOptions(**places)

    @pytest.mark.parametrize("token", ["zz", "8263", ""], ids=["no hex", "too short", "empty"])
    def test_a_malformed_token_is_refused(self, items: Collection, token: str) -> None:
        with pytest.raises(TokenError):
            items.watch(WatchOptions(resume_after=token))

    def test_dropping_ends_a_stream(self, store: StateStore, items: Collection) -> None:
        stream = items.watch()
        items.insert({"_id": 1})
        store.drop("items")
        events = read(stream, 3)
        assert told(events) == [("insert", 1), ("drop", None), ("invalidate", None)]
        assert not stream.is_alive
        assert stream.poll() is None
        assert list(events[2].as_document()) == ["_id", "operationType", "clusterTime", "wallTime"]

    def test_an_invalidate_is_not_resumed_after(self, store: StateStore, items: Collection) -> None:
        token = self._invalidate(store, items)
        with pytest.raises(InvalidatedError) as refusal:
            items.watch(WatchOptions(resume_after=token))
        assert refusal.value.code == 260

    def test_an_invalidate_is_started_after(self, store: StateStore, items: Collection) -> None:
        token = self._invalidate(store, items)
        make(store).insert({"_id": 7})
        again = items.watch(WatchOptions(start_after=token))
        assert told(take(again, 1)) == [("insert", 7)]

    @pytest.mark.parametrize("place", ["resume_after", "start_after"])
    def test_after_a_drop_comes_the_invalidate(
        self, store: StateStore, items: Collection, place: str
    ) -> None:
        stream = items.watch()
        store.drop("items")
        drop = read(stream, 1)[0]
        again = items.watch(WatchOptions(**{place: drop.token}))  # type: ignore[arg-type]
        assert told(read(again, 1)) == [("invalidate", None)]
        assert not again.is_alive

    def test_an_older_place_leads_through_the_drop(
        self, store: StateStore, items: Collection
    ) -> None:
        stream = items.watch()
        items.insert({"_id": 1}, {"_id": 2})
        token = read(stream, 1)[0].token
        store.drop("items")
        again = items.watch(WatchOptions(resume_after=token))
        assert told(read(again, 3)) == [("insert", 2), ("drop", None), ("invalidate", None)]

    def _invalidate(self, store: StateStore, items: Collection) -> str:
        stream = items.watch()
        store.drop("items")
        return read(stream, 2)[1].token
