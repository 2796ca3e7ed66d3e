"""The class a quant writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from framework.core.clock import duration_ns
from framework.core.errors import SpecError, StrategyError
from framework.strategy.context import Context
from framework.strategy.memory import Made, Memory, collect_memory
from framework.strategy.params import Parameter, bind, collect_parameters
from framework.strategy.wake import (
    OnBest,
    OnCross,
    OnFill,
    OnIceberg,
    OnOrder,
    OnTimer,
    OnTrade,
    OnWall,
    Wake,
)
from framework.venue.records import WakeKind

WAKE_KINDS: dict[type, WakeKind] = {
    OnTimer: WakeKind.TIMER,
    OnTrade: WakeKind.TRADE,
    OnBest: WakeKind.BEST,
    OnCross: WakeKind.CROSS,
    OnFill: WakeKind.FILL,
    OnOrder: WakeKind.ORDER,
    OnWall: WakeKind.WALL,
    OnIceberg: WakeKind.ICEBERG,
}
HANDLERS = {
    WakeKind.TIMER: "on_timer",
    WakeKind.TRADE: "on_trade",
    WakeKind.BEST: "on_best",
    WakeKind.CROSS: "on_cross",
    WakeKind.FILL: "on_fill",
    WakeKind.ORDER: "on_order",
    WakeKind.WALL: "on_wall",
    WakeKind.ICEBERG: "on_iceberg",
}


DIRECT: Final = "direct"
STORE: Final = "store"
VIEWS: Final = (DIRECT, STORE)
"""What a strategy may read: what reaches us from the venues, or what the state store shows."""


class Strategy:
    """Base of every strategy: parameters, wake-ups, handlers.

    A subclass lists in `wakes` what it wants to be woken for and defines the handler of each. It
    reads the market and its own orders through the context handed to the handler, which holds
    what had reached us by then, and nothing else. With ``view = "store"`` it reads the market
    and hears of its orders through the state store, with the lags of the run's `store`.

    Raises
    ------
    StrategyError
        For an unknown or bad parameter, or a wake-up without its handler.

    Examples
    --------
    >>> from framework.strategy import OnTimer, param
    >>> class Join(Strategy):
    ...     '''Join the best bid and ask of the first book, once a second.'''
    ...     size: int = param(1, low=1, high=10)
    ...     wakes = (OnTimer("1s"),)
    ...
    ...     def on_timer(self, ctx):
    ...         ctx.cancel_all()
    ...         if ctx.has_quote(0):
    ...             ctx.buy(0, self.size, ctx.bid_ticks(0), post_only=True)
    ...             ctx.sell(0, self.size, ctx.ask_ticks(0), post_only=True)
    >>> Join(size=2).parameters()
    {'size': 2}
    """

    wakes: ClassVar[Sequence[Wake]] = ()
    view: ClassVar[str] = DIRECT
    declared: ClassVar[dict[str, Parameter]] = {}
    remembered: ClassVar[dict[str, Memory]] = {}
    _made: dict[str, Made]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.declared = collect_parameters(cls)
        cls.remembered = collect_memory(cls, cls.declared)
        if isinstance(cls.wakes, Wake):
            raise StrategyError(
                f"{cls.__name__}: wakes must be a tuple, got {cls.wakes!r}",
                remedy="a tuple of one ends with a comma: wakes = (OnTimer(...),)",
            )
        if cls.view not in VIEWS:
            raise StrategyError(
                f"{cls.__name__}: view must be one of {', '.join(VIEWS)}, got {cls.view!r}",
                remedy='write view = "store" to read the market through the state store',
            )
        kinds = [type(wake) for wake in cls.wakes]
        for wake in cls.wakes:
            kind = WAKE_KINDS.get(type(wake))
            if kind is None:
                raise StrategyError(
                    f"{cls.__name__}: wakes must hold OnTimer, OnTrade, …, got {wake!r}",
                    remedy='write for example wakes = (OnTimer("100ms"), OnFill())',
                )
            if kinds.count(type(wake)) > 1:
                raise StrategyError(
                    f"{cls.__name__}: wakes may hold one {type(wake).__name__}, got "
                    f"{kinds.count(type(wake))}",
                    remedy="keep the one that wakes more often and ask ctx.now_ns in its handler",
                )
            if not callable(getattr(cls, HANDLERS[kind], None)):
                raise StrategyError(
                    f"{cls.__name__} asks for {type(wake).__name__} but has no {HANDLERS[kind]}",
                    remedy=f"define def {HANDLERS[kind]}(self, ctx, …), or drop the wake-up",
                )

    def __init__(self, **parameters: object) -> None:
        for name, value in bind(self.declared, parameters, type(self).__name__).items():
            setattr(self, name, value)
        self.make_memory(0)

    def make_memory(self, n_books: int) -> None:
        """Make its arrays and features afresh, for a run of so many books."""
        values = self.parameters()
        self._made = {
            name: declared.make(name, values, n_books) for name, declared in self.remembered.items()
        }
        for name, made in self._made.items():
            setattr(self, name, made.value)

    def made(self, name: str) -> Made:
        """Return the memory of a name, as the class body declares it.

        Raises
        ------
        StrategyError
            Where the attribute has been given another value since.
        """
        if getattr(self, name) is not self._made[name].value:
            raise StrategyError(
                f"{type(self).__name__}.{name} is memory of the class and must stay the same "
                "object, but it was given another value",
                remedy=f"change what it holds: self.{name}[:] = …",
            )
        return self._made[name]

    def parameters(self) -> dict[str, int | float | bool]:
        """Parameter values by name."""
        return {name: getattr(self, name) for name in self.declared}

    def wake_mask(self) -> int:
        """Kinds of wake-up asked for, as bits ``1 << WakeKind``."""
        mask = 0
        for wake in self.wakes:
            mask |= 1 << WAKE_KINDS[type(wake)]
        return mask

    def timer_ns(self) -> int:
        """Interval of the timer, 0 without one."""
        for wake in self.wakes:
            if isinstance(wake, OnTimer):
                return self._interval_ns(wake.interval)
        return 0

    def edge_ppb(self) -> int:
        """Edge a cross must exceed, in parts per billion."""
        for wake in self.wakes:
            if isinstance(wake, OnCross):
                edge = wake.edge_bps
                value = getattr(self, edge) if isinstance(edge, str) else edge
                return round(value * 100_000)
        return 0

    def wall_lots(self) -> int:
        """Quantity from which on a level is a wall."""
        return self._count(OnWall, "min_lots")

    def refills(self) -> int:
        """Refills from which on a level is an iceberg."""
        return self._count(OnIceberg, "refills")

    def _count(self, kind: type[OnWall] | type[OnIceberg], name: str) -> int:
        for wake in self.wakes:
            if isinstance(wake, kind):
                given = getattr(wake, name)
                value = getattr(self, given, given) if isinstance(given, str) else given
                if not isinstance(value, int) or value < 1:
                    raise StrategyError(
                        f"{type(self).__name__}: {kind.__name__} needs a whole number from 1 on or "
                        f"a parameter's name, got {given!r}",
                        remedy=f"write for example {kind.__name__}(5)",
                    )
                return value
        return 0

    def _interval_ns(self, interval: str | int) -> int:
        if isinstance(interval, str) and interval in self.declared:
            value = int(getattr(self, interval))
        else:
            try:
                value = duration_ns(interval)
            except SpecError as error:
                raise StrategyError(
                    f"{type(self).__name__}: OnTimer needs a duration or a parameter's name, "
                    f"got {interval!r}",
                    remedy='write for example OnTimer("100ms")',
                ) from error
        if value <= 0:
            raise StrategyError(
                f"{type(self).__name__}: a timer's interval must be positive, got {value} ns",
                remedy="give at least 1ns",
            )
        return value

    def on_start(self, ctx: Context) -> None:
        """Prepare before the first event; books can be looked up by name here."""


def fresh_copy(strategy: Strategy) -> Strategy:
    """Make the strategy anew from its parameters: notes from an earlier run do not come along.

    Raises
    ------
    StrategyError
        Where it is no strategy, or needs more than its parameters to be made.
    """
    if not isinstance(strategy, Strategy):
        raise StrategyError(
            f"a backtest needs instances of Strategy, got {strategy!r}",
            remedy="make one: MyStrategy(size=2), not MyStrategy",
        )
    owner = type(strategy)
    try:
        return owner(**strategy.parameters())
    except TypeError as error:
        raise StrategyError(
            f"{owner.__name__} must be made from its parameters alone, but: {error}",
            remedy="declare what it needs with param(...), set the rest in on_start",
        ) from error


def check_wakes(strategy: Strategy) -> None:
    """Refuse a strategy that would sleep through a run, or through what it has a handler for.

    ``on_timer`` needs no `OnTimer`: an alarm set by `Context.wake_at` calls it too.

    Raises
    ------
    StrategyError
        Where nothing could ever wake it, or a handler could never be called.
    """
    owner = type(strategy)
    asked = {WAKE_KINDS[type(wake)] for wake in strategy.wakes}
    for wake, kind in WAKE_KINDS.items():
        name = HANDLERS[kind]
        if kind not in asked and kind != WakeKind.TIMER and hasattr(owner, name):
            raise StrategyError(
                f"{owner.__name__} defines {name} but its wakes do not hold {wake.__name__}, so it "
                "would never be called",
                remedy=f"add {wake.__name__}() to wakes, or remove {name}",
            )
    if not asked and owner.on_start is Strategy.on_start:
        raise StrategyError(
            f"{owner.__name__} asks for no wake-up, so it would never be called",
            remedy='write for example wakes = (OnTimer("100ms"),) and define on_timer(self, ctx)',
        )
