"""How the loop wakes a strategy in Python: a trial has one function for it, without arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from framework.core.events import I64Array
from framework.strategy.base import Strategy
from framework.strategy.context import Context
from framework.venue.records import Status, WakeKind
from framework.venue.world import W

_STATUS, _FAILED = int(W.STATUS), int(Status.FAILED)
_KIND, _FIRST = int(W.WAKE_KIND), int(W.WAKE_A)
_SECOND, _THIRD = int(W.WAKE_B), int(W.WAKE_C)


class Failure(NamedTuple):
    """What a handler was called with, and what it raised."""

    handler: str
    arguments: tuple[int, ...]
    error: BaseException


class Waker:
    """Wakes one trial's strategy with what the world says of the wake-up.

    Attributes
    ----------
    failure
        Set where the strategy has raised; the loop stops then.
    """

    def __init__(self, strategy: Strategy, ctx: Context, root: I64Array) -> None:
        self.failure: Failure | None = None
        self._wake = self._function(_handlers(strategy), ctx, root)

    @property
    def address(self) -> int:
        """What kernels call; good while this object lives."""
        return id(self._wake)

    def _function(
        self, handlers: list[tuple[Callable[..., object], int]], ctx: Context, root: I64Array
    ) -> Callable[[], None]:
        words = memoryview(root)  # type: ignore[arg-type]  # twice as fast as NumPy's scalars

        def wake() -> None:
            handler, n = handlers[words[_KIND]]
            try:
                # A slice of the words costs as much as the call itself.
                if n == 0:
                    handler(ctx)
                elif n == 1:
                    handler(ctx, words[_FIRST])
                elif n == 2:
                    handler(ctx, words[_FIRST], words[_SECOND])
                else:
                    handler(ctx, words[_FIRST], words[_SECOND], words[_THIRD])
            # Nothing may pass through the kernel that has called: an interrupt neither.
            except BaseException as error:
                arguments = tuple(words[_FIRST : _FIRST + n].tolist())
                self.failure = Failure(handler.__name__, arguments, error)
                words[_STATUS] = _FAILED

        return wake


def _handlers(strategy: Strategy) -> list[tuple[Callable[..., object], int]]:
    """Handler of each kind of wake-up and how many of the wake's arguments it takes."""

    def ignore(ctx: Context) -> None:
        raise AssertionError("woken for something it did not ask for")

    table = {
        WakeKind.TIMER: ("on_timer", 0),
        WakeKind.TRADE: ("on_trade", 1),
        WakeKind.BEST: ("on_best", 1),
        WakeKind.CROSS: ("on_cross", 2),
        WakeKind.FILL: ("on_fill", 3),
        WakeKind.ORDER: ("on_order", 2),
        WakeKind.WALL: ("on_wall", 3),
        WakeKind.ICEBERG: ("on_iceberg", 3),
    }
    return [(getattr(strategy, table[kind][0], ignore), table[kind][1]) for kind in WakeKind]
