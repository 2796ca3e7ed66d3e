"""The committed documents of one collection, in the collection's own order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from itertools import product
from typing import Final

from framework.state.document import Document, SortKey, Value, bson_bytes, sort_key
from framework.state.errors import DUPLICATE_KEY, DuplicateKeyError
from framework.state.spec import CollectionSpec, Index, Kind
from framework.state.writes import Query

_RANGE: Final = ("$gt", "$gte", "$lt", "$lte")


class Shelf:
    """Documents of one collection; a stored document is never changed, only put in place of.

    Parameters
    ----------
    spec
        How the collection keeps them.
    incarnation
        Tells a collection from one of the same name that was dropped before.
    """

    def __init__(self, spec: CollectionSpec, incarnation: int) -> None:
        self.spec = spec
        self.incarnation = incarnation
        self.total_bytes = 0
        self._documents: OrderedDict[SortKey, Document] = OrderedDict()
        self._in_id_order: list[SortKey] = []  # of a clustered collection
        self._taken: dict[str, dict[SortKey, SortKey]] = {}  # unique index: its key → the _id's
        self._has_unique = any(index.unique for index in spec.indexes)

    def __len__(self) -> int:
        return len(self._documents)

    def respecify(self, spec: CollectionSpec) -> None:
        """Record images, or keep indexes, that were not wanted before.

        Raises
        ------
        DuplicateKeyError
            Where a new unique index would hold a key twice.
        """
        before, self.spec = self.spec, spec
        self._has_unique = any(index.unique for index in spec.indexes)
        self._taken = {}
        for key, document in self._documents.items():
            clash = self.clashing(document, replacing=key)
            if clash:
                self.respecify(before)
                raise DuplicateKeyError(
                    f"a unique index must hold every key once, {clash} of {spec.name} would not",
                    remedy="remove the duplicates first",
                    code=DUPLICATE_KEY,
                )
            self._take_index_keys(document, key)

    def get(self, key: SortKey) -> Document | None:
        """Return the document whose ``_id`` has this sort key."""
        return self._documents.get(key)

    def documents(self, *, newest_first: bool = False) -> Iterator[Document]:
        """Yield all documents in the collection's own order, or that turned round."""
        if self.spec.kind == Kind.CLUSTERED:
            keys = reversed(self._in_id_order) if newest_first else iter(self._in_id_order)
            return (self._documents[key] for key in keys)
        if newest_first:
            return reversed(self._documents.values())
        return iter(self._documents.values())

    def candidates(self, query: Query, *, newest_first: bool = False) -> Iterator[Document]:
        """Yield the documents that may pass a filter, found by ``_id`` where that is possible."""
        wanted = query.get("_id", query)
        if wanted is query or self.spec.kind == Kind.TIME_SERIES:
            return self.documents(newest_first=newest_first)
        operators = {k for k in wanted if k.startswith("$")} if isinstance(wanted, dict) else set()
        if not operators or operators == {"$eq"}:
            value = wanted["$eq"] if operators and isinstance(wanted, dict) else wanted
            found = self.get(sort_key(value))  # type: ignore[arg-type]
            return iter(() if found is None else (found,))
        if self.spec.kind == Kind.CLUSTERED and operators <= set(_RANGE):
            assert isinstance(wanted, dict)
            keys = self._in_range(wanted)
            return (self._documents[k] for k in (reversed(keys) if newest_first else keys))
        return self.documents(newest_first=newest_first)

    def clashing(self, document: Document, *, replacing: SortKey | None = None) -> str:
        """Name the unique index a document would clash in, ``""`` where there is none."""
        if replacing is None and self.key_of(document) in self._documents:
            return "_id_"
        if self._has_unique:
            for index in self.spec.indexes:
                taken = self._taken.get(index.name, {})
                if index.unique and any(
                    taken.get(part, replacing) != replacing for part in _index_keys(index, document)
                ):
                    return index.name
        return ""

    def key_of(self, document: Document) -> SortKey:
        """Return what a stored document is kept under: its ``_id``, which a series may repeat."""
        if self.spec.kind == Kind.TIME_SERIES:
            return (id(document),)
        return sort_key(document["_id"])

    def add(self, document: Document) -> None:
        """Put in a new document, last in order of insertion."""
        key = self.key_of(document)
        self._documents[key] = document
        self.total_bytes += bson_bytes(document)
        if self.spec.kind == Kind.CLUSTERED:
            if self._in_id_order and key < self._in_id_order[-1]:
                insort(self._in_id_order, key)
            else:
                self._in_id_order.append(key)
        self._take_index_keys(document, key)

    def put(self, before: Document, document: Document) -> None:
        """Put a document in the place of another, which has its ``_id``."""
        if self.spec.kind == Kind.TIME_SERIES:
            self.remove(before)
            self.add(document)
            return
        key = self.key_of(before)
        self._release_index_keys(before)
        self._documents[key] = document
        self.total_bytes += bson_bytes(document) - bson_bytes(before)
        self._take_index_keys(document, key)

    def remove(self, document: Document) -> None:
        """Take a document out."""
        key = self.key_of(document)
        before = self._documents.pop(key)
        self.total_bytes -= bson_bytes(before)
        self._release_index_keys(before)
        if self.spec.kind == Kind.CLUSTERED:
            del self._in_id_order[bisect_left(self._in_id_order, key)]

    def surplus(self) -> Document | None:
        """Return the oldest document of a capped collection that is too full, else None.

        The newest always stays, even where it alone is larger than the collection.
        """
        spec = self.spec
        if spec.kind != Kind.CAPPED or len(self._documents) < 2:
            return None
        too_many = 0 < spec.max_documents < len(self._documents)
        if too_many or self.total_bytes > spec.stored_bytes:
            return next(iter(self._documents.values()))
        return None

    def expiries_ns(self) -> list[tuple[int, SortKey]]:
        """List when documents expire, by its indexes; a field that is no date never does."""
        found: list[tuple[int, SortKey]] = []
        for index in self.spec.indexes:
            if index.expire_after_s is None:
                continue
            name = index.fields[0][0]
            for key, document in self._documents.items():
                date = document.get(name)
                if isinstance(date, datetime):
                    found.append((date_ns(date) + index.expire_after_s * 10**9, key))
        return found

    def twin(self) -> Shelf:
        """Copy the shelf; the documents are shared, as they are never changed."""
        other = Shelf(self.spec, self.incarnation)
        for document in self._documents.values():
            other.add(document)
        return other

    def _in_range(self, bounds: dict[str, Value]) -> list[SortKey]:
        keys = self._in_id_order
        first, last = 0, len(keys)
        for operator, operand in bounds.items():
            key = sort_key(operand)
            if operator in ("$gt", "$gte"):
                bisect = bisect_right if operator == "$gt" else bisect_left
                first = max(first, bisect(keys, key))
            else:
                bisect = bisect_left if operator == "$lt" else bisect_right
                last = min(last, bisect(keys, key))
        return keys[first:last]

    def _take_index_keys(self, document: Document, key: SortKey) -> None:
        if self._has_unique:
            for index in self.spec.indexes:
                if index.unique:
                    taken = self._taken.setdefault(index.name, {})
                    taken.update(dict.fromkeys(_index_keys(index, document), key))

    def _release_index_keys(self, document: Document) -> None:
        if self._has_unique:
            for index in self.spec.indexes:
                if index.unique:
                    for part in _index_keys(index, document):
                        self._taken[index.name].pop(part, None)


def date_ns(date: datetime) -> int:
    """Nanoseconds since the epoch of an instant of whole milliseconds."""
    return round(date.timestamp() * 1000) * 1_000_000


def _index_keys(index: Index, document: Document) -> list[SortKey]:
    """List a document's keys in an index; a list has one for each element."""
    parts: list[list[SortKey]] = []
    for name, _ in index.fields:
        value: Value = document
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, list) and value:
            parts.append([sort_key(item) for item in value])
        else:
            parts.append([sort_key(value)])
    return [tuple(combination) for combination in product(*parts)]
