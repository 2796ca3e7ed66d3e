"""Find documents: MongoDB's filter language, the part of it that both homes answer alike.

Operators: equality, ``$eq $ne $gt $gte $lt $lte $in $nin $exists $not`` on a field or a path,
``$and $or $nor`` over filters. As in MongoDB a comparison sees values of its own type only, None
equals a missing field, and a condition on a list holds where it holds for the list or an element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from framework.state.document import (
    RANK_MISSING,
    RANK_NULL,
    Document,
    SortKey,
    Value,
    checked_value,
    sort_key,
)
from framework.state.errors import BAD_VALUE, DocumentError
from framework.state.writes import Query

Sort = Sequence[tuple[str, int]]
"""Fields to sort by, each with 1 (rising) or −1 (falling)."""

_LOGICAL: Final = ("$and", "$or", "$nor")
_COMPARISONS: Final[dict[str, Callable[[SortKey, SortKey], bool]]] = {
    "$gt": lambda found, wanted: found > wanted,
    "$gte": lambda found, wanted: found >= wanted,
    "$lt": lambda found, wanted: found < wanted,
    "$lte": lambda found, wanted: found <= wanted,
}
_CONDITIONS: Final = (*_COMPARISONS, "$eq", "$ne", "$in", "$nin", "$exists", "$not")


def check_query(query: Query) -> None:
    """Refuse a filter with operators or values that the contract does not have.

    Raises
    ------
    DocumentError
        Naming the operator.
    """
    for name, condition in query.items():
        if name in _LOGICAL:
            if not isinstance(condition, list) or not condition:
                raise _refused(f"{name} must have a list of filters", name)
            for part in condition:
                if not isinstance(part, dict):
                    raise _refused(f"{name} must have a list of filters", name)
                check_query(part)
        elif name.startswith("$"):
            raise _refused(f"a filter must use {', '.join(_LOGICAL)} or name a field", name)
        elif is_condition(condition):
            _check_condition(name, condition)
        else:
            checked_value(condition, f"the filter on {name}")


def is_condition(value: Value) -> bool:
    """Tell whether a filter's value is operators rather than a value to be equal to."""
    return isinstance(value, dict) and any(key.startswith("$") for key in value)


def _check_condition(name: str, condition: Value) -> None:
    assert isinstance(condition, dict)
    for operator, operand in condition.items():
        if operator not in _CONDITIONS:
            raise _refused(f"a condition must be one of {', '.join(_CONDITIONS)}", operator)
        if operator in ("$in", "$nin") and not isinstance(operand, list):
            raise _refused(f"{operator} on {name} must have a list", operator)
        if operator == "$not":
            if not is_condition(operand):
                raise _refused(f"$not on {name} must have a condition", operator)
            _check_condition(name, operand)
        else:
            checked_value(operand, f"the filter on {name}")


def _refused(must: str, found: str) -> DocumentError:
    return DocumentError(
        f"{must}, got {found!r}", remedy="see framework.state.query for operators", code=BAD_VALUE
    )


def matches(document: Mapping[str, Value], query: Query) -> bool:
    """Tell whether a document passes a filter.

    >>> matches({"bid": 10}, {"bid": {"$gte": 10, "$lt": 11}})
    True
    """
    return all(_passes(document, name, condition) for name, condition in query.items())


def _passes(document: Mapping[str, Value], name: str, condition: Value) -> bool:
    if name in _LOGICAL:
        assert isinstance(condition, list)
        found = (matches(document, part) for part in condition if isinstance(part, dict))
        if name == "$and":
            return all(found)
        return any(found) == (name == "$or")
    reached = list(_reach(document, name.split(".")))
    if is_condition(condition):
        assert isinstance(condition, dict)
        return all(_holds(reached, op, operand) for op, operand in condition.items())
    return _equals(reached, condition)


_Reached = tuple[bool, Value, bool]
"""Whether a path led somewhere, to what, and whether a list there is also seen by its elements."""


def _reach(
    value: Value | Mapping[str, Value], parts: Sequence[str], by_number: bool = False
) -> Iterator[_Reached]:
    """Follow a path into a document; lists on the way are entered by number and by element."""
    if not parts:
        yield True, value, not by_number  # type: ignore[misc]
        return
    head, rest = parts[0], parts[1:]
    if isinstance(value, Mapping):
        if head in value:
            yield from _reach(value[head], rest)
        else:
            yield False, None, False
    elif isinstance(value, list):
        if head.isdigit() and int(head) < len(value):
            yield from _reach(value[int(head)], rest, by_number=True)
        for item in value:
            if isinstance(item, dict):
                yield from _reach(item, parts)
    else:
        yield False, None, False


def _candidates(reached: Sequence[_Reached]) -> Iterator[Value]:
    for exists, value, by_element in reached:
        if not exists:
            continue
        yield value
        if by_element and isinstance(value, list):
            yield from value


def _is_missing(reached: Sequence[_Reached]) -> bool:
    return any(not exists for exists, *_ in reached)


def _equals(reached: Sequence[_Reached], wanted: Value) -> bool:
    key = sort_key(wanted)
    if wanted is None and _is_missing(reached):
        return True
    return any(sort_key(value) == key for value in _candidates(reached))


def _holds(reached: Sequence[_Reached], operator: str, operand: Value) -> bool:
    if operator in ("$eq", "$ne"):
        return _equals(reached, operand) == (operator == "$eq")
    if operator in ("$in", "$nin"):
        assert isinstance(operand, list)
        return any(_equals(reached, item) for item in operand) == (operator == "$in")
    if operator == "$exists":
        return any(exists for exists, *_ in reached) == bool(operand)
    if operator == "$not":
        assert isinstance(operand, dict)
        return not all(_holds(reached, op, part) for op, part in operand.items())
    return _compares(reached, operator, operand)


def _compares(reached: Sequence[_Reached], operator: str, operand: Value) -> bool:
    wanted = sort_key(operand)
    if wanted[0] == RANK_NULL:  # no value is above or below null
        return operator in ("$gte", "$lte") and _equals(reached, None)
    compare = _COMPARISONS[operator]
    if _is_nan(wanted):
        return operator in ("$gte", "$lte") and _equals(reached, operand)
    keys = (sort_key(value) for value in _candidates(reached))
    return any(key[0] == wanted[0] and not _is_nan(key) and compare(key, wanted) for key in keys)


def _is_nan(key: SortKey) -> bool:
    return key == (2, 0, 0)


def in_order(documents: Iterable[Document], sort: Sort) -> list[Document]:
    """Sort documents; those that tie keep their order.

    A list counts as its smallest element in rising order, as its largest in falling order.
    """
    ordered = list(documents)
    for name, direction in reversed(sort):
        parts = name.split(".")
        ordered.sort(key=lambda d: _rank(d, parts, direction), reverse=direction < 0)
    return ordered


def _rank(document: Document, parts: Sequence[str], direction: int) -> SortKey:
    keys: list[SortKey] = []
    for exists, value, _ in _reach(document, parts):
        if exists and isinstance(value, list):
            keys += [sort_key(item) for item in value] or [(RANK_MISSING,)]
        else:
            keys.append(sort_key(value))
    if not keys:
        return (RANK_NULL,)
    return max(keys) if direction < 0 else min(keys)
