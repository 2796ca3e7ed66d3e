"""Change streams: events, filters and images."""

from __future__ import annotations

from typing import Any

import pytest

from framework.state import (
    Collection,
    Delete,
    Images,
    Operation,
    Replace,
    StateStore,
    Update,
    WatchOptions,
)
from framework.state.errors import (
    DocumentError,
    ImageMissingError,
    TokenError,
    WriteRefusedError,
)
from tests.conformance.state.case import StoreCase, make, read, take, told


class EventCases(StoreCase):
    def test_a_stream_begins_where_it_was_opened(self, items: Collection) -> None:
        items.insert({"_id": 1})
        stream = items.watch()
        items.insert({"_id": 2})
        assert told(take(stream, 1)) == [("insert", 2)]

    def test_events_come_in_the_order_of_commits(self, items: Collection) -> None:
        stream = items.watch()
        items.insert({"_id": 1}, {"_id": 2})
        items.write([Update({"_id": 1}, {"$set": {"v": 1}}), Delete({"_id": 2})])
        items.write([Replace({"_id": 1}, {"w": 1})])
        events = take(stream, 5)
        assert told(events) == [
            ("insert", 1),
            ("insert", 2),
            ("update", 1),
            ("delete", 2),
            ("replace", 1),
        ]
        times = [event.cluster_time for event in events]
        assert times == sorted(set(times))
        assert [e.token for e in events] == sorted({e.token for e in events})

    def test_an_insert_has_mongodbs_shape(self, items: Collection) -> None:
        stream = items.watch()
        items.insert({"_id": 1, "v": 2})
        event = take(stream, 1)[0]
        shown = event.as_document()
        assert list(shown) == [
            "_id",
            "operationType",
            "clusterTime",
            "wallTime",
            "fullDocument",
            "ns",
            "documentKey",
        ]
        assert shown["_id"] == {"_data": event.token}
        assert shown["fullDocument"] == {"_id": 1, "v": 2}
        assert shown["ns"] == {"db": event.database, "coll": "items"}
        assert event.wall_ns % 1_000_000 == 0

    def test_an_update_has_mongodbs_shape(self, items: Collection) -> None:
        items.insert({"_id": 1, "v": 2, "old": 1})
        stream = items.watch()
        items.write([Update({"_id": 1}, {"$set": {"v": 3}, "$unset": {"old": 1}})])
        shown = take(stream, 1)[0].as_document()
        assert shown["updateDescription"] == {
            "updatedFields": {"v": 3},
            "removedFields": ["old"],
            "truncatedArrays": [],
        }
        assert "fullDocument" not in shown
        assert "fullDocumentBeforeChange" not in shown

    @pytest.mark.parametrize(
        ("changes", "updated", "removed"),
        [
            ({"$set": {"x": 2, "n.a": 5}}, {"x": 2, "n.a": 5}, []),
            ({"$set": {"n": {"a": 5, "b": 3}}}, {"n": {"a": 5, "b": 3}}, []),
            ({"$set": {"n.c.d": 1, "n.c.e": 2}}, {"n.c": {"d": 1, "e": 2}}, []),
            ({"$unset": {"x": 1, "nope": 1}}, {}, ["x"]),
            ({"$unset": {"n.a": 1}}, {}, ["n.a"]),
            ({"$inc": {"x": 2, "y.z": 1}}, {"x": 3, "y": {"z": 1}}, []),
            ({"$push": {"l": 4}}, {"l.3": 4}, []),
            ({"$push": {"l": {"$each": [5, 6]}}}, {"l.3": 5, "l.4": 6}, []),
            ({"$push": {"l": {"$each": [7], "$slice": -3}}}, {"l": [2, 3, 7]}, []),
            ({"$push": {"e": 1}}, {"e": [1]}, []),
            ({"$push": {"new": 1}}, {"new": [1]}, []),
            ({"$set": {"l.0": 9}}, {"l.0": 9}, []),
            ({"$set": {"l.5": 9}}, {"l.5": 9}, []),
            ({"$min": {"x": -1}, "$max": {"f": 0}}, {"x": -1}, []),
            ({"$unset": {"l.1": 1}}, {"l.1": None}, []),
        ],
        ids=str,
    )
    def test_what_an_update_is_said_to_have_changed(
        self,
        items: Collection,
        changes: dict[str, Any],
        updated: dict[str, Any],
        removed: list[str],
    ) -> None:
        items.insert({"_id": 1, "x": 1, "f": 1.5, "n": {"a": 1, "b": 2}, "l": [1, 2, 3], "e": []})
        stream = items.watch()
        items.write([Update({"_id": 1}, changes)])
        event = take(stream, 1)[0]
        assert event.updated_fields == updated
        assert list(event.removed_fields) == removed

    @pytest.mark.parametrize(
        "changes",
        [
            {"$set": {"x": 1, "n": {"a": 1, "b": 2}}},
            {"$inc": {"x": 0}},
            {"$max": {"x": 0}},
            {"$min": {"x": 1.0}},
            {"$unset": {"nope": 1}},
            {"$set": {}},
            {"$push": {"l": {"$each": []}}},
        ],
        ids=str,
    )
    def test_what_changes_nothing_is_no_event(
        self, items: Collection, changes: dict[str, Any]
    ) -> None:
        items.insert({"_id": 1, "x": 1, "n": {"a": 1, "b": 2}, "l": [1]})
        stream = items.watch()
        assert items.write([Update({"_id": 1}, changes)]).modified == 0
        items.insert({"_id": "marker"})
        assert told(take(stream, 1)) == [("insert", "marker")]

    @pytest.mark.parametrize(
        "changes",
        [{"$set": {"x": 1.0}}, {"$set": {"n": {"b": 2, "a": 1}}}, {"$set": {"t": 1}}],
        ids=["type", "order of fields", "true to 1"],
    )
    def test_another_type_or_order_is_a_change(
        self, items: Collection, changes: dict[str, Any]
    ) -> None:
        items.insert({"_id": 1, "x": 1, "n": {"a": 1, "b": 2}, "t": True})
        stream = items.watch()
        assert items.write([Update({"_id": 1}, changes)]).modified == 1
        assert told(take(stream, 1)) == [("update", 1)]

    def test_a_replacement_is_an_event_even_if_equal(self, items: Collection) -> None:
        items.insert({"_id": 1, "v": 1})
        stream = items.watch()
        items.write([Replace({"_id": 1}, {"v": 1})])
        assert [(e.operation, e.full_document) for e in take(stream, 1)] == [
            ("replace", {"_id": 1, "v": 1})
        ]

    def test_an_upsert_is_an_insert(self, items: Collection) -> None:
        stream = items.watch()
        items.write([Update({"_id": 1}, {"$set": {"v": 1}}, upsert=True)])
        items.write([Replace({"_id": 2}, {"v": 2}, upsert=True)])
        assert told(take(stream, 2)) == [("insert", 1), ("insert", 2)]

    def test_find_and_modify_is_told_as_what_it_does(self, items: Collection) -> None:
        items.insert({"_id": 1, "v": 1})
        stream = items.watch()
        items.modify(Update({"_id": 1}, {"$set": {"v": 2}}))
        items.modify(Replace({"_id": 1}, {"v": 3}))
        items.modify(Delete({"_id": 1}))
        assert told(take(stream, 3)) == [("update", 1), ("replace", 1), ("delete", 1)]

    def test_each_of_many_is_an_event(self, items: Collection) -> None:
        items.insert({"_id": 1}, {"_id": 2})
        stream = items.watch()
        items.write([Update({}, {"$set": {"v": 1}}, many=True), Delete({}, many=True)])
        assert told(take(stream, 4)) == [
            ("update", 1),
            ("update", 2),
            ("delete", 1),
            ("delete", 2),
        ]

    def test_a_refused_write_is_no_event(self, items: Collection) -> None:
        items.insert({"_id": 1, "s": "text"})
        stream = items.watch()
        with pytest.raises(WriteRefusedError):
            items.write([Update({"_id": 1}, {"$inc": {"s": 1}})])
        assert items.write([Update({"_id": 5}, {"$set": {"a": 1}})]).matched == 0
        items.insert({"_id": "marker"})
        assert told(take(stream, 1)) == [("insert", "marker")]

    def test_other_collections_are_not_seen(self, store: StateStore, items: Collection) -> None:
        stream = items.watch()
        make(store, "other").insert({"_id": 1})
        items.insert({"_id": 2})
        assert told(take(stream, 1)) == [("insert", 2)]

    def test_two_streams_see_the_same(self, items: Collection) -> None:
        one, other = items.watch(), items.watch()
        items.insert({"_id": 1}, {"_id": 2})
        assert [e.token for e in take(one, 2)] == [e.token for e in take(other, 2)]

    def test_a_closed_stream_is_silent(self, items: Collection) -> None:
        stream = items.watch()
        stream.close()
        stream.close()
        items.insert({"_id": 1})
        assert not stream.is_alive
        assert stream.poll() is None

    def test_a_collection_can_be_watched_before_it_exists(self, store: StateStore) -> None:
        stream = store.collection("later").watch()
        store.collection("later").insert({"_id": 1})
        assert told(take(stream, 1)) == [("insert", 1)]


