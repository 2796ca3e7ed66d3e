"""What trading costs beyond a flat rate: tiers, fees per contract, funding, financing, impact."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final

from framework.core.clock import NS_PER_S
from framework.core.errors import SpecError

DAY_NS: Final = 86_400 * NS_PER_S
YEAR_NS: Final = 365 * DAY_NS
"""A year of financing has 365 days of interest (Actual/365 Fixed)."""


class ImpactKind(IntEnum):
    """How the price moves with the quantity taken."""

    NONE = 0
    LINEAR = 1
    SQUARE_ROOT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTier:
    """Rates from a traded volume on.

    Parameters
    ----------
    volume
        Own traded notional at the venue over the window, in quote currency, from which it applies.
    maker_bps, taker_bps
        Fees in basis points of notional; negative is a rebate.
    """

    volume: Decimal
    maker_bps: Decimal
    taker_bps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRate:
    """One funding of a perpetual: longs pay `rate_bps` of notional to shorts at `ts_ns`."""

    ts_ns: int
    rate_bps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Financing:
    """Interest on open positions.

    Parameters
    ----------
    long_bps, short_bps
        What a long and a short position pay a year, in basis points of notional; negative is
        received.
    every_ns
        Positions are charged at every multiple of this span, for one span.
    """

    long_bps: Decimal = Decimal(0)
    short_bps: Decimal = Decimal(0)
    every_ns: int = DAY_NS

    def __post_init__(self) -> None:
        if self.every_ns < NS_PER_S:
            raise SpecError(
                f"financing must settle at most once a second, got every {self.every_ns} ns",
                remedy='write for example every: "1d"',
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """How our own taking moves the price against us.

    Parameters
    ----------
    kind
        Linear or square root.
    coefficient_bps
        How far taking `reference_quantity` moves the price.
    reference_quantity
        In the venue's unit of quantity.
    half_life_ns
        Half of the move is gone after this long.
    """

    kind: ImpactKind
    coefficient_bps: Decimal
    reference_quantity: Decimal
    half_life_ns: int

    def __post_init__(self) -> None:
        positive = self.reference_quantity > 0 and self.half_life_ns > 0
        if self.coefficient_bps < 0 or not positive:
            raise SpecError(
                "impact needs a coefficient of 0 or more, a positive reference quantity and a "
                f"positive half-life, got {self.coefficient_bps}, {self.reference_quantity}, "
                f"{self.half_life_ns} ns",
                remedy="write for example coefficient_bps: 2, reference_quantity: 1, half_life: 5s",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Costs of one instrument beyond its flat maker and taker rates.

    Parameters
    ----------
    tiers
        Rates by rolling volume, the lowest volume first; below it the flat rates hold.
    window_days
        Days (UTC) of volume that count, today included.
    maker_per_contract, taker_per_contract
        Fee per unit of quantity (a share, a contract) in currency, on top of the rate.
    funding
        In order of time.
    financing, impact
        None where there is none.
    """

    tiers: tuple[FeeTier, ...] = ()
    window_days: int = 30
    maker_per_contract: Decimal = Decimal(0)
    taker_per_contract: Decimal = Decimal(0)
    funding: tuple[FundingRate, ...] = ()
    financing: Financing | None = None
    impact: Impact | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.window_days <= 366:
            raise SpecError(
                f"a fee window must be 1 to 366 days, got {self.window_days}",
                remedy="write for example window_days: 30",
            )
        _check_rising("fee tiers must rise in volume", [tier.volume for tier in self.tiers])
        _check_rising("funding must rise in time", [rate.ts_ns for rate in self.funding])


def _check_rising(what: str, values: Sequence[Decimal | int]) -> None:
    for one, following in itertools.pairwise(values):
        if following <= one:
            raise SpecError(
                f"{what}, but {following} comes after {one}",
                remedy="sort the list and name each place once",
            )
