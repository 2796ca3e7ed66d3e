"""The emulation and MongoDB answer random writes, watches, resumes and kills alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.state import (
    ChangeEvent,
    ChangeStream,
    Collection,
    CollectionSpec,
    Delete,
    EmulatedStore,
    Images,
    Insert,
    Kind,
    Operation,
    Replace,
    StateStore,
    Update,
    WatchOptions,
)
from framework.state.document import bson_bytes
from framework.state.errors import BulkError, DocumentError, StateError
from framework.state.mongo import connect
from framework.state.mongo.encoding import encoded
from tests.conformance.mongod import shared_uri
from tests.conformance.state.case import read

_IDS = st.integers(0, 4)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 2, -1, 2**31, 2**63 - 1]),
    st.sampled_from([0.0, -0.0, 1.0, 2.5]),
    st.sampled_from(["", "a", "zé"]),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("xyz01"), inner, max_size=3)
    ),
    max_leaves=5,
)
_NAMES = st.sampled_from(["a", "b", "l"])
_PATHS = st.sampled_from(["a", "b", "l", "a.x", "a.x.y", "a.z", "l.0", "l.2", "l.1.x", "b.0"])
_FIELDS = st.dictionaries(_NAMES, _VALUES, max_size=3)
_NUMBERS = st.sampled_from([0, 1, -3, 0.5, 2**62])


@st.composite
def _changes(draw: st.DrawFn) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for operator in draw(
        st.lists(
            st.sampled_from(["$set", "$unset", "$inc", "$min", "$max", "$push", "$setOnInsert"]),
            min_size=1,
            max_size=2,
            unique=True,
        )
    ):
        values: st.SearchStrategy[Any] = _VALUES
        if operator == "$inc":
            values = _NUMBERS
        elif operator == "$push":
            each = st.lists(_VALUES, max_size=2)
            slices = st.fixed_dictionaries({"$each": each}, optional={"$slice": st.integers(-2, 3)})
            values = st.one_of(_VALUES, slices)
        changes[operator] = draw(st.dictionaries(_PATHS, values, min_size=1, max_size=2))
    return changes


_BY_ID = st.builds(lambda i: {"_id": i}, _IDS)
_CONDITIONS = st.one_of(
    _VALUES.filter(lambda value: not isinstance(value, dict)),
    st.builds(
        lambda op, value: {op: value}, st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), _SCALARS
    ),
    st.builds(lambda op, value: {op: value}, st.sampled_from(["$eq", "$ne"]), _VALUES),
    st.builds(
        lambda op, values: {op: values}, st.sampled_from(["$in", "$nin"]), st.lists(_SCALARS)
    ),
    st.builds(lambda there: {"$exists": there}, st.booleans()),
    st.builds(lambda value: {"$not": {"$gte": value}}, _SCALARS),
)
_PLAIN_QUERIES = st.dictionaries(_PATHS, _CONDITIONS, max_size=2)
_QUERIES = st.one_of(
    _PLAIN_QUERIES,
    st.builds(
        lambda op, parts: {op: parts},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(_PLAIN_QUERIES, min_size=1, max_size=2),
    ),
)


def _built(kind: type[Any], *arguments: Any, **options: Any) -> Any:
    """Build a write; None where the contract does not allow it."""
    try:
        return kind(*arguments, **options)
    except DocumentError:
        return None


_INSERTS = st.builds(lambda i, fields: Insert({"_id": i, **fields}), _IDS, _FIELDS)
_UPDATES = st.one_of(
    st.builds(
        lambda query, changes, upsert: _built(Update, query, changes, upsert=upsert),
        _BY_ID,
        _changes(),
        st.booleans(),
    ),
    st.builds(
        lambda query, changes, many: _built(Update, query, changes, many=many),
        _PLAIN_QUERIES,
        _changes(),
        st.booleans(),
    ),
)
_REPLACES = st.builds(
    lambda query, fields, upsert: Replace(query, fields, upsert=upsert),
    _BY_ID,
    _FIELDS,
    st.booleans(),
)
_DELETES = st.one_of(
    st.builds(Delete, _BY_ID),
    st.builds(lambda q, m: Delete(q, many=m), _PLAIN_QUERIES, st.booleans()),
)
_WRITES = st.one_of(_INSERTS, _INSERTS, _UPDATES, _UPDATES, _REPLACES, _DELETES).filter(
    lambda write: write is not None
)
_CHANGES = st.one_of(_UPDATES, _REPLACES, _DELETES).filter(lambda write: write is not None)
_OPTIONS = st.builds(
    WatchOptions,
    operations=st.frozensets(
        st.sampled_from(["insert", "update", "replace", "delete", "drop"]).map(Operation),
        max_size=3,
    ),
    query=st.one_of(st.just({}), _PLAIN_QUERIES),
    after=st.sampled_from([Images.OFF, Images.WHEN_AVAILABLE, Images.UPDATE_LOOKUP]),
    before=st.sampled_from([Images.OFF, Images.WHEN_AVAILABLE]),
)

_STEPS = st.one_of(
    st.tuples(st.just("write"), st.lists(_WRITES, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("write"), st.lists(_INSERTS, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("modify"), _CHANGES, st.booleans()),
    st.tuples(st.just("find"), _QUERIES, st.booleans()),
    st.tuples(st.just("watch"), _OPTIONS),
    st.tuples(st.just("poll")),
    st.tuples(st.just("kill"), st.sampled_from(["event", "stream"])),
    st.tuples(st.just("images")),
    st.tuples(st.just("drop")),
)
_KINDS = st.sampled_from(
    [
        {"kind": Kind.PLAIN},
        {"kind": Kind.PLAIN, "images": True},
        {"kind": Kind.CLUSTERED, "images": True},
        {"kind": Kind.CAPPED, "max_bytes": 256},
        {"kind": Kind.CAPPED, "max_bytes": 4096, "max_documents": 3, "images": True},
    ]
)


@dataclass
class Home:
    """One home, what is watched in it, and where the watcher stopped."""

    store: StateStore
    spec: CollectionSpec
    stream: ChangeStream | None = None
    options: WatchOptions = field(default_factory=WatchOptions)
    last: ChangeEvent | None = None

    @property
    def items(self) -> Collection:
        return self.store.collection(self.spec.name)

    def do(self, step: tuple[Any, ...], n_events: int | None) -> Any:
        """Carry out a step and return all there is to compare."""
        try:
            return getattr(self, f"_{step[0]}")(*step[1:], n_events)
        except BulkError as error:
            return [(failure.index, failure.code) for failure in error.failures], error.applied
        except StateError as error:
            return type(error).__name__, error.code

    def _write(self, writes: list[Any], ordered: bool, _: int | None) -> Any:
        return self.items.write(writes, ordered=ordered)

    def _modify(self, write: Any, after: bool, _: int | None) -> Any:
        return _exact(self.items.modify(write, sort=[("_id", 1)], after=after))

    def _find(self, query: Any, newest_first: bool, _: int | None) -> Any:
        return _exact(self.items.find(query, newest_first=newest_first))

    def _watch(self, options: WatchOptions, _: int | None) -> Any:
        self.stream, self.options, self.last = self.items.watch(options), options, None
        return None

    def _poll(self, n_events: int | None) -> Any:
        if self.stream is None:
            return []
        if n_events is None:
            events = list(iter(self.stream.poll, None))
        else:
            events = read(self.stream, n_events)
        self.last = events[-1] if events else self.last
        return [_comparable(event) for event in events]

    def _kill(self, place: str, n_events: int | None) -> Any:
        """Forget the stream without closing it, and go on from the place that was kept."""
        if self.stream is None or (place == "event" and self.last is None):
            return []
        token = self.last.token if place == "event" and self.last else self.stream.token
        self.stream = self.items.watch(replace(self.options, start_after=token))
        return self._poll(n_events)

    def _images(self, _: int | None) -> Any:
        self.store.create(replace(self.spec, images=True))
        return None

    def _drop(self, _: int | None) -> Any:
        self.store.drop(self.spec.name)
        self.store.create(self.spec)
        return None


def _exact(value: Any) -> Any:
    """Write a value so that types and the order of fields count."""
    if isinstance(value, dict):
        return [(name, _exact(item)) for name, item in value.items()]
    if isinstance(value, list):
        return ["list", *map(_exact, value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return "int", int(value)
    return type(value).__name__, repr(value)


def _comparable(event: ChangeEvent) -> Any:
    shown = event.as_document()
    for name in ("_id", "clusterTime", "wallTime"):
        del shown[name]
    shown.get("ns", {}).pop("db", None)  # type: ignore[attr-defined]
    description: Any = shown.get("updateDescription")
    if description is not None:  # a mapping and a set, in whatever order they are sent
        description["updatedFields"] = dict(sorted(description["updatedFields"].items()))
        description["removedFields"] = sorted(description["removedFields"])
    return {name: _exact(value) for name, value in shown.items()}


@pytest.fixture(scope="module")
def mongo() -> Iterator[StateStore]:
    name = f"crossbook_test_{uuid.uuid4().hex[:12]}"
    with connect(shared_uri(), database=name) as store:
        yield store
        store.remove()


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(options=_KINDS, steps=st.lists(_STEPS, min_size=4, max_size=25))
def test_both_homes_answer_alike(
    mongo: StateStore, options: dict[str, Any], steps: list[tuple[Any, ...]]
) -> None:
    spec = CollectionSpec(name="items", **options)
    emulated, real = Home(EmulatedStore(), spec), Home(mongo, spec)
    emulated.store.create(spec)
    mongo.drop("items")
    mongo.create(spec)
    for step in [*steps, ("poll",), ("find", {}, False)]:
        if step[0] == "drop" and (emulated.options.query or emulated.options.operations):
            continue  # whether a filter lets a drop through depends on the server's rewriting
        wanted = emulated.do(step, None)
        n_events = len(wanted) if isinstance(wanted, list) else None
        assert real.do(step, n_events) == wanted, step
    if real.stream is not None:
        assert real.stream.poll() is None
        assert real.stream.is_alive == emulated.stream.is_alive  # type: ignore[union-attr]


@given(fields=st.dictionaries(st.text("abé", min_size=1, max_size=3), _VALUES))
def test_sizes_are_those_of_bson(fields: dict[str, Any]) -> None:
    assert bson_bytes(fields) == len(bson.encode(encoded(fields)))
