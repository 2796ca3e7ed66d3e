"""Before an order: what it should cost, what it would cost now, and how to spread it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.core.events import I64Array
from research.tca.book_now import BookNow, Sweep, sweep
from research.tca.readings import MINUTE_NS
from research.tca.schedules import AlmgrenChriss, ObizhaevaWang, whole_lots


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to spread an order.

    Parameters
    ----------
    every_ns
        Time from one slice to the next.
    almgren_chriss, obizhaeva_wang, even
        Lots of each slice.
    kappa_horizon
        Urgency times horizon: 0 is even, above 3 most is traded early.
    cost_bps, risk_bps
        Expected cost and its standard deviation of the Almgren–Chriss schedule.
    even_cost_bps, even_risk_bps
        The same of trading evenly.
    """

    every_ns: int
    almgren_chriss: I64Array
    obizhaeva_wang: I64Array
    even: I64Array
    kappa_horizon: float
    cost_bps: float
    risk_bps: float
    even_cost_bps: float
    even_risk_bps: float


def rank_venues(
    books: Sequence[BookNow], side: int, quantity: float
) -> list[tuple[BookNow, Sweep]]:
    """List books by what sweeping them costs, those that hold the whole quantity first."""
    swept = [(book, sweep(book, side, _lots(book, quantity))) for book in books]

    def order(one: tuple[BookNow, Sweep]) -> tuple[bool, float]:
        book, found = one
        is_short = found.taken_lots < _lots(book, quantity)
        return is_short, math.inf if found.cost_bps is None else found.cost_bps

    return sorted(swept, key=order)


def spread_order(
    book: BookNow,
    side: int,
    quantity: float,
    *,
    horizon_ns: int,
    slices: int,
    volatility_bps: float,
    risk_aversion: float,
    half_life_ns: int,
) -> Plan:
    r"""Spread an order over a horizon.

    Prices are counted in basis points of the mid and quantities in lots, time in seconds.
    Temporary impact is the slope of the book now: what sweeping a slice costs beyond the half
    spread, per lot. Permanent impact is taken to be none.

    Parameters
    ----------
    volatility_bps
        Of one minute.
    risk_aversion
        Basis points of cost given for one of standard deviation's square, per order.
    half_life_ns
        In which half of what was taken comes back, for Obizhaeva–Wang.

    Raises
    ------
    DataError
        Where the book has no mid, or nothing to take.
    """
    mid, lots = book.mid_hticks, _lots(book, quantity)
    if not mid or lots < 1:
        raise DataError(
            f"{book.instrument.name} must show a bid and an ask and the order be a lot at least, "
            f"it shows {len(book.bids)} bids and {len(book.asks)} asks, the order is {lots} lots",
            remedy="choose another instant with --at, another venue, or a larger quantity",
        )
    slices = min(slices, lots)
    seconds = horizon_ns / NS_PER_S
    half_spread = (book.asks[0][0] - book.bids[0][0]) / mid * 10_000
    slope = _slope(book, side, max(1, lots // slices), half_spread)
    model = AlmgrenChriss(
        quantity=float(lots),
        horizon=seconds,
        intervals=slices,
        volatility=volatility_bps / math.sqrt(MINUTE_NS / NS_PER_S),
        permanent=0.0,
        temporary=slope * seconds / slices,
        half_spread=half_spread,
    )
    resilience = math.log(2.0) / (half_life_ns / NS_PER_S)
    refill = ObizhaevaWang(quantity=float(lots), horizon=seconds, resilience=resilience)
    # Cost and variance are sums over lots; the order's share of each is told per lot.
    best = model.schedule(risk_aversion / lots)
    even = model.schedule(0.0)
    return Plan(
        every_ns=horizon_ns // slices,
        almgren_chriss=whole_lots(best, lots),
        obizhaeva_wang=whole_lots(refill.schedule(slices), lots),
        even=whole_lots(even, lots),
        kappa_horizon=model.kappa(risk_aversion / lots) * seconds,
        cost_bps=model.expected_cost(best) / lots,
        risk_bps=math.sqrt(model.variance(best)) / lots,
        even_cost_bps=model.expected_cost(even) / lots,
        even_risk_bps=math.sqrt(model.variance(even)) / lots,
    )


def _lots(book: BookNow, quantity: float) -> int:
    return round(quantity / float(book.instrument.lot))


def _slope(book: BookNow, side: int, lots: int, half_spread: float) -> float:
    """Cost beyond the half spread of sweeping a slice, per lot of it, in basis points.

    A slice that the touch holds costs nothing beyond: then twice the touch's slope to the next
    level is what the next lots would pay.
    """
    levels = book.asks if side > 0 else book.bids
    for size in (lots, 2 * sum(q for _, q in levels[:1])):
        found = sweep(book, side, max(1, size))
        if found.cost_bps is not None and found.cost_bps > half_spread + 1e-9:
            return (found.cost_bps - half_spread) / max(1, found.taken_lots)
    tick_bps = 2 * 10_000 / (book.mid_hticks or 1)
    return tick_bps / max(1, sum(q for _, q in levels[:1]))
