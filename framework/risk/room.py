"""The risk room's memory: limits as kernels read them, and what each trial has used up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_S
from framework.core.errors import SpecError
from framework.core.events import I64Array
from framework.core.instrument import Instrument
from framework.risk.limits import BookLimits, Protection, RiskLimits
from framework.risk.records import (
    AT_RISK_DTYPE,
    BOOK_LIMITS_DTYPE,
    LIMITS_DTYPE,
    TRIAL_USE_DTYPE,
    USE_DTYPE,
)
from framework.venue.world import FOREVER, W

_INF: Final = float("inf")
_INVERSE_UNITS_PER_COIN: Final = 10**10  # as `framework.engine.money` counts


class RiskRoom:
    """Owns the arrays behind the risk room.

    Parameters
    ----------
    limits
        What is allowed.
    instruments
        By book.
    n_trials, slots
        As of the world.

    Raises
    ------
    SpecError
        Where limits name a book the run does not have, or limits in money meet two currencies.
    """

    def __init__(
        self, limits: RiskLimits, instruments: Sequence[Instrument], n_trials: int, slots: int
    ) -> None:
        _check(limits, instruments)
        n_books = len(instruments)
        books = [limits.of(item.name) for item in instruments]
        self._limits = _limits_record(limits, books)
        self._books = _book_records(limits, books, instruments)
        self._uses = np.zeros(n_trials * n_books, USE_DTYPE)
        self._trials = np.zeros(n_trials, TRIAL_USE_DTYPE)
        self._trials["tokens"] = limits.burst
        self._orders = np.zeros(n_trials * slots, AT_RISK_DTYPE)
        remembered = int(self._limits["remembered"][0])
        self._rings = np.zeros(n_trials * n_books * 2 * remembered, np.int64)

    def publish(self, root: I64Array) -> None:
        """Let the kernels of a world pass all requests through this room."""
        root[W.RISK] = 1
        arrays = {
            W.RISK_LIMITS: self._limits,
            W.RISK_BOOKS: self._books,
            W.RISK_USES: self._uses,
            W.RISK_TRIALS: self._trials,
            W.RISK_ORDERS: self._orders,
            W.RISK_RINGS: self._rings,
        }
        for place, array in arrays.items():
            root[place] = array.ctypes.data

    def stopped(self, trial: int) -> bool:
        """True once a trial has lost what it may."""
        return bool(self._trials["stopped"][trial])


def _check(limits: RiskLimits, instruments: Sequence[Instrument]) -> None:
    names = [item.name for item in instruments]
    for name in limits.books:
        if name not in names:
            raise SpecError(
                f"risk.books names {name}, which is not in this run",
                remedy=f"it has: {', '.join(names)}",
            )
    currencies = {item.currency for item in instruments}
    in_money = [
        name
        for name in ("max_notional", "max_loss", "max_drawdown")
        if getattr(limits, name) is not None
    ]
    if in_money and len(currencies) > 1:
        raise SpecError(
            f"risk.{in_money[0]} needs books of one currency, the run has "
            f"{', '.join(sorted(currencies))}",
            remedy="limit positions in lots, or run the books of one currency",
        )


def _limits_record(limits: RiskLimits, books: Sequence[BookLimits]) -> np.ndarray:
    record = np.zeros(1, LIMITS_DTYPE)
    rate = limits.max_messages_per_s
    record["max_notional"] = _or(limits.max_notional, _INF)
    record["max_open"] = _or(limits.max_open_orders, FOREVER)
    record["rate"] = _INF if rate is None else rate / NS_PER_S
    record["burst"] = limits.burst
    record["max_loss"] = _or(limits.max_loss, _INF)
    record["max_drawdown"] = _or(limits.max_drawdown, _INF)
    record["flattens"] = limits.on_loss == "flatten"
    record["check_ns"] = limits.check_interval_ns
    record["stale_ns"] = _or(limits.stale_after_ns, FOREVER)
    kept = [book.protection.remembered for book in books if book.protection]
    record["remembered"] = max(kept, default=1)
    return record


def _book_records(
    limits: RiskLimits, books: Sequence[BookLimits], instruments: Sequence[Instrument]
) -> np.ndarray:
    records = np.zeros(len(books), BOOK_LIMITS_DTYPE)
    venues = sorted({item.venue for item in instruments})
    assets = sorted({item.asset or item.symbol for item in instruments})
    for record, book, item in zip(records, books, instruments, strict=True):
        asset = item.asset or item.symbol
        step = _common([one.lot for one in instruments if (one.asset or one.symbol) == asset])
        protection = book.protection or Protection(max_fills=1)
        guards = book.protection is not None
        record["max_position"] = _or(book.max_position_lots, FOREVER)
        record["max_order"] = _or(book.max_order_lots, FOREVER)
        record["max_order_notional"] = _or(book.max_order_notional, _INF)
        record["collar"] = _INF if book.collar_bps is None else book.collar_bps / 1e4
        record["max_spread"] = _INF if book.max_spread_pct is None else book.max_spread_pct / 100
        record["max_fills"] = _or(protection.max_fills, FOREVER) if guards else FOREVER
        record["max_lots"] = _or(protection.max_lots, FOREVER) if guards else FOREVER
        record["window_ns"], record["pause_ns"] = protection.window_ns, protection.pause_ns
        record["asset"], record["venue"] = assets.index(asset), venues.index(item.venue)
        record["steps"] = int(Fraction(item.lot) / step)
        net = limits.max_net
        record["max_net"] = FOREVER if net is None else int(Fraction(str(net)) / step)
        _fill_in_money(record, item)
    return records


def _fill_in_money(record: np.ndarray, item: Instrument) -> None:
    """Turn lots and ticks into the instrument's currency, and its flat fees."""
    if item.inverse:
        record["unit"] = 1.0 / _INVERSE_UNITS_PER_COIN
        record["scale"] = float(item.contract_size * item.lot / item.tick * _INVERSE_UNITS_PER_COIN)
    else:
        record["unit"] = float(item.tick * item.lot * item.contract_size)
    record["maker"] = float(item.maker_fee_bps) / 1e4
    record["taker"] = float(item.taker_fee_bps) / 1e4
    record["maker_lot"] = float(item.costs.maker_per_contract * item.lot)
    record["taker_lot"] = float(item.costs.taker_per_contract * item.lot)


def _common(lots: Sequence[Decimal]) -> Fraction:
    """Largest step of which all lots are whole multiples."""
    fractions = [Fraction(lot) for lot in lots]
    bottom = np.lcm.reduce(np.array([f.denominator for f in fractions], object))
    return Fraction(int(np.gcd.reduce([int(f * bottom) for f in fractions])), int(bottom))


def _or(value: float | None, without: float) -> float:
    return without if value is None else value
