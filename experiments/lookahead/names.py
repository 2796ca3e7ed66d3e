"""Tables that stand in a strategy's global names: they are given another future, too."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Final

import polars as pl

from experiments.lookahead.alter import Cut, Future
from experiments.lookahead.tracing import data_digest, is_data
from framework.strategy import Strategy

_CLOCKS: Final = ("recv", "avail", "recorded", "ts", "time", "date")
"""What a column is called that says when a row is known: the first that is found."""


@contextmanager
def altered_names(owner: type[Strategy], cut: Cut, future: Future) -> Iterator[dict[str, object]]:
    """Alter the tables that the methods of a class read from global names, for a while.

    Yields
    ------
    unaltered
        ``name (type)`` of data without a clock, which stay as they are, and a digest of each.
    """
    unaltered: dict[str, object] = {}
    before: list[tuple[dict[str, object], str, object]] = []
    try:
        for names, name in sorted(_read(owner), key=lambda pair: pair[1]):
            value = names[name]
            other = _altered(value, cut, future)
            if other is None:
                unaltered[f"{name} ({type(value).__name__})"] = data_digest(value)
            else:
                before.append((names, name, value))
                names[name] = other
        yield unaltered
    finally:
        for names, name, value in before:
            names[name] = value


def _read(owner: type[Strategy]) -> list[tuple[dict[str, object], str]]:
    """List the global names of data in a class's methods, and in what they call by global names."""
    found: dict[tuple[int, str], tuple[dict[str, object], str]] = {}
    waiting: list[object] = [
        member
        for base in owner.__mro__
        if base is not Strategy and issubclass(base, Strategy)
        for member in vars(base).values()
    ]
    seen: set[int] = set()
    while waiting:
        member = inspect.unwrap(waiting.pop()) if waiting else None  # type: ignore[arg-type]
        if not isinstance(member, FunctionType) or id(member) in seen:
            continue
        seen.add(id(member))
        names = member.__globals__
        for name in _names(member.__code__):
            value = names.get(name)
            if is_data(value):
                found[(id(names), name)] = (names, name)
            elif isinstance(value, FunctionType):
                waiting.append(value)
    return list(found.values())


def _names(code: CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*map(_names, inner)) if inner else set(code.co_names)


def _altered(value: object, cut: Cut, future: Future) -> object | None:
    """Give a table another future by its own clock; None where it has none."""
    if isinstance(value, pl.DataFrame):
        return _frame(value, cut.now_ns, future)
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "columns"):
        frame = pl.from_pandas(value)
        other = _frame(frame, cut.now_ns, future)
        return None if other is None else other.to_pandas()
    return None


def _frame(frame: pl.DataFrame, now_ns: int, future: Future) -> pl.DataFrame | None:
    clock = _clock(frame)
    if clock is None:
        return None
    instant = pl.col(clock)
    if frame.schema[clock] != pl.Int64:
        instant = instant.dt.epoch("ns")
    unknown = frame.select(instant > now_ns).to_series().fill_null(False)
    if future is Future.REMOVED:
        return frame.filter(~unknown)
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    whole = [
        n for n, kind in frame.schema.items() if kind.is_integer() and n != clock and "ts" not in n
    ]
    turned: Callable[[str], pl.Expr] = lambda name: (  # noqa: E731
        pl.when(unknown).then(-pl.col(name)).otherwise(pl.col(name)).alias(name)
    )
    return frame.with_columns(*map(turned, floats), *map(turned, whole))


def _clock(frame: pl.DataFrame) -> str | None:
    columns = [
        name
        for name, kind in frame.schema.items()
        if kind == pl.Int64 or isinstance(kind, pl.Datetime)
    ]
    for word in _CLOCKS:
        for name in columns:
            if word in name.lower():
                return name
    return None