class FilterCases(StoreCase):
    def test_by_operation(self, items: Collection) -> None:
        stream = items.watch(WatchOptions(operations=frozenset({Operation.DELETE})))
        items.insert({"_id": 1}, {"_id": 2})
        items.write([Update({"_id": 1}, {"$set": {"v": 1}}), Delete({"_id": 2})])
        assert told(take(stream, 1)) == [("delete", 2)]

    def test_by_document(self, items: Collection) -> None:
        wall: dict[str, Any] = {"qty": {"$gte": 100}}
        stream = items.watch(WatchOptions(query=wall))
        items.insert({"_id": 1, "qty": 99}, {"_id": 2, "qty": 100})
        items.write([Replace({"_id": 1}, {"qty": 500}), Delete({"_id": 2})])
        assert told(take(stream, 2)) == [("insert", 2), ("replace", 1)]

    def test_by_document_after_an_update(self, store: StateStore) -> None:
        items = make(store, images=True)
        wall: dict[str, Any] = {"$or": [{"qty": {"$gte": 100}}, {"levels.0.qty": 7}]}
        stream = items.watch(WatchOptions(query=wall, after=Images.WHEN_AVAILABLE))
        items.insert({"_id": 1, "qty": 1, "levels": [{"qty": 7}]}, {"_id": 2, "qty": 2})
        items.write(
            [Update({"_id": 2}, {"$inc": {"qty": 1}}), Update({"_id": 2}, {"$inc": {"qty": 97}})]
        )
        assert told(take(stream, 2)) == [("insert", 1), ("update", 2)]

    def test_an_update_without_its_image_passes_no_filter(self, items: Collection) -> None:
        stream = items.watch(WatchOptions(query={"gone": None}))
        items.insert({"_id": 1})
        items.write([Update({"_id": 1}, {"$set": {"v": 1}}), Delete({"_id": 1})])
        assert told(take(stream, 1)) == [("insert", 1)]

    def test_an_invalidate_passes_every_filter(self, store: StateStore, items: Collection) -> None:
        only = WatchOptions(operations=frozenset({Operation.DELETE}), query={"v": 1})
        stream = items.watch(only)
        items.insert({"_id": 1})
        store.drop("items")
        assert told(read(stream, 1)) == [("invalidate", None)]
        assert not stream.is_alive

    def test_a_filter_the_contract_lacks_is_refused(self, items: Collection) -> None:
        with pytest.raises(DocumentError):
            items.watch(WatchOptions(query={"a": {"$regex": "x"}}))


