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

    def fill(self, item: Instrument, side: int, px: int, lots: int, fee_bps: object) -> int:
        """Move cash and position; returns the fee in millionths of a cash unit."""
        value = px * lots
        if item.inverse:
            coins = Fraction(lots) * Fraction(item.lot) * Fraction(item.contract_size)
            coins /= px * Fraction(item.tick)
            value = math.floor(coins * UNITS_PER_COIN + Fraction(1, 2))
        exact = value * Fraction(str(fee_bps)) / 10_000 * 1_000_000
        fee = math.floor(abs(exact) + Fraction(1, 2)) * (1 if exact > 0 else -1)
        self.position += side * lots
        self.cash += side * value if item.inverse else -side * value
        self.fee_micro += fee
        return fee
