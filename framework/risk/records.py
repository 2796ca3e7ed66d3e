"""The risk room's memory: limits of the run and of each book, and what each trial has used up."""

from __future__ import annotations

from typing import Final

import numpy as np

from framework._jit import array_at, kernel
from framework.core.events import I64Array, Record, Records
from framework.venue.records import record_of
from framework.venue.world import W

_I, _F = np.int64, np.float64


LIMITS_DTYPE: Final = record_of(
    max_notional=_F,
    max_open=_I,
    rate=_F,
    burst=_F,
    max_loss=_F,
    max_drawdown=_F,
    flattens=_I,
    check_ns=_I,
    stale_ns=_I,
    remembered=_I,
)
"""Limits of a trial; what is not limited is inf or `FOREVER`. ``rate`` is messages a nanosecond."""

BOOK_LIMITS_DTYPE: Final = record_of(
    max_position=_I,
    max_order=_I,
    max_order_notional=_F,
    collar=_F,
    max_spread=_F,
    max_fills=_I,
    max_lots=_I,
    window_ns=_I,
    pause_ns=_I,
    asset=_I,
    steps=_I,
    max_net=_I,
    venue=_I,
    unit=_F,
    scale=_F,
    maker=_F,
    taker=_F,
    maker_lot=_F,
    taker_lot=_F,
)
"""Limits of a book. ``collar`` is a share of the mid, ``max_spread`` as well; ``steps`` turns its
lots into steps common to its asset; ``venue`` numbers venues. ``unit`` is the worth of a cash unit,
``scale`` that of inverse contracts (0: linear); ``maker`` and ``taker`` are rates, with what a lot
costs on top."""

USE_DTYPE: Final = record_of(
    buys=_I,
    sells=_I,
    quoted=_I,
    n_orders=_I,
    cash=_F,
    fees=_F,
    mark=_F,
    paused_ns=_I,
    head=_I,
    n_fills=_I,
    filled=_I,
)
"""What a trial has used of a book's limits. ``buys`` and ``sells`` are lots that may still be
filled, as far as we can know; ``quoted`` those of orders that may rest. ``cash``, ``fees`` and
``mark`` are of the fills we have heard of and the last known mid. ``paused_ns`` is when protection
lets quotes pass again; ``n_fills`` and ``filled`` count what stands in its ring from ``head``."""

TRIAL_USE_DTYPE: Final = record_of(n_orders=_I, tokens=_F, tokens_ns=_I, peak=_F, stopped=_I)
"""What a trial has used of the limits it has as a whole; ``stopped`` is the reason, 0 while it may
go on."""

AT_RISK_DTYPE: Final = record_of(
    id=_I, lots=_I, base=_I, replacing=_I, n_replacing=_I, told=_I, is_quote=_I, over=_I
)
"""What the order `id` may still be filled with. ``base`` is what was left of it at the latest news,
``replacing`` what replaces on their way may set anew, ``told`` how many of the venue's messages
about it we have heard."""


@kernel
def limits_of(world: I64Array) -> Record:
    """Record of `LIMITS_DTYPE`."""
    return array_at(world[W.RISK_LIMITS], 1, LIMITS_DTYPE)[0]


@kernel
def book_limits_of(world: I64Array) -> Records:
    """Records of `BOOK_LIMITS_DTYPE`, one a book."""
    return array_at(world[W.RISK_BOOKS], world[W.N_BOOKS], BOOK_LIMITS_DTYPE)


@kernel
def uses_of(world: I64Array, k: int) -> Records:
    """A trial's records of `USE_DTYPE`, one a book."""
    n = world[W.N_BOOKS]
    return array_at(world[W.RISK_USES] + k * n * _USE_BYTES, n, USE_DTYPE)


@kernel
def trial_use_of(world: I64Array, k: int) -> Record:
    """A trial's record of `TRIAL_USE_DTYPE`."""
    return array_at(world[W.RISK_TRIALS], world[W.N_TRIALS], TRIAL_USE_DTYPE)[k]


@kernel
def at_risk_of(world: I64Array, k: int) -> Records:
    """A trial's records of `AT_RISK_DTYPE`, by the slots of its orders."""
    n = world[W.SLOTS]
    return array_at(world[W.RISK_ORDERS] + k * n * _AT_RISK_BYTES, n, AT_RISK_DTYPE)


@kernel
def ring_of(world: I64Array, k: int, b: int) -> I64Array:
    """Times and lots of a book's latest fills of quotes, in pairs, in a ring."""
    n = 2 * limits_of(world).remembered
    return array_at(world[W.RISK_RINGS] + 8 * n * (k * world[W.N_BOOKS] + b), n, np.int64)


_USE_BYTES: Final = USE_DTYPE.itemsize
_AT_RISK_BYTES: Final = AT_RISK_DTYPE.itemsize
