"""Kinds of collections: capped, clustered, time series; indexes and expiry; set-up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from framework.state import (
    Collection,
    CollectionSpec,
    Delete,
    Index,
    Insert,
    Kind,
    Replace,
    StateStore,
    Update,
    WatchOptions,
)
from framework.state.document import bson_bytes
from framework.state.errors import (
    BulkError,
    DuplicateKeyError,
    OptionsError,
    StreamError,
    WriteRefusedError,
)
from framework.state.events import Images
from tests.conformance.state.case import StoreCase, ids, make, take, told


class CappedCases(StoreCase):
    @pytest.fixture
    def last_three(self, store: StateStore) -> Collection:
        return make(store, kind=Kind.CAPPED, max_bytes=4096, max_documents=3, images=True)

    def test_the_first_in_is_the_first_out_by_count(self, last_three: Collection) -> None:
        last_three.insert(*({"_id": i} for i in range(5)))
        assert ids(last_three.find()) == [2, 3, 4]
        assert ids(last_three.find(newest_first=True)) == [4, 3, 2]

    def test_the_first_in_is_the_first_out_by_size(self, store: StateStore) -> None:
        small = make(store, kind=Kind.CAPPED, max_bytes=1000)
        documents: list[dict[str, Any]] = [{"_id": i, "p": "x" * (i * 37 % 170)} for i in range(80)]
        for document in documents:
            small.insert(document)
        kept = len(small.find())
        assert small.find() == documents[-kept:]
        assert sum(bson_bytes(d) for d in documents[-kept:]) <= 1024
        assert sum(bson_bytes(d) for d in documents[-kept - 1 :]) > 1024

    @pytest.mark.parametrize(("asked", "held"), [(100, 256), (256, 256), (257, 512)])
    def test_the_size_is_raised_to_a_multiple_of_256(
        self, store: StateStore, asked: int, held: int
    ) -> None:
        small = make(store, kind=Kind.CAPPED, max_bytes=asked)
        one = bson_bytes({"_id": 0})
        small.insert(*({"_id": i} for i in range(60)))
        assert len(small.find()) == held // one

    def test_one_that_is_larger_than_the_collection_stays_alone(self, store: StateStore) -> None:
        small = make(store, kind=Kind.CAPPED, max_bytes=4096)
        small.insert({"_id": 1}, {"_id": 2})
        small.insert({"_id": 3, "p": "x" * 9000})
        assert ids(small.find()) == [3]
        small.insert({"_id": 4})
        assert ids(small.find()) == [4]

    def test_growing_evicts_at_the_next_insert(self, last_three: Collection) -> None:
        last_three.insert({"_id": 1}, {"_id": 2})
        last_three.write([Update({"_id": 2}, {"$set": {"p": "x" * 5000}})])
        assert ids(last_three.find()) == [1, 2]
        last_three.insert({"_id": 3})
        assert ids(last_three.find()) == [3]

    def test_documents_can_be_deleted(self, last_three: Collection) -> None:
        last_three.insert({"_id": 1}, {"_id": 2}, {"_id": 3})
        last_three.write([Delete({"_id": 2})])
        last_three.insert({"_id": 4})
        assert ids(last_three.find()) == [1, 3, 4]

    def test_an_evicted_id_can_come_back(self, last_three: Collection) -> None:
        last_three.insert(*({"_id": i} for i in (1, 2, 3, 4, 1)))
        assert ids(last_three.find()) == [3, 4, 1]

    def test_an_upsert_counts_as_an_insert(self, last_three: Collection) -> None:
        last_three.insert({"_id": 1}, {"_id": 2}, {"_id": 3})
        last_three.write([Update({"_id": 4}, {"$set": {"v": 1}}, upsert=True)])
        assert ids(last_three.find()) == [2, 3, 4]

    def test_a_replacement_keeps_its_place(self, last_three: Collection) -> None:
        last_three.insert({"_id": 1}, {"_id": 2})
        last_three.write([Replace({"_id": 1}, {"v": 1})])
        assert ids(last_three.find()) == [1, 2]

    def test_evictions_are_told_after_the_insert_that_caused_them(
        self, last_three: Collection
    ) -> None:
        stream = last_three.watch(WatchOptions(before=Images.WHEN_AVAILABLE))
        last_three.insert(*({"_id": i, "v": i} for i in range(5)))
        events = take(stream, 7)
        assert told(events)[3:] == [("insert", 3), ("delete", 0), ("insert", 4), ("delete", 1)]
        assert events[-1].before == {"_id": 1, "v": 1}

    def test_a_refused_batch_keeps_what_came_before(self, last_three: Collection) -> None:
        with pytest.raises(BulkError):
            last_three.write([Insert({"_id": i}) for i in (1, 2, 3, 4, 4, 5)])
        assert ids(last_three.find()) == [2, 3, 4]

    @pytest.mark.parametrize(
        "options",
        [
            {"kind": Kind.CAPPED},
            {"kind": Kind.CAPPED, "max_documents": 3},
            {"max_bytes": 4096},
            {"max_documents": 3},
            {"kind": Kind.CAPPED, "max_bytes": 4096, "max_documents": -1},
        ],
        ids=str,
    )
    def test_a_cap_needs_a_size(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionsError):
            CollectionSpec(name="items", **options)


class ClusteredCases(StoreCase):
    @pytest.fixture
    def buckets(self, store: StateStore) -> Collection:
        return make(store, kind=Kind.CLUSTERED, images=True)

    def test_documents_stand_in_the_order_of_their_ids(self, buckets: Collection) -> None:
        buckets.insert({"_id": "b"}, {"_id": "a"}, {"_id": "c"})
        assert ids(buckets.find()) == ["a", "b", "c"]
        assert ids(buckets.find(newest_first=True)) == ["c", "b", "a"]

    @pytest.mark.parametrize(
        ("bounds", "wanted"),
        [
            ({"$gte": "b", "$lt": "d"}, ["b", "c"]),
            ({"$gt": "b"}, ["c", "d", "e"]),
            ({"$lte": "b"}, ["a", "b"]),
            ({"$gt": "b", "$gte": "a", "$lte": "z"}, ["c", "d", "e"]),
            ({"$lt": "a"}, []),
            ({"$gt": 1}, []),
        ],
        ids=str,
    )
    def test_ranges_of_ids(
        self, buckets: Collection, bounds: dict[str, Any], wanted: list[str]
    ) -> None:
        buckets.insert(*({"_id": name} for name in "bdaec"))
        assert ids(buckets.find({"_id": bounds})) == wanted
        assert ids(buckets.find({"_id": bounds}, newest_first=True)) == wanted[::-1]

    def test_ids_are_unique(self, buckets: Collection) -> None:
        buckets.insert({"_id": "a"})
        with pytest.raises(DuplicateKeyError):
            buckets.insert({"_id": "a"})

    def test_they_can_be_watched_with_images(self, buckets: Collection) -> None:
        stream = buckets.watch(WatchOptions(after=Images.REQUIRED, before=Images.REQUIRED))
        buckets.insert({"_id": "a", "v": 1})
        buckets.write([Update({"_id": "a"}, {"$set": {"v": 2}}), Delete({"_id": "a"})])
        assert told(take(stream, 3)) == [("insert", "a"), ("update", "a"), ("delete", "a")]

    def test_a_deleted_id_leaves_the_order_whole(self, buckets: Collection) -> None:
        buckets.insert(*({"_id": name} for name in "cab"))
        buckets.write([Delete({"_id": "b"})])
        buckets.insert({"_id": "aa"})
        assert ids(buckets.find()) == ["a", "aa", "c"]


def _at(ms: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


class TimeSeriesCases(StoreCase):
    @pytest.fixture
    def series(self, store: StateStore) -> Collection:
        made = make(store, kind=Kind.TIME_SERIES, time_field="at", meta_field="stream")
        made.insert(
            *({"_id": i, "at": _at(i * 40), "stream": "ab"[i % 2], "v": i} for i in (2, 0, 1))
        )
        return made

    def test_measurements_are_found_by_series_and_time(self, series: Collection) -> None:
        assert ids(series.find({"stream": "a"}, sort=[("at", 1)])) == [0, 2]
        late = series.find({"at": {"$gte": _at(40)}}, sort=[("at", -1)])
        assert ids(late) == [2, 1]

    def test_ids_need_not_be_unique(self, series: Collection) -> None:
        series.insert({"_id": 0, "at": _at(900), "stream": "a"})
        assert len(series.find({"_id": 0})) == 2

    def test_it_cannot_be_watched(self, series: Collection) -> None:
        with pytest.raises(StreamError) as refusal:
            series.watch()
        assert refusal.value.code == 166

    def test_a_measurement_needs_its_date(self, series: Collection) -> None:
        with pytest.raises(WriteRefusedError):
            series.insert({"_id": 9, "stream": "a"})
        with pytest.raises(WriteRefusedError):
            series.insert({"_id": 9, "stream": "a", "at": 12})

    def test_measurements_are_not_changed_one_by_one(self, series: Collection) -> None:
        for write in (
            Update({"stream": "a"}, {"$set": {"v": 1}}),
            Update({"stream": "a"}, {"$set": {"v": 1}}, many=True),
            Delete({"stream": "a"}),
            Delete({"v": 1}, many=True),
        ):
            with pytest.raises(WriteRefusedError):
                series.write([write])

    def test_a_series_can_be_renamed_and_deleted_whole(self, series: Collection) -> None:
        series.write([Update({"stream": "a"}, {"$set": {"stream": "c"}}, many=True)])
        assert ids(series.find({"stream": "c"}, sort=[("at", 1)])) == [0, 2]
        series.write([Delete({"stream": "c"}, many=True)])
        assert ids(series.find()) == [1]

    def test_dates_are_milliseconds(self, series: Collection) -> None:
        series.insert({"_id": 7, "at": _at(5).replace(microsecond=5_999), "stream": "z"})
        assert series.find({"stream": "z"})[0]["at"] == _at(5)

    @pytest.mark.parametrize(
        "options",
        [
            {"time_field": "at", "images": True},
            {"time_field": ""},
            {"time_field": "at", "indexes": (Index((("v", 1),), unique=True),)},
            {"time_field": "at", "max_bytes": 4096},
        ],
        ids=str,
    )
    def test_options_that_do_not_go_together(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionsError):
            CollectionSpec(name="series", kind=Kind.TIME_SERIES, **options)


class SetUpCases(StoreCase):
    @pytest.mark.parametrize(
        "options",
        [
            {"images": True, "indexes": (Index((("a", 1), ("b", -1))),)},
            {"kind": Kind.CAPPED, "max_bytes": 5000, "max_documents": 7},
            {"kind": Kind.CLUSTERED, "indexes": (Index((("gone", 1),), expire_after_s=5),)},
            {"kind": Kind.TIME_SERIES, "time_field": "at", "meta_field": "m"},
        ],
        ids=["plain", "capped", "clustered", "series"],
    )
    def test_it_can_be_repeated(self, store: StateStore, options: dict[str, Any]) -> None:
        made = make(store, **options)
        made.insert({"_id": 1, "at": _at(0), "m": 1, "gone": _at(10**12)})
        assert len(make(store, **options).find()) == 1
        assert store.names() == ["items"]

    @pytest.mark.parametrize(
        "options",
        [
            {"kind": Kind.CAPPED, "max_bytes": 9000},
            {"kind": Kind.CLUSTERED},
            {"kind": Kind.CAPPED, "max_bytes": 4096, "max_documents": 2},
            {},
        ],
        ids=str,
    )
    def test_other_options_are_refused(self, store: StateStore, options: dict[str, Any]) -> None:
        make(store, kind=Kind.CAPPED, max_bytes=4096)
        with pytest.raises(OptionsError):
            make(store, **options)

    def test_an_index_with_other_options_is_refused(self, store: StateStore) -> None:
        make(store, indexes=(Index((("a", 1),)),))
        with pytest.raises(OptionsError):
            make(store, indexes=(Index((("a", 1),), unique=True),))

    def test_a_unique_index_can_come_later(self, store: StateStore) -> None:
        items = make(store)
        items.insert({"_id": 1, "a": 1})
        make(store, indexes=(Index((("a", 1),), unique=True),))
        with pytest.raises(DuplicateKeyError):
            items.insert({"_id": 2, "a": 1})

    def test_a_unique_index_over_duplicates_is_refused(self, store: StateStore) -> None:
        make(store).insert({"_id": 1, "a": 1}, {"_id": 2, "a": 1})
        with pytest.raises(DuplicateKeyError):
            make(store, indexes=(Index((("a", 1),), unique=True),))

    def test_dropping_removes_everything(self, store: StateStore) -> None:
        make(store).insert({"_id": 1})
        store.drop("items")
        store.drop("items")
        assert store.names() == []
        assert make(store).find() == []

    def test_expired_documents_go_at_a_sweep(self, store: StateStore) -> None:
        items = make(store, indexes=(Index((("until", 1),), expire_after_s=0),), images=True)
        past = datetime(2001, 1, 1, tzinfo=UTC)
        items.insert(
            {"_id": "old", "until": past},
            {"_id": "young", "until": datetime(2100, 1, 1, tzinfo=UTC)},
            {"_id": "no date", "until": "2001"},
            {"_id": "none"},
        )
        stream = items.watch(WatchOptions(before=Images.REQUIRED))
        self.let_expired_go(store)
        assert ids(items.find()) == ["young", "no date", "none"]
        assert [(e.operation, e.before) for e in take(stream, 1)] == [
            ("delete", {"_id": "old", "until": past})
        ]

    def test_time_does_not_run_backwards(self, store: StateStore) -> None:
        before_ns = store.now_ns()
        make(store).insert({"_id": 1})
        assert store.now_ns() >= before_ns > 10**18
