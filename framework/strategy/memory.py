"""What a strategy remembers beside single numbers: arrays, features, and one of each per book.

Declared in the class body, made afresh for every run and trial, and the same memory in both modes:
a compiled strategy reaches it by address.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, cast, overload, runtime_checkable

import numpy as np

from framework.core.errors import CrossbookError, StrategyError
from framework.core.events import F64Array, I64Array
from framework.strategy.params import Parameter

Numbers = Mapping[str, int | float | bool]


class FeatureLike(Protocol):
    """What a streaming feature shows of itself; `framework.features.Feature` is one."""

    state: I64Array
    kernels: ClassVar[Mapping[str, Callable[..., Any]]]


_F = TypeVar("_F", bound=FeatureLike)


@runtime_checkable
class _Declared(Protocol):
    """A feature as written in a class body."""

    declaration: tuple[Callable[..., FeatureLike], tuple[object, ...], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Made:
    """Memory as a run uses it.

    Attributes
    ----------
    value
        What ``self.name`` is in Python.
    block
        The words behind it, in one piece.
    n
        Words of one: of one book's where there is one for each.
    """

    value: object
    block: np.ndarray
    n: int


@dataclass(frozen=True, slots=True)
class ArrayMemory:
    """An array of numbers.

    Attributes
    ----------
    dtype
        int64 or float64.
    size
        Its length, or the name of the parameter that says it; 0: one number a book.
    first
        What stands everywhere at first.
    is_per_book
        True where every book has its own.
    """

    dtype: type[np.int64] | type[np.float64]
    size: int | str | Parameter
    first: float
    is_per_book: bool = False

    def make(self, name: str, values: Numbers, n_books: int) -> Made:
        """Make the array for a run of so many books."""
        size = values[self.size] if isinstance(self.size, str) else self.size
        if not isinstance(size, int) or size < (0 if self.is_per_book else 1):
            raise StrategyError(
                f"the memory {name} must have room for one number or more, got {size!r}",
                remedy="write for example memory(64), or name a parameter that is a whole number",
            )
        shape = (n_books,) if self.is_per_book else ()
        array = np.full((*shape, size) if size else shape, self.first, self.dtype)
        return Made(array, array, max(size, 1))


@dataclass(frozen=True, slots=True)
class FeatureMemory:
    """A streaming feature.

    Attributes
    ----------
    kind
        Its class.
    settings, named
        Arguments it is made with; text and parameters stand for parameters' values.
    is_per_book
        True where every book has its own.
    """

    kind: Callable[..., FeatureLike]
    settings: tuple[object, ...]
    named: Mapping[str, object]
    is_per_book: bool = False

    @property
    def kernels(self) -> Mapping[str, Callable[..., Any]]:
        """Kernels by the name of the method or property."""
        return cast("FeatureLike", self.kind).kernels

    def is_property(self, name: str) -> bool:
        """True where a kernel is read without a call."""
        return isinstance(getattr(self.kind, name, None), property)

    def make(self, name: str, values: Numbers, n_books: int) -> Made:
        """Make the feature for a run of so many books."""
        settings = [values.get(x, x) if isinstance(x, str) else x for x in self.settings]
        named = {k: values.get(x, x) if isinstance(x, str) else x for k, x in self.named.items()}
        try:
            made = [self.kind(*settings, **named) for _ in range(max(1, n_books))]
            n = made[0].state.size
        except (CrossbookError, TypeError) as error:
            told = error.message if isinstance(error, CrossbookError) else str(error)
            raise StrategyError(
                f"the feature {name} cannot be made: {told}",
                remedy="correct the settings it has in the class body",
            ) from error
        if not self.is_per_book:
            return Made(made[0], made[0].state, n)
        block = np.stack([feature.state for feature in made])
        for feature, row in zip(made, block, strict=True):
            feature.state = row
        return Made(made[:n_books], block, n)


Memory = ArrayMemory | FeatureMemory


@dataclass(frozen=True, slots=True)
class _PerBook:
    """What `per_book` was given, until the class is complete."""

    each: object


@overload
def memory(size: int | str, kind: type[int], *, first: int = 0) -> I64Array: ...
@overload
def memory(size: int | str, kind: type[float] = ..., *, first: float = 0.0) -> F64Array: ...
def memory(
    size: int | str, kind: type[int] | type[float] = float, *, first: float = 0.0
) -> F64Array | I64Array:
    """Declare an array that a strategy keeps, as a class attribute.

    Parameters
    ----------
    size
        Its length, or the name of a parameter.
    kind
        float or int.
    first
        What stands everywhere when a run begins.

    Examples
    --------
    >>> from framework.strategy import OnTrade, Strategy
    >>> class Recent(Strategy):
    ...     '''Remember the sizes of the last 64 trades.'''
    ...     sizes = memory(64, int)
    ...     n: int = 0
    ...     wakes = (OnTrade(),)
    ...
    ...     def on_trade(self, ctx, book):
    ...         self.sizes[self.n % 64] = ctx.trade_lots(book)
    ...         self.n += 1
    """
    if kind not in (int, float):
        raise StrategyError(
            f"memory holds int or float, got {kind!r}", remedy="write for example memory(64, int)"
        )
    declared = ArrayMemory(np.int64 if kind is int else np.float64, size, kind(first))
    return cast("F64Array", declared)


@overload
def per_book(each: F64Array) -> F64Array: ...
@overload
def per_book(each: I64Array) -> I64Array: ...
@overload
def per_book(each: int) -> I64Array: ...
@overload
def per_book(each: float) -> F64Array: ...
@overload
def per_book(each: _F) -> Sequence[_F]: ...
def per_book(each: object) -> object:
    """Declare memory of which every book has its own: ``self.name[book]``.

    Parameters
    ----------
    each
        A number (what it is at first), ``memory(…)`` or a feature.

    Examples
    --------
    >>> from framework.features import Deviation
    >>> from framework.strategy import OnBest, Strategy
    >>> class Calm(Strategy):
    ...     '''Know how much each book's mid moves.'''
    ...     volatility = per_book(Deviation("100ms"))
    ...     mid = per_book(0.0)
    ...     wakes = (OnBest(),)
    ...
    ...     def on_best(self, ctx, book):
    ...         if ctx.has_quote(book):
    ...             self.mid[book] = (ctx.bid_ticks(book) + ctx.ask_ticks(book)) / 2
    ...             self.volatility[book].update(ctx.now_ns, self.mid[book])
    """
    return _PerBook(each)


def collect_memory(owner: type, declared: Mapping[str, Parameter]) -> dict[str, Memory]:
    """Gather the memory a class declares or inherits, in order of declaration.

    Raises
    ------
    StrategyError
        Where a setting names no parameter of the class, or `per_book` holds what it cannot.
    """
    found: dict[str, Memory] = {}
    for part in reversed(owner.__mro__):
        for name, value in vars(part).items():
            read = _read(value, name, owner)
            if read is not None:
                found[name] = _resolved(read, name, owner, declared)
            else:
                found.pop(name, None)
    return found


def _read(value: object, name: str, owner: type) -> Memory | None:
    """Understand a class attribute; None where it is no memory."""
    each = value.each if isinstance(value, _PerBook) else value
    is_per_book = isinstance(value, _PerBook)
    if isinstance(each, ArrayMemory):
        return ArrayMemory(each.dtype, each.size, each.first, is_per_book)
    if isinstance(each, _Declared):
        kind, settings, named = each.declaration
        return FeatureMemory(kind, settings, named, is_per_book)
    if not is_per_book:
        return None
    if type(each) in (int, float):
        number = cast("int | float", each)
        return ArrayMemory(np.int64 if type(each) is int else np.float64, 0, number, True)
    raise StrategyError(
        f"{owner.__name__}: per_book of {name} must hold a number, memory(…) or a feature, "
        f"got {each!r}",
        remedy="write for example per_book(0.0) or per_book(memory(64))",
    )


def _resolved(read: Memory, name: str, owner: type, declared: Mapping[str, Parameter]) -> Memory:
    """Put parameters' names where parameters or their names stand, and check them."""

    def named(value: object) -> object:
        if isinstance(value, Parameter):
            places = [n for part in owner.__mro__ for n, v in vars(part).items() if v is value]
            return places[0] if places else value
        return value

    def checked(value: object) -> object:
        value = named(value)
        if isinstance(value, str) and value not in declared and not value[:1].isdigit():
            close = difflib.get_close_matches(value, declared, n=1)
            has = ", ".join(declared) or "none"
            raise StrategyError(
                f"{owner.__name__}: {name} names the parameter {value!r}, which the class does "
                "not have",
                remedy=f"did you mean {close[0]}?" if close else f"it has: {has}",
            )
        return value

    if isinstance(read, ArrayMemory):
        size = cast("int | str", checked(read.size))
        return ArrayMemory(read.dtype, size, read.first, read.is_per_book)
    return FeatureMemory(
        read.kind,
        tuple(checked(value) for value in read.settings),
        {key: checked(value) for key, value in read.named.items()},
        read.is_per_book,
    )
