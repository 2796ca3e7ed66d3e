"""The catalog file's own shape: instruments and tables as they are written."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from framework.catalog.costs import (
    FeeTiers,
    FinancingEntry,
    FundingTable,
    ImpactEntry,
    LatencyModelEntry,
    WindowDays,
)
from framework.catalog.quantities import Duration, ExactDecimal, PositiveDecimal
from framework.catalog.venue import STRICT, VenueConfig
from framework.core.costs import Costs
from framework.core.instrument import Instrument

_T = TypeVar("_T")


class Layer(StrEnum):
    """Refinement of a table: as received, typed, replay-ready; refused rows; reference data."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    QUARANTINE = "quarantine"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FeesOverride:
    """An instrument's own fees; None takes the venue's."""

    maker_bps: ExactDecimal | None = None
    taker_bps: ExactDecimal | None = None
    maker_per_contract: ExactDecimal | None = None
    taker_per_contract: ExactDecimal | None = None
    tiers: FeeTiers | None = None
    window_days: WindowDays | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LatencyOverride:
    """An instrument's own latencies; None takes the venue's."""

    order_entry_ns: Duration | None = Field(default=None, validation_alias="order_entry")
    cancel_ns: Duration | None = Field(default=None, validation_alias="cancel")
    replace_ns: Duration | None = Field(default=None, validation_alias="replace")
    response_ns: Duration | None = Field(default=None, validation_alias="response")
    entry_model: LatencyModelEntry | None = None
    response_model: LatencyModelEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class InstrumentEntry:
    """One instrument as the catalog writes it; `Instrument` says what the fields mean.

    Parameters
    ----------
    quote_size
        Displayed quantity assumed for quotes without size; a multiple of the lot.
    funding
        A perpetual's funding rates.
    financing, impact
        Interest on positions, and how our own taking moves the price; None for none.
    """

    venue: str
    symbol: str
    tick: PositiveDecimal
    lot: PositiveDecimal
    contract_size: PositiveDecimal = Decimal(1)
    inverse: bool = False
    asset: str = ""
    currency: str = ""
    fees: FeesOverride = FeesOverride()
    latency: LatencyOverride = LatencyOverride()
    quote_size: ExactDecimal = Decimal(0)
    funding: FundingTable = ()
    financing: FinancingEntry | None = None
    impact: ImpactEntry | None = None
    description: str = ""

    def at(self, venue: VenueConfig) -> Instrument:
        """Fill in the venue's defaults."""
        own, usual = self.latency, venue.latency
        return Instrument(
            venue=self.venue,
            symbol=self.symbol,
            tick=self.tick,
            lot=self.lot,
            contract_size=self.contract_size,
            inverse=self.inverse,
            asset=self.asset,
            currency=self.currency,
            maker_fee_bps=_first(self.fees.maker_bps, venue.fees.maker_bps),
            taker_fee_bps=_first(self.fees.taker_bps, venue.fees.taker_bps),
            order_entry_ns=_first(own.order_entry_ns, usual.order_entry_ns),
            response_ns=_first(own.response_ns, usual.response_ns),
            quote_lots=int(self.quote_size / self.lot),
            cancel_entry_ns=_first(own.cancel_ns, usual.cancel_ns),
            replace_entry_ns=_first(own.replace_ns, usual.replace_ns),
            entry_model=_first(own.entry_model, usual.entry_model).model(),
            response_model=_first(own.response_model, usual.response_model).model(),
            costs=self._costs(venue),
        )

    def _costs(self, venue: VenueConfig) -> Costs:
        fees, usual = self.fees, venue.fees
        return Costs(
            tiers=tuple(tier.tier() for tier in _first(fees.tiers, usual.tiers)),
            window_days=_first(fees.window_days, usual.window_days),
            maker_per_contract=_first(fees.maker_per_contract, usual.maker_per_contract),
            taker_per_contract=_first(fees.taker_per_contract, usual.taker_per_contract),
            funding=tuple(entry.rate() for entry in self.funding),
            financing=self.financing.terms() if self.financing else None,
            impact=self.impact.impact() if self.impact else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TableConfig:
    """One table.

    Parameters
    ----------
    name
        ``layer/dataset``, e.g. ``"gold/binance_spot"``; the key of its entry.
    location
        Path under the lake's root (left out: its name), or ``s3://…``, ``abfss://…``,
        ``share://…``.
    schema
        Name of the schema it obeys, e.g. ``"depth"`` or ``"gold"``.
    keys
        Columns that identify a row.
    cluster_by, partition_by
        How files are laid out.
    owner, description
        Whom to ask, and what it holds.
    upstream
        Tables it is made from.
    """

    name: str
    location: str
    schema: str
    keys: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    owner: str = ""
    description: str = ""
    upstream: tuple[str, ...] = ()

    @property
    def layer(self) -> Layer:
        """How refined it is."""
        return Layer(self.name.partition("/")[0])

    @field_validator("name")
    @classmethod
    def _name_begins_with_its_layer(cls, name: str) -> str:
        layer, slash, dataset = name.partition("/")
        if layer not in set(Layer) or not slash or not dataset or "/" in dataset:
            raise ValueError(f"a table is named layer/dataset, layer one of {', '.join(Layer)}")
        return name

    @field_validator("location")
    @classmethod
    def _location_is_inside_or_a_uri(cls, location: str) -> str:
        if "://" in location:
            scheme = location.partition("://")[0]
            if scheme not in {"s3", "abfss", "share", "file"}:
                raise ValueError(
                    "must be a path or begin with s3://, abfss://, share:// or file://"
                )
        elif not location or ".." in location.split("/"):
            raise ValueError("must be a path under the lake's root")
        return location


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CatalogFile:
    """The whole of `data_catalog.yaml`."""

    version: int
    venues: dict[str, VenueConfig] = Field(default_factory=dict)
    instruments: tuple[InstrumentEntry, ...] = ()
    tables: dict[str, TableConfig] = Field(default_factory=dict)

    @field_validator("version")
    @classmethod
    def _version_is_known(cls, version: int) -> int:
        if version != 1:
            raise ValueError("this release reads catalogs of version 1")
        return version


def _first(own: _T | None, default: _T) -> _T:
    return default if own is None else own
