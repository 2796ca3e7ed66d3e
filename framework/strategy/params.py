"""Typed strategy parameters: a default, a range that a sweep can read, and their validation."""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from framework.core.errors import StrategyError

_T = TypeVar("_T", int, float, bool)


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is known of one parameter.

    Attributes
    ----------
    default
        Value where none is given; its type is the parameter's.
    low, high
        Inclusive bounds; None where open. A sweep searches between them.
    step
        Grid of a sweep; None for any value.
    log
        True where a sweep should search on a logarithmic scale.
    doc
        One line for help texts.
    name
        Attribute name.
    """

    default: int | float | bool
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    doc: str = ""
    name: str = ""

    @property
    def type(self) -> type:
        """Type of the value: int, float or bool."""
        return type(self.default)

    def check(self, value: object, owner: str) -> int | float | bool:
        """Return the value in the parameter's type.

        Raises
        ------
        StrategyError
            Where the type is wrong or the value is out of range.
        """
        wrong_bool = isinstance(value, bool) != (self.type is bool)
        if wrong_bool or not isinstance(value, (int, float)):
            raise self._error(owner, value, f"must be {self.type.__name__}")
        if self.type is int and value != int(value):
            raise self._error(owner, value, "must be a whole number")
        if self.low is not None and value < self.low:
            raise self._error(owner, value, f"must be at least {self.low}")
        if self.high is not None and value > self.high:
            raise self._error(owner, value, f"must be at most {self.high}")
        return cast("int | float | bool", self.type(value))

    def _error(self, owner: str, value: object, must: str) -> StrategyError:
        return StrategyError(
            f"{owner}: parameter {self.name} {must}, got {value!r}",
            remedy="correct the value, or the range in the strategy's param(...)",
        )


def param(
    default: _T,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    log: bool = False,
    doc: str = "",
) -> _T:
    """Declare a strategy parameter as a class attribute; see `Parameter` for the fields."""
    return cast("_T", Parameter(default, low, high, step, log, doc))


_BUILTIN = {"int": int, "float": float, "bool": bool}


def collect_parameters(owner: type) -> dict[str, Parameter]:
    """Gather the parameters a class declares or inherits, in order of declaration."""
    found: dict[str, Parameter] = {}
    for base in reversed(owner.__mro__):
        hints = inspect.get_annotations(base)
        for name, value in base.__dict__.items():
            if isinstance(value, Parameter):
                found[name] = _named(value, name, hints.get(name), owner.__name__)
    return found


def _named(value: Parameter, name: str, hint: Any, owner: str) -> Parameter:
    wanted = _BUILTIN.get(hint, hint) if isinstance(hint, str) else hint
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted):
        wanted = None
    default: int | float | bool = value.default
    if wanted is float and type(default) is int:
        default = float(default)
    elif wanted in (int, float, bool) and type(default) is not wanted:
        raise StrategyError(
            f"{owner}: parameter {name} is annotated {wanted.__name__} but defaults to {default!r}",
            remedy="make the annotation and the default agree",
        )
    return Parameter(default, value.low, value.high, value.step, value.log, value.doc, name)


def bind(
    parameters: Mapping[str, Parameter], values: Mapping[str, object], owner: str
) -> dict[str, int | float | bool]:
    """Combine given values with defaults.

    Raises
    ------
    StrategyError
        For a name the strategy does not have, a wrong type or a value out of range.
    """
    for name in values:
        if name not in parameters:
            close = difflib.get_close_matches(name, parameters, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it has: {', '.join(parameters)}"
            raise StrategyError(f"{owner} has no parameter {name}", remedy=hint)
    return {
        name: parameter.check(values.get(name, parameter.default), owner)
        for name, parameter in parameters.items()
    }