class ImageCases(StoreCase):
    @pytest.fixture
    def imaged(self, store: StateStore) -> Collection:
        return make(store, images=True)

    def test_images_before_and_after(self, imaged: Collection) -> None:
        wanted = WatchOptions(after=Images.REQUIRED, before=Images.REQUIRED)
        stream = imaged.watch(wanted)
        imaged.insert({"_id": 1, "v": 1})
        imaged.write([Update({"_id": 1}, {"$set": {"v": 2}}), Replace({"_id": 1}, {"w": 3})])
        imaged.write([Delete({"_id": 1})])
        assert [(e.before, e.full_document) for e in take(stream, 4)] == [
            (None, {"_id": 1, "v": 1}),
            ({"_id": 1, "v": 1}, {"_id": 1, "v": 2}),
            ({"_id": 1, "v": 2}, {"_id": 1, "w": 3}),
            ({"_id": 1, "w": 3}, None),
        ]

    def test_images_are_of_the_moment_of_the_change(self, imaged: Collection) -> None:
        stream = imaged.watch(WatchOptions(after=Images.WHEN_AVAILABLE))
        imaged.insert({"_id": 1, "v": 0})
        imaged.write([Update({"_id": 1}, {"$inc": {"v": 1}}) for _ in range(3)])
        assert [(e.full_document or {})["v"] for e in take(stream, 4)] == [0, 1, 2, 3]

    def test_a_look_up_is_of_the_moment_of_reading(self, items: Collection) -> None:
        stream = items.watch(WatchOptions(after=Images.UPDATE_LOOKUP))
        items.insert({"_id": 1, "v": 0}, {"_id": 2, "v": 0})
        items.write([Update({"_id": i}, {"$inc": {"v": 1}}) for i in (1, 1, 2)])
        items.write([Delete({"_id": 2})])
        events = take(stream, 6)
        assert [e.full_document for e in events[2:5]] == [
            {"_id": 1, "v": 2},
            {"_id": 1, "v": 2},
            None,
        ]
        assert "fullDocument" in events[4].as_document()

    def test_only_what_is_asked_for_is_shown(self, imaged: Collection) -> None:
        stream = imaged.watch()
        imaged.insert({"_id": 1})
        imaged.write([Update({"_id": 1}, {"$set": {"v": 1}}), Delete({"_id": 1})])
        shown = [event.as_document() for event in take(stream, 3)]
        assert ["fullDocument" in document for document in shown] == [True, False, False]
        assert not any("fullDocumentBeforeChange" in document for document in shown)

    def test_when_available_gives_null_where_there_is_none(self, items: Collection) -> None:
        wanted = WatchOptions(after=Images.WHEN_AVAILABLE, before=Images.WHEN_AVAILABLE)
        stream = items.watch(wanted)
        items.insert({"_id": 1})
        items.write([Update({"_id": 1}, {"$set": {"v": 1}}), Delete({"_id": 1})])
        shown = [event.as_document() for event in take(stream, 3)]
        assert "fullDocumentBeforeChange" not in shown[0]
        assert shown[1]["fullDocument"] is None
        assert shown[1]["fullDocumentBeforeChange"] is None
        assert "fullDocument" not in shown[2]
        assert shown[2]["fullDocumentBeforeChange"] is None

    @pytest.mark.parametrize("side", ["after", "before"])
    def test_required_raises_where_there_is_none(self, items: Collection, side: str) -> None:
        options = {"after": Images.REQUIRED} if side == "after" else {"before": Images.REQUIRED}
        stream = items.watch(WatchOptions(**options))  # type: ignore[arg-type]
        items.insert({"_id": 1})
        assert told(take(stream, 1)) == [("insert", 1)]
        items.write([Update({"_id": 1}, {"$set": {"v": 1}})])
        with pytest.raises(ImageMissingError) as refusal:
            read(stream, 1)
        assert refusal.value.code == 47
        assert not stream.is_alive

    def test_images_exist_from_their_enabling_on(self, store: StateStore) -> None:
        items = make(store)
        wanted = WatchOptions(after=Images.WHEN_AVAILABLE, before=Images.WHEN_AVAILABLE)
        stream = items.watch(wanted)
        items.insert({"_id": 1, "v": 1})
        items.write([Update({"_id": 1}, {"$set": {"v": 2}})])
        make(store, images=True)
        items.write([Update({"_id": 1}, {"$set": {"v": 3}})])
        assert [(e.before, e.full_document) for e in take(stream, 3)[1:]] == [
            (None, None),
            ({"_id": 1, "v": 2}, {"_id": 1, "v": 3}),
        ]

    def test_a_filtered_out_event_needs_no_image(self, items: Collection) -> None:
        inserts = frozenset({Operation.INSERT})
        stream = items.watch(WatchOptions(after=Images.REQUIRED, operations=inserts))
        items.insert({"_id": 1})
        items.write([Update({"_id": 1}, {"$set": {"v": 1}})])
        items.insert({"_id": 2})
        assert told(take(stream, 2)) == [("insert", 1), ("insert", 2)]

    def test_a_look_up_is_not_for_before(self) -> None:
        with pytest.raises(TokenError):
            WatchOptions(before=Images.UPDATE_LOOKUP)
