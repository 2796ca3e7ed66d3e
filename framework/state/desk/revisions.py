"""Documents that are revised in place, with every former version kept.

A version is put into the history before it is superseded, and superseding is guarded by its number:
whatever fails in between, no version is ever lost, and of two writers one begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from framework.state.base import StateStore
from framework.state.desk.layout import HISTORY
from framework.state.document import Document, Value
from framework.state.errors import DuplicateKeyError, StateError
from framework.state.query import Sort
from framework.state.writes import Query, Update

_TRIES: Final = 16


class ConflictError(StateError):
    """Other writers changed a document each time this one tried to."""


def revise(
    store: StateStore,
    collection: str,
    query: Query,
    fields: Mapping[str, Value],
    *,
    sort: Sort = (),
    upsert: bool = False,
) -> Document | None:
    """Change one document, keeping what it was.

    Parameters
    ----------
    query
        Which document; it must name the ``_id`` where it may have to be added.
    fields
        What to set: ``valid_ns`` must be among them.
    sort
        Which of several is taken.
    upsert
        True to add it where there is none.

    Returns
    -------
    document
        As changed; None where none matches.

    Raises
    ------
    ConflictError
        Where other writers were faster each time.
    """
    documents = store.collection(collection)
    for _ in range(_TRIES):
        found = documents.find(query, sort=sort, limit=1)
        if not found and not upsert:
            return None
        revision = _whole(found[0], "revision") if found else 0
        if found:
            _archive(store, collection, found[0])
        guard: dict[str, Value] = {
            "_id": {"$eq": found[0]["_id"] if found else query["_id"]},
            "revision": revision if found else {"$exists": False},
        }
        changes: dict[str, dict[str, Value]] = {
            "$set": {**fields, "recorded_ns": store.recording_ns()},
            "$inc": {"revision": 1},
        }
        try:
            changed = documents.modify(Update(guard, changes, upsert=not found), after=True)
        except DuplicateKeyError:
            continue
        if changed is not None:
            return changed
    raise ConflictError(
        f"a document of {collection} must stay as it was read until it is changed, "
        f"others changed it {_TRIES} times",
        remedy="let one writer own a document; with a read lag, wait for one's own writes",
    )


def as_of(
    store: StateStore,
    collection: str,
    document_id: str,
    *,
    valid_ns: int | None = None,
    recorded_ns: int | None = None,
) -> Document | None:
    """Return the version that was true, or known, at an instant.

    Of the versions recorded by `recorded_ns` and valid from `valid_ns` or before, the one that
    is valid from latest on counts, of those the one recorded last.
    """
    query: dict[str, Value] = {"of": collection, "key": document_id}
    bounds = {"valid_ns": valid_ns, "recorded_ns": recorded_ns}
    query |= {name: {"$lte": bound} for name, bound in bounds.items() if bound is not None}
    order = [("valid_ns", -1), ("revision", -1)]
    former = store.collection(HISTORY).find(query, sort=order, limit=1)
    present = store.collection(collection).get(document_id)
    candidates = [_restored(document) for document in former]
    if present is not None and all(
        bound is None or _whole(present, name) <= bound for name, bound in bounds.items()
    ):
        candidates.append(present)
    return max(candidates, key=_order, default=None)


def _archive(store: StateStore, collection: str, document: Document) -> None:
    version: Document = {
        **document,
        "_id": f"{collection}|{document['_id']}|{document['revision']:012d}",
        "of": collection,
        "key": document["_id"],
    }
    try:
        store.collection(HISTORY).insert(version)
    except DuplicateKeyError:
        return  # by a writer who then was too slow, or failed


def _restored(version: Document) -> Document:
    plain = {name: value for name, value in version.items() if name not in ("_id", "of", "key")}
    return {"_id": version["key"], **plain}


def _order(document: Document) -> tuple[int, int]:
    return _whole(document, "valid_ns"), _whole(document, "revision")


def _whole(document: Document, name: str) -> int:
    value = document[name]
    assert isinstance(value, int)
    return value
