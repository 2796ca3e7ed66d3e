"""What a run spec may say.

A spec names a strategy, the tables it is replayed against and the assumptions made. Durations
carry a unit (``"10ms"``), instants are ISO 8601 in UTC unless they name a zone, and the period is
half open: `start` belongs to it, `end` does not.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TypeVar

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from experiments.forecast_spec import ForecastSpec
from experiments.risk_spec import RiskSpec
from experiments.spec_sweep import SweepSpec
from framework.catalog import (
    Duration,
    ExactDecimal,
    FeeTiers,
    FinancingEntry,
    FundingTable,
    ImpactEntry,
    Instant,
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


class JournalKept(StrEnum):
    """Which events of its orders a run keeps."""

    ALL = "all"
    FILLS = "fills"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class DataSpec:
    """One table to replay.

    Parameters
    ----------
    table
        Gold table: ``"demo"`` or ``"gold/demo"``.
    venue, symbols
        Streams to take; all where left out.
    version
        Delta version; the latest where left out, and written down either way.
    """

    table: str
    venue: str | None = None
    symbols: tuple[str, ...] | None = None
    version: int | None = Field(default=None, ge=0)


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


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class TrackingSpec:
    """Where MLflow files the run; the spec's name where `experiment` is left out."""

    experiment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ReportSpec:
    """What the report shows; `max_fills` rows of the table of fills."""

    max_fills: int = Field(default=200, ge=0, le=10_000)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class PlantedSpec:
    """A generated market whose truth is known; written to the lake where it is missing.

    Parameters
    ----------
    minutes, seed, venues
        As ``crossbook planted`` takes them.
    levels
        What gold shows: ``orders``, ``depth`` (table NAME_depth), ``quotes`` (table NAME_quotes).
    """

    minutes: float = Field(gt=0)
    seed: int = 7
    venues: int = Field(default=2, ge=1, le=15)
    levels: tuple[MarketLevel, ...] = (MarketLevel.DEPTH,)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class SignalSpec:
    """A signal table that strategies may read.

    Parameters
    ----------
    table
        Of the silver layer: ``"planted_regimes"`` or ``"silver/planted_regimes"``.
    scope
        What it is about; may be left out where the table has one scope.
    states
        Names of its states in the order of their values; none where it is a number.
    write_ns, notify_ns
        Lags of the state store: from the writer's recorded time until it is committed, and from
        then until we are told.
    version
        Delta version; the latest where left out, and written down either way.
    detect
        A stream, ``TABLE/venue:symbol``, whose regimes `research.regime` detects and writes to the
        table where the lake has none.
    """

    table: str
    scope: str = ""
    states: tuple[str, ...] = ()
    write_ns: Duration = Field(default=0, validation_alias="write")
    notify_ns: Duration = Field(default=0, validation_alias="notify")
    version: int | None = Field(default=None, ge=0)
    detect: str = Field(default="", pattern=r"^([^/]+/[^/:]+:[^/:]+)?$")


