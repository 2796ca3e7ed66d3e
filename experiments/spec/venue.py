"""What a run spec may say of venues: latency, fees, queues, levels, and the state store."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TypeVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from framework.catalog import (
    Duration,
    ExactDecimal,
    FeeTiers,
    LatencyModelEntry,
    WindowDays,
)
from framework.state.desk.documents import BUCKET_NS
from framework.state.lag import Lag, StoreLink

_T = TypeVar("_T")
_STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


class QueueModel(StrEnum):
    """Whom a shrinking level's cancellations are taken from, when we wait in it.

    ``auto`` and ``l3_exact`` know it where the data names its orders; elsewhere ``auto`` is
    ``risk_averse``.
    """

    AUTO = "auto"
    RISK_AVERSE = "risk_averse"
    POWER = "power"
    POWER2 = "power2"
    POWER3 = "power3"
    LOG = "log"
    LOG2 = "log2"
    L3_EXACT = "l3_exact"


class ExchangeModel(StrEnum):
    """Whether an order can be filled in parts by what is displayed."""

    PARTIAL_FILLS = "partial_fills"
    NO_PARTIAL_FILLS = "no_partial_fills"


class MarketLevel(StrEnum):
    """What the gold table of a planted market shows."""

    ORDERS = "orders"
    DEPTH = "depth"
    QUOTES = "quotes"


class SelfTradeRule(StrEnum):
    """What gives way where two orders of a strategy would trade with each other."""

    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"
    DECREMENT = "decrement"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class LinkSpec:
    """Latencies to one venue; what is left out stays as the catalog has it.

    Parameters
    ----------
    one_way_ns
        Sets all three directions at once.
    feed_ns
        From the venue's market data to us, on top of what the data's two clocks show: data with
        one clock, such as plain quotes, shows nothing. None adds nothing.
    order_entry_ns, response_ns
        From us to the venue, and back: constant, or medians where a model draws them.
    cancel_ns, replace_ns
        Order entry of cancels and replaces, where it is not that of new orders.
    entry_model, response_model
        Where each direction's latencies come from, e.g. ``{kind: log_normal, sigma: 0.5}`` or
        ``{kind: from_data, factor: 1}``.
    """

    one_way_ns: Duration | None = Field(default=None, validation_alias="one_way")
    feed_ns: Duration | None = Field(default=None, validation_alias="feed")
    order_entry_ns: Duration | None = Field(default=None, validation_alias="order_entry")
    cancel_ns: Duration | None = Field(default=None, validation_alias="cancel")
    replace_ns: Duration | None = Field(default=None, validation_alias="replace")
    response_ns: Duration | None = Field(default=None, validation_alias="response")
    entry_model: LatencyModelEntry | None = None
    response_model: LatencyModelEntry | None = None

    @property
    def sets_entry(self) -> bool:
        """True where it says how long new orders take, which cancels and replaces then follow."""
        return self.order_entry_ns is not None or self.one_way_ns is not None


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class LatencySpec(LinkSpec):
    """Latencies to every venue, and exceptions by venue."""

    venues: dict[str, LinkSpec] = field(default_factory=dict)

    def at(self, venue: str) -> LinkSpec:
        """Merge the venue's own words over those for every venue; finer words beat `one_way`."""
        own = self.venues.get(venue, LinkSpec())
        return LinkSpec(
            feed_ns=_first(own.feed_ns, own.one_way_ns, self.feed_ns, self.one_way_ns),
            order_entry_ns=_first(
                own.order_entry_ns, own.one_way_ns, self.order_entry_ns, self.one_way_ns
            ),
            cancel_ns=_first(own.cancel_ns, None if own.sets_entry else self.cancel_ns),
            replace_ns=_first(own.replace_ns, None if own.sets_entry else self.replace_ns),
            response_ns=_first(own.response_ns, own.one_way_ns, self.response_ns, self.one_way_ns),
            entry_model=_first(own.entry_model, self.entry_model),
            response_model=_first(own.response_model, self.response_model),
        )


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class FeeSpec:
    """Fees of one venue; what is left out stays as the catalog has it.

    Parameters
    ----------
    maker_bps, taker_bps
        In basis points of notional; giving one drops the catalog's tiers.
    maker_per_contract, taker_per_contract
        In currency per unit of quantity, on top.
    tiers, window_days
        Other rates from a rolling volume on, and the days that count, today included.
    """

    maker_bps: ExactDecimal | None = None
    taker_bps: ExactDecimal | None = None
    maker_per_contract: ExactDecimal | None = None
    taker_per_contract: ExactDecimal | None = None
    tiers: FeeTiers | None = None
    window_days: WindowDays | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class FeesSpec(FeeSpec):
    """Fees of every venue, and exceptions by venue."""

    venues: dict[str, FeeSpec] = field(default_factory=dict)

    def at(self, venue: str) -> FeeSpec:
        """Merge the venue's own words over those for every venue."""
        own = self.venues.get(venue, FeeSpec())
        return FeeSpec(
            maker_bps=_first(own.maker_bps, self.maker_bps),
            taker_bps=_first(own.taker_bps, self.taker_bps),
            maker_per_contract=_first(own.maker_per_contract, self.maker_per_contract),
            taker_per_contract=_first(own.taker_per_contract, self.taker_per_contract),
            tiers=_first(own.tiers, self.tiers),
            window_days=_first(own.window_days, self.window_days),
        )


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class QueueSpec:
    """How queue position is known or estimated; `power` is the exponent of the power models."""

    model: QueueModel = QueueModel.AUTO
    power: float = Field(default=3.0, gt=0)


class MarketView(StrEnum):
    """What a strategy reads: what reaches us from the venues, or what the state store shows."""

    DIRECT = "direct"
    STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class StoreSpec:
    """Lags of the state store, for strategies that read it.

    Parameters
    ----------
    write_ns
        From issuing a write until it is committed.
    notify_ns
        From a commit until a watcher is told.
    read_ns
        How old the state is that a read returns.
    bucket_ns
        Span of a depth document; 0 writes one after every message.
    write_model, notify_model, read_model
        Where each lag comes from, e.g. ``{kind: log_normal, sigma: 0.5}``; constant where left out.
    """

    write_ns: Duration = Field(default=0, validation_alias="write")
    notify_ns: Duration = Field(default=0, validation_alias="notify")
    read_ns: Duration = Field(default=0, validation_alias="read")
    bucket_ns: Duration = Field(default=BUCKET_NS, validation_alias="bucket")
    write_model: LatencyModelEntry = field(default_factory=LatencyModelEntry)
    notify_model: LatencyModelEntry = field(default_factory=LatencyModelEntry)
    read_model: LatencyModelEntry = field(default_factory=LatencyModelEntry)

    def link(self) -> StoreLink:
        """Return it as the engine knows it."""
        return StoreLink(
            write=Lag(ns=self.write_ns, model=self.write_model.model()),
            notify=Lag(ns=self.notify_ns, model=self.notify_model.model()),
            read=Lag(ns=self.read_ns, model=self.read_model.model()),
        )


def _first(*values: _T | None) -> _T | None:
    return next((value for value in values if value is not None), None)
