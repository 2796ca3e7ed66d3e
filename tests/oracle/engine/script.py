"""A strategy that acts out a list, the same in the engine and in its twin."""

from __future__ import annotations

import random
from typing import ClassVar, NamedTuple

from framework.core.events import NO_PRICE
from framework.strategy import (
    OnBest,
    OnCross,
    OnFill,
    OnOrder,
    OnTimer,
    OnTrade,
    Strategy,
    TimeInForce,
)

MIDDLE = 100
SPECIAL = ("gtd", "hidden", "iceberg", "stop", "stop_limit", "midpoint")


class Action(NamedTuple):
    what: str
    book: int
    side: int
    lots: int
    offset: int
    """Ticks from the best price of our side towards the other."""
    tif: int
    pick: int
    """Which of the open orders."""
    delay_ns: int
    """From here to the next alarm."""
    eager: bool
    """May be set off by any wake-up, not by a timer alone."""


class Scripted(Strategy):
    """Acts out `script`, one action a wake-up, and notes every wake-up in `log`."""

    script: ClassVar[list[Action]] = []
    log: ClassVar[list[tuple[object, ...]]] = []

    def on_start(self, ctx):
        self.log.clear()
        self.place = 0
        if self.script:
            ctx.wake_at(ctx.now_ns + self.script[0].delay_ns)
            self.act(ctx, ("start",))

    def act(self, ctx, cause, timer=False):
        self.log.append((*cause, *what_is_seen(ctx)))
        if self.place == len(self.script):
            return
        action = self.script[self.place]
        if not (timer or action.eager):
            return
        self.place += 1
        if timer:
            ctx.wake_at(ctx.now_ns + action.delay_ns)
        perform(ctx, action)


def on_timer(self, ctx):
    self.act(ctx, ("timer",), timer=True)


def on_trade(self, ctx, book):
    last = (ctx.trade_px_ticks(book), ctx.trade_lots(book), ctx.trade_side(book))
    self.act(ctx, ("trade", book, *last))


def on_best(self, ctx, book):
    self.act(ctx, ("best", book))


def on_cross(self, ctx, buy, sell):
    self.act(ctx, ("cross", buy, sell))


def on_fill(self, ctx, order, px_ticks, lots):
    self.act(ctx, ("fill", order, px_ticks, lots))


def on_order(self, ctx, order, event):
    self.act(ctx, ("order", order, event))


HANDLERS = {
    OnTimer: on_timer,
    OnTrade: on_trade,
    OnBest: on_best,
    OnCross: on_cross,
    OnFill: on_fill,
    OnOrder: on_order,
}


def what_is_seen(ctx) -> tuple[object, ...]:
    """Everything a strategy can look at."""
    books = tuple(
        (
            ctx.bid_ticks(b),
            ctx.ask_ticks(b),
            ctx.bid_lots(b),
            ctx.ask_lots(b),
            ctx.has_quote(b),
            ctx.position_lots(b),
            ctx.level_lots(b, 1, MIDDLE),
        )
        for b in range(ctx.n_books)
    )
    ids = [ctx.order_at(n) for n in range(ctx.n_orders)]
    orders = tuple(
        (i, ctx.order_book(i), ctx.order_side(i), ctx.order_px_ticks(i), ctx.order_leaves_lots(i))
        for i in ids
    )
    return (ctx.now_ns, books, orders)


def perform(ctx, action: Action) -> None:
    """Do one action of a script."""
    book = action.book % ctx.n_books
    best = ctx.bid_ticks(book) if action.side > 0 else ctx.ask_ticks(book)
    px = (MIDDLE if best == NO_PRICE else best) + action.side * action.offset
    order = ctx.order_at(action.pick % ctx.n_orders) if ctx.n_orders else 0
    if action.what in ("submit", "pair", "take", "market") and ctx.n_orders > 24:
        ctx.cancel(ctx.order_at(0))  # leave room in the order slots
    elif action.what == "submit":
        ctx.submit(book, action.side, action.lots, px, action.tif)
    elif action.what == "pair":  # two orders at one price, one of them cancelled at once
        ctx.submit(book, action.side, action.lots, px, action.tif)
        ctx.cancel(ctx.submit(book, action.side, action.lots, px, action.tif))
    elif action.what == "take":
        ctx.take(book, action.side, action.lots, px)
    elif action.what == "market":
        ctx.market(book, action.side, action.lots)
    elif action.what in SPECIAL:
        special(ctx, action, book, px)
    elif action.what == "cancel_all":
        ctx.cancel_all(book)
    elif order and action.what == "cancel":
        ctx.cancel(order)
    elif order and action.what == "replace":
        now = ctx.order_px_ticks(order)
        ctx.replace(order, now + action.side * (action.offset % 3 - 1), max(1, action.lots))


def special(ctx, action: Action, book: int, px: int) -> None:
    """Send an order of a type beyond limit and market, sometimes one that makes no sense."""
    side, lots = action.side, action.lots
    far = action.pick - 1
    until = {"expires_ns": ctx.now_ns + 3 * far} if action.delay_ns > 1 else {}
    if action.what == "gtd":
        ctx.submit(book, side, lots, px, action.tif, expires_ns=ctx.now_ns + 5 * far)
    elif action.what == "hidden":
        ctx.submit(book, side, lots, px, action.tif, hidden=True)
    elif action.what == "iceberg":
        ctx.submit(book, side, 2 * lots, px, action.tif, peak_lots=1 + action.pick // 2)
    elif action.what == "stop":
        ctx.stop(book, side, lots, px + side * far // 3, **until)
    elif action.what == "stop_limit":
        ctx.stop(book, side, lots, px + side * far // 3, limit_ticks=px, **until)
    else:
        limit = px if action.pick % 2 else None
        ctx.peg_mid(book, side, lots, limit_ticks=limit, **until)


def random_script(rng: random.Random, steps: int) -> list[Action]:
    """A list of actions near the touch."""
    what = ["submit"] * 8 + ["pair", "take", "market", "cancel", "cancel", "replace", "replace"]
    what += ["cancel_all"] if rng.random() < 0.5 else []
    what += rng.sample(SPECIAL, 2) * 6 if rng.random() < 0.7 else []
    lifetimes = [TimeInForce.GTC] * 5 + [TimeInForce.POST_ONLY] * 3
    lifetimes += [TimeInForce.IOC, TimeInForce.FOK]
    eager = rng.choice([0.0, 0.3, 0.9])
    delays = rng.choice([[1], [1, 2, 5], [3, 20]])
    return [
        Action(
            rng.choice(what),
            rng.randrange(3),
            rng.choice([1, -1]),
            rng.choice([0, 1, 1, 2, 3, 5, 8, 20]),
            rng.choice([-2, -1, 0, 0, 0, 0, 1, 1, 2, 4]),
            int(rng.choice(lifetimes)),
            rng.randrange(8),
            rng.choice(delays),
            rng.random() < eager,
        )
        for _ in range(steps)
    ]


ALL_WAKES = (OnTimer("7ns"), OnTrade(), OnBest(), OnCross(1.0), OnFill(), OnOrder())


def scripted(script: list[Action], wakes=ALL_WAKES) -> Strategy:
    """A strategy instance of a class of its own, so that the engine's copies share the log."""
    handlers = {HANDLERS[type(wake)].__name__: HANDLERS[type(wake)] for wake in wakes}
    own = {"script": script, "log": [], "wakes": wakes}
    return type("ScriptedOnce", (Scripted,), own | handlers)()
