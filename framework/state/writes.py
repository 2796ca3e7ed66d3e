"""Writes: insert, update, replace, delete, and what became of a batch of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from framework.state.document import Value, check_id, checked, checked_value
from framework.state.errors import (
    BAD_VALUE,
    CONFLICTING_OPERATORS,
    FAILED_TO_PARSE,
    TYPE_MISMATCH,
    DocumentError,
)

Query: TypeAlias = Mapping[str, Value]
"""A filter in MongoDB's language; `framework.state.query` lists its operators."""
Changes: TypeAlias = Mapping[str, Mapping[str, Value]]
"""Operators of an update, each with its fields: ``{"$set": {"bid_px": 10}}``."""

OPERATORS: Final = ("$set", "$unset", "$inc", "$min", "$max", "$push", "$setOnInsert")


@dataclass(frozen=True, slots=True)
class Insert:
    """Add a document, which names its own ``_id``."""

    document: Mapping[str, Value]

    def __post_init__(self) -> None:
        document = checked(self.document)
        if "_id" not in document:
            raise DocumentError(
                f"a document must name its _id, got the fields {', '.join(document)}",
                remedy="choose an _id that a repeated write would choose again",
                code=BAD_VALUE,
            )
        check_id(document["_id"])
        object.__setattr__(self, "document", document)


@dataclass(frozen=True, slots=True)
class Update:
    """Change fields of the first document that matches, or of every one.

    Parameters
    ----------
    query
        Which documents.
    changes
        Operators: ``$set``, ``$unset``, ``$inc``, ``$min``, ``$max``, ``$push`` (one value, or
        ``{"$each": […], "$slice": n}``), ``$setOnInsert``; names may be paths such as ``a.b.0``.
    upsert
        True to add the document where none matches: the query's equalities, then the changes.
    many
        True to change all that match.
    """

    query: Query
    changes: Changes
    upsert: bool = False
    many: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "changes", _checked_changes(self.changes))
        if self.upsert and not _names_id(self.query, self.changes.get("$setOnInsert", {})):
            raise _no_id_to_insert()


@dataclass(frozen=True, slots=True)
class Replace:
    """Put a document in the place of the first one that matches; it keeps the ``_id``."""

    query: Query
    document: Mapping[str, Value]
    upsert: bool = False

    def __post_init__(self) -> None:
        document = checked(self.document)
        object.__setattr__(self, "document", document)
        if self.upsert and not _names_id(self.query, document):
            raise _no_id_to_insert()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the first document that matches, or every one."""

    query: Query
    many: bool = False


Write: TypeAlias = Insert | Update | Replace | Delete


@dataclass(slots=True)
class WriteOutcome:
    """Counts of a batch that was carried out in full."""

    inserted: int = 0
    matched: int = 0
    modified: int = 0
    deleted: int = 0
    upserted: int = 0


def _names_id(query: Query, document: Mapping[str, Value]) -> bool:
    wanted = query.get("_id")
    if isinstance(wanted, dict):  # a document as _id, or an operator
        operators = [name for name in wanted if name.startswith("$")]
        return not operators or operators == ["$eq"] or "_id" in document
    return "_id" in query or "_id" in document


def _no_id_to_insert() -> DocumentError:
    return DocumentError(
        "an upsert must name the _id of the document it may have to add, this one does not",
        remedy="query by _id, or give it in $setOnInsert or in the replacement",
        code=BAD_VALUE,
    )


def _checked_changes(changes: Changes) -> Changes:
    if not changes:
        raise DocumentError(
            "an update must have at least one operator, got none",
            remedy='write for example {"$set": {"bid_px": 10}}',
            code=FAILED_TO_PARSE,
        )
    copy: dict[str, dict[str, Value]] = {}
    for operator, fields in changes.items():
        if operator not in OPERATORS or not isinstance(fields, Mapping):
            raise DocumentError(
                f"an update must be made of {', '.join(OPERATORS)}, each with its fields, "
                f"got {operator!r}",
                remedy="to put in a whole document use Replace",
                code=FAILED_TO_PARSE,
            )
        copy[operator] = {
            _checked_path(path): _checked_operand(operator, value, path)
            for path, value in fields.items()
        }
    _check_conflicts([path for fields in copy.values() for path in fields])
    return copy


def _check_conflicts(paths: list[str]) -> None:
    """Refuse two changes of one field, or of a field and of something in it."""
    ordered = sorted(path.split(".") for path in paths)
    for one, following in itertools.pairwise(ordered):
        if following[: len(one)] == one:
            raise DocumentError(
                f"an update must change a field once, {'.'.join(one)} and "
                f"{'.'.join(following)} overlap",
                remedy="write one of them, or two updates",
                code=CONFLICTING_OPERATORS,
            )


def _checked_path(path: str) -> str:
    if not path or any(not part or part[0] == "$" or "\0" in part for part in path.split(".")):
        raise DocumentError(
            f"a path must be names joined by dots, got {path!r}",
            remedy='write for example "levels.0"',
            code=FAILED_TO_PARSE,
        )
    return path


def _checked_operand(operator: str, value: Value, path: str) -> Value:
    if operator == "$push" and isinstance(value, dict) and "$each" in value:
        unknown = set(value) - {"$each", "$slice"}
        each, cut = value["$each"], value.get("$slice", 0)
        if unknown or not isinstance(each, list) or not isinstance(cut, int):
            raise DocumentError(
                f"$push of {path} must have a list as $each and a whole number as $slice",
                remedy='write {"$each": [1, 2], "$slice": -10}',
                code=BAD_VALUE,
            )
        return {name: checked_value(part, path) for name, part in value.items()}
    if operator == "$inc" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise DocumentError(
            f"$inc of {path} must have a number, got {value!r}",
            remedy='write for example {"$inc": {"fills": 1}}',
            code=TYPE_MISMATCH,
        )
    return checked_value(value, path)