class CostSource(StrEnum):
    """Whose orders a cost model is learned from."""

    DESK = "desk"
    BACKTEST = "backtest"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class CostsSpec:
    """Market impact learned from the lake's table of costs, where `impact` names none.

    Parameters
    ----------
    table
        Of the silver layer, as ``crossbook tca --merge`` writes it.
    version
        Delta version; the latest where left out, and written down either way.
    source, regime, strategy
        Whose orders count; all regimes and strategies where left out.
    half_life_ns
        Half of a move is gone after this long; it is assumed, not learned.
    """

    table: str = "execution_costs"
    version: int | None = Field(default=None, ge=0)
    source: CostSource = CostSource.DESK
    regime: str | None = None
    strategy: str | None = None
    half_life_ns: Duration = Field(default=5_000_000_000, validation_alias="half_life", gt=0)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class EpisodesSpec:
    """Hours of the day, UTC, in which crossed episodes are counted: from, until."""

    hours: tuple[int, int] = (0, 24)

    @model_validator(mode="after")
    def _hours_are_a_span(self) -> EpisodesSpec:
        first, last = self.hours
        if not 0 <= first < last <= 24:
            raise ValueError("hours must be two numbers from 0 to 24, the first the smaller")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Spec:
    """One experiment.

    Parameters
    ----------
    name
        Names the output folder and the report.
    strategy
        ``"module:Class"`` or ``"path/to/file.py:Class"``.
    parameters
        The strategy's own.
    data
        What is replayed.
    start_ns, end_ns
        The period, `end` outside; all there is where left out.
    latency, fees
        Overrides of the catalog's values.
    view
        What the strategy reads of the market; what its class declares where left out.
    store
        The lags of the state store, where it is read.
    funding, financing, impact
        By stream (``"venue:symbol"``), instead of the catalog's: a perpetual's funding rates,
        interest on positions, and how our own taking moves the price.
    costs
        Where given, impact is learned from what orders have cost.
    planted
        Generated markets that are written where the lake lacks them, by name.
    signals
        What strategies may read besides the market, by the name they ask for.
    forecasts
        Forecasts they may read, by name: NAME, NAME_low and NAME_high.
    queue, exchange
        How resting orders are filled.
    self_trade
        What gives way where two of the strategy's own orders would trade with each other.
    risk
        What the strategy may do at most; nothing is checked where left out.
    seed
        Of every random draw.
    compiled
        True to compile the strategy: the same journal, and wake-ups that cost nothing.
    journal
        What of its orders' lives the run keeps.
    sample_interval_ns
        Spacing of the equity curve; about 2,000 points where left out.
    vary
        ``{path: values}``: the spec is run once per value (per combination where several).
    episodes
        Where given, crossed episodes are counted too (two venues).
    sweep
        How ``crossbook sweep`` searches; ``crossbook run`` passes over it.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.\-]+$")
    strategy: str
    data: tuple[DataSpec, ...] = Field(min_length=1)
    parameters: dict[str, object] = field(default_factory=dict)
    start_ns: Instant | None = Field(default=None, validation_alias="start")
    end_ns: Instant | None = Field(default=None, validation_alias="end")
    latency: LatencySpec = field(default_factory=LatencySpec)
    fees: FeesSpec = field(default_factory=FeesSpec)
    view: MarketView | None = None
    store: StoreSpec = field(default_factory=StoreSpec)
    funding: dict[str, FundingTable] = field(default_factory=dict)
    financing: dict[str, FinancingEntry] = field(default_factory=dict)
    impact: dict[str, ImpactEntry] = field(default_factory=dict)
    costs: CostsSpec | None = None
    planted: dict[str, PlantedSpec] = field(default_factory=dict)
    signals: dict[str, SignalSpec] = field(default_factory=dict)
    forecasts: dict[str, ForecastSpec] = field(default_factory=dict)
    queue: QueueSpec = field(default_factory=QueueSpec)
    exchange: ExchangeModel = ExchangeModel.PARTIAL_FILLS
    self_trade: SelfTradeRule = SelfTradeRule.CANCEL_NEWEST
    risk: RiskSpec | None = None
    seed: int = Field(default=1, ge=0, lt=2**63)
    compiled: bool = False
    journal: JournalKept = JournalKept.ALL
    sample_interval_ns: Duration | None = Field(
        default=None, validation_alias="sample_interval", gt=0
    )
    tracking: TrackingSpec = field(default_factory=TrackingSpec)
    report: ReportSpec = field(default_factory=ReportSpec)
    vary: dict[str, tuple[object, ...]] = field(default_factory=dict)
    episodes: EpisodesSpec | None = None
    sweep: SweepSpec | None = None

    @model_validator(mode="after")
    def _period_is_not_empty(self) -> Spec:
        if self.start_ns is not None and self.end_ns is not None and self.start_ns >= self.end_ns:
            raise ValueError("end must be later than start")
        return self


def _first(*values: _T | None) -> _T | None:
    return next((value for value in values if value is not None), None)
