"""What may wake a strategy: it declares this, and sleeps at no cost otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnTimer:
    """Every `interval`, at whole multiples of it since the epoch: ``on_timer(ctx)``.

    `interval` is a duration such as ``"100ms"`` or the name of a parameter in nanoseconds.
    """

    interval: str | int


@dataclass(frozen=True, slots=True)
class OnTrade:
    """Every trade that reaches us: ``on_trade(ctx, book)``."""


@dataclass(frozen=True, slots=True)
class OnBest:
    """Every change of a best price that reaches us: ``on_best(ctx, book)``."""


@dataclass(frozen=True, slots=True)
class OnCross:
    """A change at the top of a book that leaves two venues crossed: ``on_cross(ctx, buy, sell)``.

    One venue's bid (book `sell`) exceeds another's ask (book `buy`) of the same asset by more than
    `edge_bps` of the ask: a number, or the name of a parameter.
    """

    edge_bps: str | float = 0.0


@dataclass(frozen=True, slots=True)
class OnFill:
    """Word of a fill of ours: ``on_fill(ctx, order, px_ticks, lots)``."""


@dataclass(frozen=True, slots=True)
class OnOrder:
    """Word of anything else that happened to an order of ours: ``on_order(ctx, order, event)``.

    `event` is a `JournalEvent`: accepted, rejected, expired, cancelled, replaced, …
    """


@dataclass(frozen=True, slots=True)
class OnWall:
    """A wall in the depth document: ``on_wall(ctx, book, side, px_ticks)``.

    It is new: the document before did not show it. One of ten levels a side holds `min_lots` or
    more: a number, or the name of a parameter. Told by the state store's change stream, for
    strategies that read it.
    """

    min_lots: str | int


@dataclass(frozen=True, slots=True)
class OnIceberg:
    """A best level that refills: ``on_iceberg(ctx, book, side, px_ticks)``.

    Since it became the best it was consumed and refilled at once, at the same instant of its
    venue, `refills` times, and it still stands: a number, or the name of a parameter. Told by the
    state store's change stream, for strategies that read it.
    """

    refills: str | int = 3


Wake = OnTimer | OnTrade | OnBest | OnCross | OnFill | OnOrder | OnWall | OnIceberg
