"""What a class defined in a notebook or a script leaves behind when it is sent elsewhere."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Final

from framework.strategy.base import Strategy

_MAIN: Final = "__main__"


@dataclass(frozen=True, slots=True)
class Notebook:
    """Source and globals of classes defined in ``__main__``.

    The classes themselves travel by value. To compile one, its source must be readable and the
    numbers it uses must stand in its module, as they do where it was written.

    Attributes
    ----------
    sources
        Lines of each source file or cell, by its name.
    functions
        Methods whose globals are wanted; they travel with those they use.
    """

    sources: dict[str, list[str]]
    functions: tuple[Callable[..., object], ...]

    def restore(self) -> None:
        """Make source and globals known in this process."""
        for name, lines in self.sources.items():
            # Without a time of change an entry stays: there is no file to compare it with.
            linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
        known = vars(sys.modules[_MAIN])
        for function in self.functions:
            for name, value in getattr(function, "__globals__", {}).items():
                if not name.startswith("__"):
                    known[name] = value


def carried_along(strategies: Sequence[Strategy]) -> Notebook:
    """Collect what the strategies' classes need beside themselves."""
    functions = tuple(_methods(strategies))
    files = dict.fromkeys(function.__code__.co_filename for function in functions)
    return Notebook({name: linecache.getlines(name) for name in files}, functions)


def _methods(strategies: Sequence[Strategy]) -> Iterator[FunctionType]:
    for owner in dict.fromkeys(type(strategy) for strategy in strategies):
        for part in owner.__mro__:
            if part.__module__ == _MAIN:
                yield from (one for one in vars(part).values() if isinstance(one, FunctionType))
