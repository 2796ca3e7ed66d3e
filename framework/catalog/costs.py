"""How a catalog or spec writes latency models, fee tiers, funding, financing and impact."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.dataclasses import dataclass

from framework.catalog.quantities import Duration, ExactDecimal, PositiveDecimal
from framework.core.clock import instant_ns
from framework.core.costs import (
    DAY_NS,
    Costs,
    FeeTier,
    Financing,
    FundingRate,
    Impact,
    ImpactKind,
)
from framework.core.errors import SpecError
from framework.core.links import LatencyKind, LatencyModel

_STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


def _instant(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('an instant is written like "2014-05-01" or "2014-05-01T07:00"')
    try:
        return instant_ns(value)
    except SpecError as cause:
        raise ValueError(cause.message) from cause


Instant = Annotated[int, BeforeValidator(_instant), WithJsonSchema({"type": "string"})]
"""Nanoseconds since the epoch, written as an ISO 8601 date or time."""


class LatencyKindName(StrEnum):
    """Where a message's latency comes from; see `LatencyKind`."""

    CONSTANT = "constant"
    LOG_NORMAL = "log_normal"
    FROM_DATA = "from_data"


class ImpactName(StrEnum):
    """How the price moves with the quantity taken."""

    LINEAR = "linear"
    SQUARE_ROOT = "square_root"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class LatencyModelEntry:
    """One direction's model, e.g. ``{kind: log_normal, sigma: 0.5}``; see `LatencyModel`."""

    kind: LatencyKindName = LatencyKindName.CONSTANT
    sigma: float = Field(default=0.0, ge=0, le=3)
    factor: float = Field(default=1.0, ge=0, le=1e6)

    def model(self) -> LatencyModel:
        """Return it as the engine knows it."""
        kind = LatencyKind[self.kind.name]
        return LatencyModel(kind=kind, sigma=self.sigma, factor=self.factor)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class FeeTierEntry:
    """Rates from a rolling volume on, e.g. ``{volume: 15000000, maker_bps: 1.6, taker_bps: 4}``."""

    volume: Annotated[ExactDecimal, Field(ge=0)]
    maker_bps: ExactDecimal
    taker_bps: ExactDecimal

    def tier(self) -> FeeTier:
        """Return it as the engine knows it."""
        return FeeTier(volume=self.volume, maker_bps=self.maker_bps, taker_bps=self.taker_bps)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class FundingEntry:
    """One funding, e.g. ``{ts: 2024-08-08T08:00, rate_bps: 1}``."""

    ts_ns: Instant = Field(validation_alias="ts")
    rate_bps: ExactDecimal

    def rate(self) -> FundingRate:
        """Return it as the engine knows it."""
        return FundingRate(ts_ns=self.ts_ns, rate_bps=self.rate_bps)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class FinancingEntry:
    """Interest a year, e.g. ``{long_bps: 500, short_bps: 25, every: 1d}``; see `Financing`."""

    long_bps: ExactDecimal = Decimal(0)
    short_bps: ExactDecimal = Decimal(0)
    every_ns: Duration = Field(default=DAY_NS, validation_alias="every", ge=10**9)

    def terms(self) -> Financing:
        """Return it as the engine knows it."""
        return Financing(long_bps=self.long_bps, short_bps=self.short_bps, every_ns=self.every_ns)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ImpactEntry:
    """Own impact, e.g. ``{model: linear, coefficient_bps: 2, reference_quantity: 1, …}``."""

    model: ImpactName
    coefficient_bps: Annotated[ExactDecimal, Field(ge=0)]
    reference_quantity: PositiveDecimal
    half_life_ns: Duration = Field(validation_alias="half_life", gt=0)

    def impact(self) -> Impact:
        """Return it as the engine knows it."""
        return Impact(
            kind=ImpactKind[self.model.name],
            coefficient_bps=self.coefficient_bps,
            reference_quantity=self.reference_quantity,
            half_life_ns=self.half_life_ns,
        )


def _checked(build: Callable[[], object]) -> None:
    try:
        build()
    except SpecError as cause:
        raise ValueError(cause.message) from cause


def _rising_tiers(entries: tuple[FeeTierEntry, ...]) -> tuple[FeeTierEntry, ...]:
    _checked(lambda: Costs(tiers=tuple(entry.tier() for entry in entries)))
    return entries


def _rising_funding(entries: tuple[FundingEntry, ...]) -> tuple[FundingEntry, ...]:
    _checked(lambda: Costs(funding=tuple(entry.rate() for entry in entries)))
    return entries


FeeTiers = Annotated[tuple[FeeTierEntry, ...], AfterValidator(_rising_tiers)]
"""Tiers, the lowest volume first."""

FundingTable = Annotated[tuple[FundingEntry, ...], AfterValidator(_rising_funding)]
"""Funding in order of time."""

WindowDays = Annotated[int, Field(ge=1, le=366)]
"""Days of volume that decide a fee tier."""
