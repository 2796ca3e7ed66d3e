"""Writing, updating and modifying documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from framework.state import Collection, Delete, Index, Insert, Replace, StateStore, Update
from framework.state.errors import (
    BulkError,
    DocumentError,
    DuplicateKeyError,
    WriteRefusedError,
)
from tests.conformance.state.case import StoreCase, ids, make


class WritingCases(StoreCase):
    def test_a_document_comes_back_as_it_was_written(self, items: Collection) -> None:
        document = {"_id": "a", "z": 1, "n": {"y": 2.5, "x": None}, "l": [True, "t", [1]], "b": -3}
        items.insert(document)
        found = items.get("a")
        assert found == document
        assert list(found) == list(document)
        assert list(found["n"]) == ["y", "x"]

    def test_the_id_stands_first(self, items: Collection) -> None:
        items.insert({"b": 1, "_id": "a"})
        assert list(items.get("a") or {}) == ["_id", "b"]

    def test_whole_numbers_keep_64_bits(self, items: Collection) -> None:
        items.insert({"_id": 1, "ns": 2**63 - 1, "low": -(2**63), "small": 5})
        assert items.get(1) == {"_id": 1, "ns": 2**63 - 1, "low": -(2**63), "small": 5}

    def test_instants_are_cut_to_milliseconds_in_utc(self, items: Collection) -> None:
        east = timezone(timedelta(hours=2))
        items.insert({"_id": 1, "at": datetime(2024, 1, 1, 2, 0, 0, 123_999, tzinfo=east)})
        assert (items.get(1) or {})["at"] == datetime(2024, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)

    def test_what_is_handed_out_is_a_copy(self, items: Collection) -> None:
        given: dict[str, Any] = {"_id": 1, "l": [1]}
        items.insert(given)
        given["l"].append(2)
        found = items.get(1) or {}
        found["l"].append(3)
        assert items.get(1) == {"_id": 1, "l": [1]}

    @pytest.mark.parametrize(
        "document",
        [
            {"a": 1},
            {"_id": [1]},
            {"_id": 1, "a": 2**63},
            {"_id": 1, "a.b": 1},
            {"_id": 1, "$a": 1},
            {"_id": 1, "a": b"raw"},
            {"_id": 1, "at": datetime(2024, 1, 1)},
            {"_id": 1, "a": "x" * 17 * 2**20},
        ],
        ids=["no id", "list as id", "65 bits", "dot", "dollar", "bytes", "no zone", "17 MB"],
    )
    def test_a_document_no_home_can_keep_is_refused(
        self, items: Collection, document: dict[str, Any]
    ) -> None:
        with pytest.raises(DocumentError):
            items.insert(document)
        assert items.find() == []

    def test_a_second_document_of_an_id_is_refused(self, items: Collection) -> None:
        items.insert({"_id": 1, "v": "first"})
        with pytest.raises(DuplicateKeyError) as refusal:
            items.insert({"_id": 1, "v": "second"})
        assert refusal.value.code == 11000
        assert items.find() == [{"_id": 1, "v": "first"}]

    def test_equal_numbers_are_one_id(self, items: Collection) -> None:
        items.insert({"_id": 1})
        with pytest.raises(DuplicateKeyError):
            items.insert({"_id": 1.0})
        items.insert({"_id": True})
        assert len(items.find()) == 2

    def test_documents_as_ids_differ_by_the_order_of_fields(self, items: Collection) -> None:
        items.insert({"_id": {"k": 1, "r": 2}}, {"_id": {"r": 2, "k": 1}})
        assert len(items.find({"_id": {"$eq": {"k": 1, "r": 2}}})) == 1

    def test_insert_keeps_order(self, items: Collection) -> None:
        items.insert({"_id": "c"}, {"_id": "a"}, {"_id": "b"})
        assert ids(items.find()) == ["c", "a", "b"]
        assert ids(items.find(newest_first=True)) == ["b", "a", "c"]

    def test_an_update_leaves_a_document_in_its_place(self, items: Collection) -> None:
        items.insert({"_id": 1}, {"_id": 2})
        items.write([Update({"_id": 1}, {"$set": {"text": "x" * 500}})])
        assert ids(items.find()) == [1, 2]

    def test_a_bulk_is_counted(self, items: Collection) -> None:
        done = items.write(
            [
                Insert({"_id": 1}),
                Insert({"_id": 2}),
                Update({"_id": 1}, {"$set": {"v": 1}}),
                Update({"_id": 1}, {"$set": {"v": 1}}),
                Update({"_id": 9}, {"$set": {"v": 1}}, upsert=True),
                Replace({"_id": 2}, {"v": 2}),
                Delete({"_id": 1}),
                Delete({"_id": 77}),
            ]
        )
        assert (done.inserted, done.matched, done.modified) == (2, 3, 2)
        assert (done.deleted, done.upserted) == (1, 1)

    def test_an_ordered_bulk_stops_at_the_first_error(self, items: Collection) -> None:
        with pytest.raises(BulkError) as refusal:
            items.write([Insert({"_id": i}) for i in (1, 2, 1, 3)])
        assert [(f.index, f.code) for f in refusal.value.failures] == [(2, 11000)]
        assert refusal.value.applied == 2
        assert ids(items.find()) == [1, 2]

    def test_an_unordered_bulk_tries_all(self, items: Collection) -> None:
        writes = [Insert({"_id": i}) for i in (1, 1, 2, 2, 3)]
        with pytest.raises(BulkError) as refusal:
            items.write(writes, ordered=False)
        assert [(f.index, f.code) for f in refusal.value.failures] == [(1, 11000), (3, 11000)]
        assert refusal.value.applied == 3
        assert sorted(ids(items.find())) == [1, 2, 3]

    def test_an_empty_bulk_does_nothing(self, items: Collection) -> None:
        assert items.write([]).inserted == 0

    def test_writing_makes_a_plain_collection(self, store: StateStore) -> None:
        store.collection("unmade").insert({"_id": 1})
        assert store.names() == ["unmade"]

    def test_a_unique_index_is_kept(self, store: StateStore) -> None:
        orders = make(store, indexes=(Index((("venue", 1), ("ref", 1)), unique=True),))
        orders.insert({"_id": 1, "venue": "x", "ref": 7}, {"_id": 2, "venue": "y", "ref": 7})
        with pytest.raises(DuplicateKeyError):
            orders.insert({"_id": 3, "venue": "x", "ref": 7})
        with pytest.raises(DuplicateKeyError):
            orders.write([Update({"_id": 2}, {"$set": {"venue": "x"}})])
        orders.write([Delete({"_id": 1})])
        orders.insert({"_id": 3, "venue": "x", "ref": 7})
        assert ids(orders.find()) == [2, 3]

    def test_a_missing_field_counts_as_null_in_a_unique_index(self, store: StateStore) -> None:
        orders = make(store, indexes=(Index((("ref", 1),), unique=True),))
        orders.insert({"_id": 1})
        with pytest.raises(DuplicateKeyError):
            orders.insert({"_id": 2, "ref": None})


class UpdatingCases(StoreCase):
    @pytest.mark.parametrize(
        ("changes", "wanted"),
        [
            ({"$set": {"x": 2, "n.a": 5}}, {"x": 2, "n": {"a": 5, "b": 2}}),
            ({"$set": {"n.c.d": 1}}, {"n": {"a": 1, "b": 2, "c": {"d": 1}}}),
            ({"$unset": {"x": 1, "nope": 1, "n.a": 1}}, {"x": None, "n": {"b": 2}}),
            ({"$inc": {"x": 4, "new": 3, "f": 0.5}}, {"x": 5, "new": 3, "f": 2.0}),
            ({"$min": {"x": 0}, "$max": {"f": 1}}, {"x": 0, "f": 1.5}),
            ({"$min": {"x": "text"}, "$max": {"f": "text"}}, {"x": 1, "f": "text"}),
            ({"$push": {"l": 4}}, {"l": [1, 2, 3, 4]}),
            ({"$push": {"l": {"$each": [4, 5], "$slice": -3}}}, {"l": [3, 4, 5]}),
            ({"$push": {"l": {"$each": [4, 5], "$slice": 2}}}, {"l": [1, 2]}),
            ({"$push": {"fresh.q": 1}}, {"fresh": {"q": [1]}}),
            ({"$set": {"l.0": 9, "l.4": 7}}, {"l": [9, 2, 3, None, 7]}),
            ({"$unset": {"l.1": 1}}, {"l": [1, None, 3]}),
        ],
    )
    def test_operators(
        self, items: Collection, changes: dict[str, Any], wanted: dict[str, Any]
    ) -> None:
        before = {"_id": 1, "x": 1, "f": 1.5, "n": {"a": 1, "b": 2}, "l": [1, 2, 3]}
        items.insert(before)
        items.write([Update({"_id": 1}, changes)])
        merged = {**before, **wanted}
        assert items.get(1) == {k: v for k, v in merged.items() if v is not None}

    def test_new_fields_are_added_in_the_order_of_their_names(self, items: Collection) -> None:
        items.insert({"_id": 1, "q": 0})
        items.write([Update({"_id": 1}, {"$set": {"b": 1, "a": 1, "10": 1, "9": 1, "Z": 1}})])
        assert list(items.get(1) or {}) == ["_id", "q", "9", "10", "Z", "a", "b"]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"$inc": {"s": 1}}, 14),
            ({"$inc": {"big": 1}}, 2),
            ({"$push": {"s": 1}}, 2),
            ({"$set": {"s.t": 1}}, 28),
            ({"$set": {"l.x": 1}}, 28),
            ({"$set": {"_id": 2}}, 66),
        ],
    )
    def test_a_change_that_does_not_fit_is_refused_by_code(
        self, items: Collection, changes: dict[str, Any], code: int
    ) -> None:
        before = {"_id": 1, "s": "text", "l": [1], "big": 2**63 - 1}
        items.insert(before)
        with pytest.raises(WriteRefusedError) as refusal:
            items.write([Update({"_id": 1}, changes)])
        assert refusal.value.code == code
        assert items.get(1) == before

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"$set": {"a": 1}, "$inc": {"a": 1}},
            {"$set": {"a": 1, "a.b": 2}},
            {"$rename": {"a": "b"}},
            {"a": 1},
            {"$inc": {"a": "x"}},
        ],
    )
    def test_an_update_the_contract_lacks_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(DocumentError):
            Update({"_id": 1}, changes)

    def test_many_or_the_first(self, items: Collection) -> None:
        items.insert(*({"_id": i, "v": 0} for i in range(4)))
        first = items.write([Update({"v": 0}, {"$set": {"v": 1}})])
        rest = items.write([Update({"v": 0}, {"$set": {"v": 1}}, many=True)])
        assert (first.modified, rest.modified) == (1, 3)
        assert items.write([Delete({"v": 1})]).deleted == 1
        assert items.write([Delete({}, many=True)]).deleted == 3

    def test_an_upsert_takes_the_querys_equalities(self, items: Collection) -> None:
        items.write(
            [
                Update(
                    {"_id": "u", "p.q": 1, "low": {"$gt": 3}, "e": {"$eq": 5}},
                    {"$set": {"p.r": 1}, "$inc": {"n": 2}, "$setOnInsert": {"made": True}},
                    upsert=True,
                )
            ]
        )
        assert items.get("u") == {"_id": "u", "e": 5, "made": True, "n": 2, "p": {"q": 1, "r": 1}}

    def test_set_on_insert_is_left_out_of_an_update(self, items: Collection) -> None:
        items.insert({"_id": 1})
        change = {"$setOnInsert": {"made": 1}, "$set": {"v": 1}}
        items.write([Update({"_id": 1}, change, upsert=True)])
        assert items.get(1) == {"_id": 1, "v": 1}

    def test_a_guarded_upsert_that_finds_the_id_taken_is_a_duplicate(
        self, items: Collection
    ) -> None:
        items.insert({"_id": 1, "revision": 5})
        with pytest.raises(DuplicateKeyError):
            items.write(
                [Update({"_id": 1, "revision": {"$lt": 5}}, {"$set": {"revision": 5}}, upsert=True)]
            )

    def test_an_upsert_must_name_the_id(self) -> None:
        with pytest.raises(DocumentError):
            Update({"venue": "x"}, {"$set": {"v": 1}}, upsert=True)
        with pytest.raises(DocumentError):
            Replace({"venue": "x"}, {"v": 1}, upsert=True)

    def test_a_replacement_keeps_the_id_only(self, items: Collection) -> None:
        items.insert({"_id": 1, "a": 1, "b": 2})
        items.write([Replace({"_id": 1}, {"c": 3})])
        assert items.get(1) == {"_id": 1, "c": 3}

    def test_a_replacement_with_another_id_is_refused(self, items: Collection) -> None:
        items.insert({"_id": 1})
        with pytest.raises(WriteRefusedError) as refusal:
            items.write([Replace({"_id": 1}, {"_id": 2})])
        assert refusal.value.code == 66

    def test_a_replacement_can_be_an_upsert(self, items: Collection) -> None:
        items.write([Replace({"_id": 1, "v": 3}, {"c": 3}, upsert=True)])
        assert items.find() == [{"_id": 1, "c": 3}]


class ModifyingCases(StoreCase):
    def test_find_and_modify_returns_the_document_before(self, items: Collection) -> None:
        items.insert({"_id": 1, "state": "new"})
        assert items.modify(Update({"_id": 1}, {"$set": {"state": "sent"}})) == {
            "_id": 1,
            "state": "new",
        }
        assert items.get(1) == {"_id": 1, "state": "sent"}

    def test_or_after(self, items: Collection) -> None:
        items.insert({"_id": 1, "n": 1})
        assert items.modify(Update({"_id": 1}, {"$inc": {"n": 1}}), after=True) == {
            "_id": 1,
            "n": 2,
        }

    def test_it_takes_the_first_in_the_order_asked_for(self, items: Collection) -> None:
        items.insert({"_id": 1, "at": 5}, {"_id": 2, "at": 3}, {"_id": 3, "at": 9})
        claim = Update({"taken": {"$exists": False}}, {"$set": {"taken": True}})
        assert [(items.modify(claim, sort=[("at", 1)]) or {}).get("_id") for _ in range(4)] == [
            2,
            1,
            3,
            None,
        ]

    def test_it_can_replace(self, items: Collection) -> None:
        items.insert({"_id": 1, "a": 1})
        assert items.modify(Replace({"_id": 1}, {"b": 2}), after=True) == {"_id": 1, "b": 2}

    def test_it_can_delete(self, items: Collection) -> None:
        items.insert({"_id": 1, "a": 1})
        assert items.modify(Delete({"_id": 1})) == {"_id": 1, "a": 1}
        assert items.find() == []

    def test_it_can_upsert(self, items: Collection) -> None:
        change = Update({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
        assert items.modify(change) is None
        assert items.modify(change, after=True) == {"_id": 1, "n": 2}

    def test_it_returns_none_where_nothing_matches(self, items: Collection) -> None:
        assert items.modify(Update({"_id": 1}, {"$set": {"a": 1}})) is None
        assert items.modify(Delete({"_id": 1})) is None

    def test_a_refusal_has_its_code(self, items: Collection) -> None:
        items.insert({"_id": 1, "s": "text"})
        with pytest.raises(WriteRefusedError) as refusal:
            items.modify(Update({"_id": 1}, {"$inc": {"s": 1}}))
        assert refusal.value.code == 14
