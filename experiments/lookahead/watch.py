"""Run a strategy and write down every wake-up and what was sent in it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from framework.core.errors import StrategyError
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.engine.run import StrategyFailedError
from framework.replay.stream import GoldStream
from framework.strategy import Context, Strategy
from framework.venue.records import OUTBOX_DTYPE
from framework.venue.world import W

_FIELDS: Final = len(OUTBOX_DTYPE.names or ())
_SENT: Final = int(W.N_OUTBOX)
_ALL: Final = -1
_MARKET_WAKES: Final = frozenset({"on_trade", "on_best", "on_cross"})
_HANDLERS: Final = ("on_start", "on_timer", "on_fill", "on_order", *sorted(_MARKET_WAKES))

Around = Callable[[Callable[[], None]], None]
"""Calls a handler; the tracer puts itself around it."""


@dataclass(slots=True)
class WakeLog:
    """What a run did, wake-up by wake-up; the first is ``on_start``.

    Attributes
    ----------
    now_ns
        Instant of each.
    book
        Book up to which events of that very instant were known, −1 where all were.
    sent
        What was sent, as it stood in the outbox, by the number of the wake-up.
    failure
        What the strategy raised, where it did.
    """

    now_ns: array[int] = field(default_factory=lambda: array("q"))
    book: array[int] = field(default_factory=lambda: array("i"))
    sent: dict[int, tuple[int, ...]] = field(default_factory=dict)
    failure: StrategyFailedError | None = None

    def first_difference(self, other: WakeLog, last: int) -> int | None:
        """Number of the first wake-up, up to `last`, in which something else was sent.

        A log that ends earlier is compared as far as it goes, unless its strategy raised.
        """
        if other.failure is not None and len(other.now_ns) <= last + 1:
            return len(other.now_ns) - 1
        end = min(last + 1, len(self.now_ns), len(other.now_ns))
        for wake in range(end):
            same = self.now_ns[wake] == other.now_ns[wake]
            if not same or self.sent.get(wake) != other.sent.get(wake):
                return wake
        return None


def watched_run(
    strategy: Strategy,
    streams: Sequence[GoldStream],
    config: BacktestConfig,
    *,
    last: int | None = None,
    around: Around | None = None,
) -> WakeLog:
    """Run a strategy, interpreted, and return its log.

    Parameters
    ----------
    strategy, streams, config
        As in `run_backtest`.
    last
        Wake-up after which the trial ends; None runs to the end.
    around
        Put around every call of a handler.
    """
    log = WakeLog()
    watched = _watched(type(strategy), log, last, around)
    try:
        run_backtest(watched(**strategy.parameters()), streams, config)
    except StrategyFailedError as error:
        log.failure = error
    except StrategyError as error:
        if not log.now_ns:
            raise
        raise StrategyError(
            f"the strategy's run must end as it does without being watched: {error.message}",
            remedy=error.remedy,
        ) from error
    return log


def _watched(
    owner: type[Strategy], log: WakeLog, last: int | None, around: Around | None
) -> type[Strategy]:
    """Derive a class whose handlers write down what they do."""
    names = [name for name in _HANDLERS if callable(getattr(owner, name, None))]
    handlers = {name: _handler(getattr(owner, name), name, log, last, around) for name in names}
    return type(owner.__name__, (owner,), {**handlers, "__module__": owner.__module__})


def _handler(
    own: Callable[..., None], name: str, log: WakeLog, last: int | None, around: Around | None
) -> Callable[..., None]:
    def handle(self: Strategy, ctx: Context, *arguments: int) -> None:
        wake = len(log.now_ns)
        if last is not None and wake > last:
            ctx.end_trial()
            return
        log.now_ns.append(ctx.now_ns)
        books = arguments[:2] if name == "on_cross" else arguments[:1]
        log.book.append(max(books) if name in _MARKET_WAKES else _ALL)
        if around is None:
            own(self, ctx, *arguments)
        else:
            around(lambda: own(self, ctx, *arguments))
        n = ctx._root[_SENT]
        if n:
            log.sent[wake] = tuple(ctx._outbox[: n * _FIELDS])

    return handle
