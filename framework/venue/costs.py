"""Costs beyond a flat rate: tiers by rolling volume, funding and financing, market impact.

Volume counts by days of UTC: the window is today so far and the days before it. A fill pays the
rate its venue's volume had reached before it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.book.ladder import best_price
from framework.core.costs import DAY_NS, ImpactKind
from framework.core.events import NO_PRICE, F64Array, I64Array, Record
from framework.core.orders import Liquidity
from framework.venue.fees import notional
from framework.venue.journal import blank_row, journal_at
from framework.venue.records import SETTLEMENT_DTYPE, TIER_DTYPE, View
from framework.venue.world import (
    FOREVER,
    W,
    accounts_of,
    feed_of,
    ladders_at_venue,
    streams_of,
)

_MAKER = int(Liquidity.MAKER)
_LINEAR = int(ImpactKind.LINEAR)
_V_TRADE_PX = int(View.TRADE_PX)
PPT_PER_BPS: Final = 100_000_000
"""Funding rates are parts per trillion: one basis point is 1e8 of them."""


@kernel
def _buckets(world: I64Array, k: int, venue: int) -> F64Array:
    """A trial's volume at a venue by day, the last place holding the number of the latest day."""
    n = world[W.VOLUME_DAYS] + 1
    return array_at(world[W.VOLUMES] + 8 * n * (k * world[W.N_VENUES] + venue), n, np.float64)


@kernel
def _turn_to(buckets: F64Array, day: int) -> None:
    """Empty the buckets of the days that have begun since the latest fill."""
    n = buckets.size - 1
    passed = min(day - int(buckets[n]), n)
    for back in range(passed):
        buckets[(day - back) % n] = 0.0
    buckets[n] = float(day)


@kernel
def fee_rate_ppb(world: I64Array, k: int, b: int, ts_ns: int, liquidity: int) -> int:
    """Rate of a fill, by the volume of its venue so far."""
    cold()
    stream = streams_of(world)[b]
    maker, taker = stream.maker_ppb, stream.taker_ppb
    if stream.n_tiers > 0:
        buckets = _buckets(world, k, stream.venue)
        day = ts_ns // DAY_NS
        _turn_to(buckets, day)
        volume = 0.0
        for back in range(stream.window_days):
            volume += buckets[(day - back) % (buckets.size - 1)]
        tiers = array_at(world[W.TIERS], world[W.N_TIERS], TIER_DTYPE)
        for i in range(stream.first_tier, stream.first_tier + stream.n_tiers):
            if volume >= tiers[i].volume:
                maker, taker = tiers[i].maker_ppb, tiers[i].taker_ppb
    return maker if liquidity == _MAKER else taker


@kernel
def count_volume(world: I64Array, k: int, b: int, ts_ns: int, value: int, lots: int) -> None:
    """Add a fill to its venue's volume, where some fee there depends on it."""
    cold()
    stream = streams_of(world)[b]
    if stream.venue < 0:
        return
    buckets = _buckets(world, k, stream.venue)
    day = ts_ns // DAY_NS
    _turn_to(buckets, day)
    traded = value * stream.volume_per_value + lots * stream.volume_per_lot
    buckets[day % (buckets.size - 1)] += traded


@kernel
def impact_ticks(
    world: I64Array, k: int, b: int, ts_ns: int, side: int, px_ticks: int, taken: int, lots: int
) -> int:
    r"""Ticks by which taking ``lots`` after ``taken`` of the same order costs more than displayed.

    Taking :math:`Q` in all moves the price by :math:`I(Q) = c\,p\,(Q / Q_{ref})^{\beta}`, with
    :math:`\beta` 1 or 1/2; the move halves every half-life. A fill pays what stands of earlier
    moves and its own, rounded to a tick and never less than nothing.
    """
    cold()
    stream = streams_of(world)[b]
    account = accounts_of(world, k)[b]
    power = 1.0 if stream.impact_kind == _LINEAR else 0.5
    unit = abs(px_ticks) * stream.impact_ratio
    own = unit * ((taken + lots) / stream.impact_lots) ** power
    own -= unit * (taken / stream.impact_lots) ** power
    age = (ts_ns - account.impact_ns) / stream.impact_half_life_ns
    moved = account.impact * 0.5**age + side * own
    account.impact = moved
    account.impact_ns = ts_ns
    return max(0, math.floor(side * moved + 0.5))


@kernel
def carry_micro(twice_value: int, rate_ppt: int) -> int:
    """Charge on a notional given twice, in millionths of a cash unit, rounded half away from zero.

    >>> carry_micro(2 * 1_000_000, 100_000_000)  # one basis point of a million
    100000000
    """
    size, rate = abs(twice_value), abs(rate_ppt)
    # The millions first: value times rate may pass int64 where the charge does not.
    parts = size // 2_000_000 * rate
    charge = parts + (size % 2_000_000 * rate + 1_000_000) // 2_000_000
    return charge if (twice_value < 0) == (rate_ppt < 0) else -charge


@kernel
def _twice_mark(world: I64Array, b: int) -> int:
    """Twice the mid; of one side, or else of the last known trade, where the book shows no mid."""
    ladders = ladders_at_venue(world)
    bid, ask = best_price(ladders, b, 1), best_price(ladders, b, -1)
    if bid == NO_PRICE:
        bid = ask
    if ask == NO_PRICE:
        ask = bid
    if bid == NO_PRICE:
        bid = ask = feed_of(world, _V_TRADE_PX)[b]
    return 0 if bid == NO_PRICE else bid + ask


@kernel
def _settle_trial(world: I64Array, k: int, due: Record) -> None:
    cold()
    account = accounts_of(world, k)[due.book]
    twice = _twice_mark(world, due.book)
    if account.position == 0 or twice == 0:
        return
    lots = abs(account.position)
    scale = streams_of(world)[due.book].inverse_scale
    # An inverse contract is worth lots · scale / mid, which is twice that over twice the mid.
    value = 2 * notional(2 * scale, twice, lots) if scale else twice * lots
    paid = carry_micro(value, due.long_ppt if account.position > 0 else due.short_ppt)
    account.carry_micro += paid
    row = journal_at(world, blank_row(world, k, due.ts_ns, due.event, due.book))
    row.side = 1 if account.position > 0 else -1
    row.px_ticks = twice // 2
    row.qty_lots = lots
    row.fee_micro = paid


@kernel
def settle(world: I64Array) -> None:
    """Charge every trial's position with the settlement that is due, and schedule the next."""
    cold()
    n = world[W.N_SETTLEMENTS]
    i = world[W.SETTLEMENT]
    due = array_at(world[W.SETTLEMENTS], n, SETTLEMENT_DTYPE)
    for k in range(world[W.N_TRIALS]):
        _settle_trial(world, k, due[i])
    world[W.SETTLEMENT] = i + 1
    world[W.NEXT_SETTLEMENT_NS] = due[i + 1].ts_ns if i + 1 < n else FOREVER
