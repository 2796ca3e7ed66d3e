"""The catalog file's own shape: instruments and tables as they are written."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from framework.catalog.quantities import Duration, ExactDecimal, PositiveDecimal
from framework.catalog.venue import STRICT, VenueConfig
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


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LatencyOverride:
    """An instrument's own latencies; None takes the venue's."""

    order_entry_ns: Duration | None = Field(default=None, validation_alias="order_entry")
    response_ns: Duration | None = Field(default=None, validation_alias="response")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class InstrumentEntry:
    """One instrument as the catalog writes it; `Instrument` says what the fields mean.

    Parameters
    ----------
    quote_size
        Displayed quantity assumed for quotes without size; a multiple of the lot.
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
    description: str = ""

    def at(self, venue: VenueConfig) -> Instrument:
        """Fill in the venue's defaults."""
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
            order_entry_ns=_first(self.latency.order_entry_ns, venue.latency.order_entry_ns),
            response_ns=_first(self.latency.response_ns, venue.latency.response_ns),
            quote_lots=int(self.quote_size / self.lot),
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
