"""What a context tells where the strategy reads the state store, and what it then refuses."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Final

from framework.core.errors import StrategyError
from framework.core.events import I64Array
from framework.strategy.actions.store import (
    ctx_bucket_lots,
    ctx_bucket_ns,
    ctx_bucket_ticks,
    ctx_quote_lots_at,
    ctx_quote_recorded_ns,
    ctx_quote_ticks_at,
)

DEPTH_READS: Final = frozenset(
    {
        "depth_lots",
        "level_ticks",
        "level_lots",
        "levels",
        "bucket_ns",
        "bucket_ticks",
        "bucket_lots",
    }
)
"""Members of the context for which depth documents are needed."""


class StoreReads:
    """Reads that need the store: a quote as of an instant, depth bucket by bucket.

    Parameters
    ----------
    root
        The world's scalars.
    has_store, has_depth
        What the run has.
    """

    def __init__(self, root: I64Array, *, has_store: bool, has_depth: bool) -> None:
        self._world_root = root
        self._has_store, self._no_depth = has_store, has_store and not has_depth

    def quote_recorded_ns(self, book: int) -> int:
        """When the quote that we see was committed; 0 before there is any."""
        self._need_store()
        return int(ctx_quote_recorded_ns(self._world_root, book))

    def quote_ticks_at(self, book: int, side: int, ts_ns: int, by_valid: bool = False) -> int:
        """Best price of a side as of an instant, from what we see.

        Parameters
        ----------
        side
            +1 the bid, −1 the ask.
        ts_ns
            Of the store's clock: the last quote committed by then.
        by_valid
            True for an instant of the venue's clock: the quote that was true then.
        """
        self._need_store()
        return int(ctx_quote_ticks_at(self._world_root, book, side, ts_ns, by_valid))

    def quote_lots_at(self, book: int, side: int, ts_ns: int, by_valid: bool = False) -> int:
        """Quantity at the best price of a side as of an instant; see `quote_ticks_at`."""
        self._need_store()
        return int(ctx_quote_lots_at(self._world_root, book, side, ts_ns, by_valid))

    def bucket_ns(self, book: int, back: int = 0) -> int:
        """First instant of the newest depth bucket that we see, or one so many before; 0: none."""
        self._need_store()
        self._need_depth()
        return int(ctx_bucket_ns(self._world_root, book, back))

    def bucket_ticks(self, book: int, side: int, level: int, back: int = 0) -> int:
        """Price of a level, 0 the best, in a depth bucket; `NO_PRICE` where there is none."""
        self._need_store()
        self._need_depth()
        return int(ctx_bucket_ticks(self._world_root, book, side, level, back))

    def bucket_lots(self, book: int, side: int, level: int, back: int = 0) -> int:
        """Quantity of a level in a depth bucket, 0 where there is none."""
        self._need_store()
        self._need_depth()
        return int(ctx_bucket_lots(self._world_root, book, side, level, back))

    def _need_store(self) -> None:
        if not self._has_store:
            raise StrategyError(
                "this can be read of the state store only, but the strategy sees the market "
                "directly",
                remedy='write view = "store" in the class, or view: store in the spec',
            )

    def _need_depth(self) -> None:
        if self._no_depth:
            raise StrategyError(
                "the store must hold depth documents for this, but no method of the strategy's "
                "class names such a read, so none were written",
                remedy="call ctx.levels, ctx.level_ticks, … in a method of the class",
            )


def names_read(owner: type) -> frozenset[str]:
    """Gather the names of attributes that a class's methods, and functions they call, may read."""
    found: set[str] = set()
    waiting = [
        value
        for part in owner.__mro__
        for value in vars(part).values()
        if isinstance(value, FunctionType) and part.__module__ != "framework.strategy.base"
    ]
    done: set[CodeType] = set()
    while waiting:
        function = waiting.pop()
        for code in _with_inner(function.__code__):
            if code in done:
                continue
            done.add(code)
            found.update(code.co_names)
            called = (function.__globals__.get(name) for name in code.co_names)
            waiting += [one for one in called if isinstance(one, FunctionType)]
    return frozenset(found)


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)
