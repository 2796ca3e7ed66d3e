"""What every streaming feature is: a few words of memory that a kernel updates.

The memory is one int64 array; what is a float in it is reached through a float64 view of the same
words. A feature in Python and a kernel of a compiled strategy therefore run the same machine code
over the same layout: give the strategy's kernel ``array_at(address, n_words, np.int64)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import numpy as np

from framework.core.clock import duration_ns
from framework.core.errors import SpecError
from framework.core.events import F64Array, I64Array

Kernels = Mapping[str, Callable[..., Any]]
"""Kernels of a feature, by the name of the method or property that runs them."""


class Feature:
    """A feature with memory.

    In the body of a strategy class a setting may be the name of one of its parameters:
    ``Deviation("tau_ns")`` then stands for the feature that each run makes of it.

    Attributes
    ----------
    state
        Its memory, shape ``(n_words,)``; copying it copies the feature.
    kernels
        What compiled strategies may call, by the name of the method or property: functions of the
        state and of the method's arguments.
    declaration
        Its class and the arguments it was made with.
    """

    kernels: ClassVar[Kernels] = {}
    state: I64Array
    declaration: tuple[type[Feature], tuple[object, ...], dict[str, object]]

    def __new__(cls, *settings: object, **named: object) -> Any:
        """Make the feature, or a `Deferred` where a setting stands for a parameter."""
        if any(_stands_for_parameter(value) for value in (*settings, *named.values())):
            return Deferred(cls, settings, named)
        feature = super().__new__(cls)
        feature.declaration = cls, settings, named
        return feature

    def __init__(self, n_words: int) -> None:
        self.state = np.zeros(n_words, np.int64)

    def _floats(self) -> F64Array:
        return self.state.view(np.float64)


class UnboundFeatureError(SpecError, AttributeError):
    """A feature was used whose settings are not known: it belongs into a strategy class."""


class Deferred:
    """A feature of a strategy class some of whose settings are parameters of that class.

    Attributes
    ----------
    declaration
        As of `Feature`.
    """

    def __init__(
        self, kind: type[Feature], settings: tuple[object, ...], named: dict[str, object]
    ) -> None:
        self.declaration = kind, settings, named

    def __getattr__(self, name: str) -> object:
        kind, settings, named = self.__dict__["declaration"]
        given = ", ".join([*map(repr, settings), *(f"{k}={v!r}" for k, v in named.items())])
        raise UnboundFeatureError(
            f"{kind.__name__}({given}) has no {name}: a setting that is neither a number nor a "
            "duration stands for a parameter of a strategy class",
            remedy='give a number or a duration such as "100ms", or use it in a strategy class',
        )


def _stands_for_parameter(value: object) -> bool:
    if isinstance(value, str):
        try:
            duration_ns(value)
        except SpecError:
            return True
        return False
    return not isinstance(value, _NUMBERS)


_NUMBERS: Final = (int, float, np.integer, np.floating)


def nanoseconds(setting: float | str) -> float:
    """Read a setting that is a duration such as ``"100ms"`` or nanoseconds."""
    return duration_ns(setting) if isinstance(setting, str) else setting


def number(name: str, setting: float | str) -> float:
    """Read a setting that is a number above zero.

    Raises
    ------
    SpecError
        Where it is not: names the setting.
    """
    if isinstance(setting, str):
        raise SpecError(
            f"{name} must be a number, got {setting!r}", remedy=f"give a positive {name}"
        )
    check_positive(name, setting)
    return setting


def check_positive(name: str, value: float) -> None:
    """Refuse a setting that is not above zero.

    Raises
    ------
    SpecError
        Names the setting.
    """
    if not value > 0:
        raise SpecError(f"{name} must be above 0, got {value}", remedy=f"give a positive {name}")
