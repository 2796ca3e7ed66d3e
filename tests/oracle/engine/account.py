"""What a fill costs, in exact fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from framework.core.instrument import Instrument

UNITS_PER_COIN = 10**10


@dataclass
class Account:
    position: int = 0
    cash: int = 0
    fee_micro: int = 0
    known_position: int = 0
    carry_micro: int = 0
    traded: Fraction = Fraction(0)
    """Volume in quote currency."""

    def fill(
        self, item: Instrument, side: int, px: int, lots: int, maker: bool, volume: Fraction
    ) -> int:
        """Move cash and position; returns the fee in millionths of a cash unit."""
        value = px * lots
        if item.inverse:
            coins = _contracts(item, lots) / (px * Fraction(item.tick))
            value = math.floor(coins * UNITS_PER_COIN + Fraction(1, 2))
        exact = value * Fraction(str(_rate(item, maker, volume))) / 10_000 * 1_000_000
        fee = _rounded(exact) + lots * _per_lot(item, maker)
        self.traded += _contracts(item, lots) * (1 if item.inverse else px * Fraction(item.tick))
        self.position += side * lots
        self.cash += side * value if item.inverse else -side * value
        self.fee_micro += fee
        return fee

    def charge(self, item: Instrument, twice_mark: int, rate: Fraction) -> int:
        """Charge the position with a rate on its notional; returns what was paid."""
        lots = abs(self.position)
        value = Fraction(lots * twice_mark, 2)
        if item.inverse:
            coins = _contracts(item, lots) / (Fraction(twice_mark, 2) * Fraction(item.tick))
            value = Fraction(math.floor(coins * UNITS_PER_COIN + Fraction(1, 2)))
        paid = _rounded(value * rate * 1_000_000)
        self.carry_micro += paid
        return paid


def _contracts(item: Instrument, lots: int) -> Fraction:
    return Fraction(lots) * Fraction(item.lot) * Fraction(item.contract_size)


def _rounded(exact: Fraction) -> int:
    return math.floor(abs(exact) + Fraction(1, 2)) * (1 if exact > 0 else -1)


def _rate(item: Instrument, maker: bool, volume: Fraction) -> object:
    bps = item.maker_fee_bps if maker else item.taker_fee_bps
    for tier in item.costs.tiers:
        if volume >= Fraction(tier.volume):
            bps = tier.maker_bps if maker else tier.taker_bps
    return bps


def _per_lot(item: Instrument, maker: bool) -> int:
    costs = item.costs
    fee = Fraction(costs.maker_per_contract if maker else costs.taker_per_contract)
    unit = Fraction(1, UNITS_PER_COIN)
    if not item.inverse:
        unit = Fraction(item.tick) * Fraction(item.lot) * Fraction(item.contract_size)
    return round(fee * Fraction(item.lot) / unit * 1_000_000)
