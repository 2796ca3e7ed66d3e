"""Finding documents: filters, types, order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from framework.state import Collection, StateStore
from framework.state.errors import DocumentError
from tests.conformance.state.case import StoreCase, ids

_VALUES: list[Any] = [
    {"_id": 1, "x": 1},
    {"_id": 2, "x": 2.5},
    {"_id": 3, "x": "1"},
    {"_id": 4, "x": None},
    {"_id": 5},
    {"_id": 6, "x": [1, 5]},
    {"_id": 7, "x": True},
    {"_id": 8, "x": {"y": 1}},
    {"_id": 9, "x": [{"y": 1}, {"y": 7}]},
    {"_id": 10, "x": []},
    {"_id": 11, "x": datetime(2024, 1, 1, tzinfo=UTC)},
    {"_id": 12, "x": [[1]]},
    {"_id": 14, "x": float("nan")},
]


class FindingCases(StoreCase):
    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ({"x": 1}, [1, 6]),
            ({"x": None}, [4, 5]),
            ({"x": {"$gt": 0}}, [1, 2, 6]),
            ({"x": {"$gt": "0"}}, [3]),
            ({"x": {"$gte": None}}, [4, 5]),
            ({"x": {"$ne": 1}}, [2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14]),
            ({"x": {"$in": [1, None]}}, [1, 4, 5, 6]),
            ({"x": {"$nin": [1, None]}}, [2, 3, 7, 8, 9, 10, 11, 12, 14]),
            ({"x": {"$in": []}}, []),
            ({"x": {"$exists": True}}, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 14]),
            ({"x": {"$exists": False}}, [5]),
            ({"x.y": 1}, [8, 9]),
            ({"x.0": 1}, [6]),
            ({"x": {"$not": {"$gt": 1}}}, [1, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14]),
            ({"$or": [{"x": 1}, {"_id": 2}]}, [1, 2, 6]),
            ({"$nor": [{"x": {"$exists": True}}, {"_id": 2}]}, [5]),
            ({"$and": [{"x": {"$gt": 0}}, {"_id": {"$lt": 3}}]}, [1, 2]),
            ({"x": {"$gt": 2, "$lt": 4}}, [2, 6]),
            ({"x": {"y": 1}}, [8, 9]),
            ({"x": [1, 5]}, [6]),
            ({"x": []}, [10]),
            ({"x": {"$gt": False}}, [7]),
            ({"x": {"$gt": [1]}}, [6, 9, 12]),
            ({"x": {"$gt": {"y": 0}}}, [8, 9]),
            ({"x": float("nan")}, [14]),
            ({"x.y": {"$exists": False}}, [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 14]),
            ({"x": {"$lt": datetime(2025, 1, 1, tzinfo=UTC)}}, [11]),
        ],
        ids=str,
    )
    def test_filters(self, items: Collection, query: dict[str, Any], wanted: list[int]) -> None:
        items.insert(*_VALUES)
        assert ids(items.find(query)) == wanted

    def test_sorting_puts_types_in_order(self, items: Collection) -> None:
        items.insert(*_VALUES)
        rising = ids(items.find(sort=[("x", 1), ("_id", 1)]))
        falling = ids(items.find(sort=[("x", -1), ("_id", 1)]))
        assert rising == [10, 4, 5, 14, 1, 6, 2, 3, 8, 9, 12, 7, 11]
        assert falling == [11, 7, 12, 9, 8, 3, 6, 2, 1, 14, 4, 5, 10]

    def test_a_limit_counts_after_sorting(self, items: Collection) -> None:
        items.insert(*({"_id": i, "v": -i} for i in range(10)))
        assert ids(items.find(sort=[("v", 1)], limit=3)) == [9, 8, 7]
        assert ids(items.find(newest_first=True, limit=2)) == [9, 8]
        assert ids(items.find({"v": {"$lt": -3}}, limit=2)) == [4, 5]

    @pytest.mark.parametrize("query", [{"$foo": 1}, {"a": {"$regex": "x"}}, {"$or": []}], ids=str)
    def test_a_query_the_contract_lacks_is_refused(
        self, items: Collection, query: dict[str, Any]
    ) -> None:
        with pytest.raises(DocumentError):
            items.find(query)

    def test_a_collection_that_does_not_exist_is_empty(self, store: StateStore) -> None:
        assert store.collection("nothing").find() == []
        assert store.collection("nothing").get(1) is None
