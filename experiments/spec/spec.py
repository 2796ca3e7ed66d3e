"""What a run spec may say.

A spec names a strategy, the tables it is replayed against and the assumptions made. Durations
carry a unit (``"10ms"``), instants are ISO 8601 in UTC unless they name a zone, and the period is
half open: `start` belongs to it, `end` does not.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from experiments.spec.forecast import ForecastSpec
from experiments.spec.risk import RiskSpec
from experiments.spec.sweep import SweepSpec
from experiments.spec.venue import (
    ExchangeModel,
    FeesSpec,
    LatencySpec,
    MarketLevel,
    MarketView,
    QueueSpec,
    SelfTradeRule,
    StoreSpec,
)
from framework.catalog import (
    Duration,
    FinancingEntry,
    FundingTable,
    ImpactEntry,
    Instant,
)

_STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


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
