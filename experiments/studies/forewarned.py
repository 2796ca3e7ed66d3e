"""What a forecast spares a quoting strategy: guarded and unguarded twins at equal spread captured.

Three sets of planted markets with seeds of their own: a model learns from the first; on the second,
which it has not seen, the guard is chosen and its unguarded twin is set to capture as much; on the
third both are compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from experiments.studies.defence import SETTINGS, PlantedRun, pairs, share_interval
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.features import BARS_TO_BEGIN
from framework.signals import HeldSignal, held_forecasts
from framework.state.lag import Lag
from framework.synthetic.planted import (
    Deriver,
    Level,
    NewsModel,
    PlantedMarket,
    PlantedModel,
    planted_instruments,
)
from research.volatility import (
    BarSettings,
    ForecastOrigin,
    forecast_frame,
    quotes_of,
    read_quotes,
    volatility_table,
)
from research.volatility.models import KINDS, VolatilityModel
from strategies.forecast_guard import SIGNAL
from strategies.midpoint_quoting import MidpointQuoting

HORIZON_NS: Final = 5 * NS_PER_S
LATENCY_NS: Final = 20 * NS_PER_MS
"""What a model takes for a forecast: twice what `measured_latency_ns` found of XGBoost on two busy
cores; a transformer took ten times as much."""
MINUTES: Final = 15.0
FORECAST_VOLATILITY_TICKS: Final = 1.0
HEAT_VARIANCE: Final = 12.0
"""By how much news heat variance: three times the planted market's own."""
REFERENCES: Final = ("persistence", "har")
"""Models that quotes are guarded by beside the one in question: the latest bar's volatility and the
heterogeneous autoregression, each by the guard it does best with."""
LEARN_TIMES: Final = 4.0
"""How many times as long the markets are that models learn from."""
LEARN_SEED: Final = 2_000
TUNE_SEED: Final = 1_000

HALF_SPREADS: Final = tuple(round(0.5 + 0.125 * n, 3) for n in range(25))
"""Half-spreads in ticks that the unguarded twin may have."""
GUARDS: Final = tuple(
    {"half_spread_ticks": half, "forecast_calm_bps": calm, "forecast_widen": widen}
    for half in (0.5, 0.75, 1.0)
    for calm in (2.0, 4.0, 8.0)
    for widen in (0.03, 0.06, 0.12, 0.2)
)
"""Guards to choose from: the half-spread in calm, what is calm, and how far to step back."""

UNGUARDED: Final = "unguarded"

Setting = Mapping[str, float]
Models = Mapping[str, VolatilityModel]
Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Forewarned:
    """How guarded and unguarded twins fared on markets that nothing was chosen on.

    Attributes
    ----------
    markets
        As `Defence.markets` of `experiments.studies.defence`; twins are ``unguarded`` and the
        models' names.
    guards, half_spread_ticks
        Guard chosen for each model, and half-spread of the unguarded twin.
    intervals
        By twin: interval of 95 % of the difference of adverse selection per spread captured, that
        twin's less the one's guarded by the model in question.
    coverage
        By model: share of outcomes within its 90 % interval.
    """

    markets: pl.DataFrame
    guards: Mapping[str, Setting]
    half_spread_ticks: float
    intervals: Mapping[str, tuple[float, float]]
    coverage: Mapping[str, float]

    def won(self, one: str, other: str) -> int:
        """Count the markets in which a twin loses less per captured than another."""
        both = (one, other)
        adverse = pairs(self.markets, both, "adverse")
        captured = pairs(self.markets, both, "captured")
        share = adverse / captured
        return int((share[:, 0] < share[:, 1]).sum())

    def sums(self) -> pl.DataFrame:
        """Add all markets up, a row a twin, with adverse selection per captured."""
        sums = self.markets.group_by("twin", maintain_order=True).sum().drop("seed")
        return sums.with_columns(share=pl.col("adverse") / pl.col("captured"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """The markets compared on: span, volatility at the median in ticks, what news heat; and what a
    model takes for a forecast.
    """

    minutes: float = MINUTES
    volatility_ticks: float = FORECAST_VOLATILITY_TICKS
    heat_variance: float = HEAT_VARIANCE
    latency_ns: int = LATENCY_NS

    def market(self, seed: int) -> PlantedMarket:
        """Make a market."""
        model = PlantedModel(
            volatility_ticks=self.volatility_ticks,
            news=NewsModel(heat_variance=self.heat_variance),
        )
        return PlantedMarket(self.minutes, seed, instruments=planted_instruments(1), model=model)


def compare_forecasts(
    seeds: int,
    *,
    kind: str = "xgboost",
    learn: int = 12,
    tune: int = 10,
    settings: MarketSettings | None = None,
    on_market: Callable[[str, int], None] | None = None,
) -> Forewarned:
    """Learn, choose and compare, each on markets of its own.

    Parameters
    ----------
    seeds, learn, tune
        Markets to compare on (from seed 0 on), to learn from and to choose on.
    kind
        Model of the forecasts; `REFERENCES` stand beside it.
    settings
        Of the markets.
    on_market
        Called with what for and how many markets are done.
    """
    settings = settings or MarketSettings()
    tell = on_market or (lambda what, done: None)
    kinds = tuple(dict.fromkeys((*REFERENCES, kind)))
    models = _learnt(settings, kinds, learn, tell)
    guards, half_spread = _chosen(settings, models, kind, tune, tell)
    unguarded = _quoting({"half_spread_ticks": half_spread})
    rows: list[dict[str, object]] = []
    hits: dict[str, list[float]] = {name: [] for name in models}
    for done, run in enumerate(_runs(settings, range(seeds)), start=1):
        rows += run.quoting.costs({UNGUARDED: unguarded})
        for name, model in models.items():
            signals, coverage = run.forecasts(model)
            rows += run.quoting.costs({name: _quoting(guards[name])}, signals)
            hits[name].append(coverage)
        tell("compared on", done)
    markets = pl.DataFrame(rows)
    intervals = {
        one: share_interval(
            pairs(markets, (one, kind), "adverse"), pairs(markets, (one, kind), "captured")
        )
        for one in (UNGUARDED, *kinds)
        if one != kind
    }
    coverage_of = {name: float(np.mean(shares)) for name, shares in hits.items()}
    return Forewarned(markets, guards, half_spread, intervals, coverage_of)


class _Run:
    """One market: what quoting costs in it, and what models say of it."""

    def __init__(self, folder: Path, market: PlantedMarket, latency_ns: int) -> None:
        # Nobody quotes before the first forecast is there.
        start_ns = market.model.start_ns + (BARS_TO_BEGIN + 1) * HORIZON_NS
        self.latency_ns = latency_ns
        self.quoting = PlantedRun(folder, market, start_ns + latency_ns)
        self.table = _measured(read_quotes(self.quoting.stream), market)

    def forecasts(self, model: VolatilityModel) -> tuple[tuple[HeldSignal, ...], float]:
        """Let a model forecast; its signals, and what its interval covered."""
        origin = ForecastOrigin(model=model.kind, version=0, learnt_until_ns=None)
        stream = self.quoting.stream
        made = forecast_frame(
            model,
            self.table,
            origin,
            source=(stream.table, stream.instrument.name),
            horizon_ns=HORIZON_NS,
            latency=Lag(ns=self.latency_ns),
        )
        return held_forecasts(SIGNAL, made.rows), made.coverage


def _runs(settings: MarketSettings, seeds: Sequence[int]) -> Iterator[_Run]:
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="crossbook") as folder:
            yield _Run(Path(folder), settings.market(seed), settings.latency_ns)


def _learnt(settings: MarketSettings, kinds: Sequence[str], markets: int, tell: Tell) -> Models:
    """Fit a model of each kind on markets of its own."""
    tables = []
    longer = replace(settings, minutes=LEARN_TIMES * settings.minutes)
    for done in range(1, markets + 1):
        tables.append(_table(longer.market(LEARN_SEED + done)))
        tell("learnt from", done)
    models = {kind: KINDS[kind]() for kind in kinds}
    for model in models.values():
        model.fit(pl.concat(tables))
    return models


def _table(market: PlantedMarket) -> pl.DataFrame:
    """Measure a market's bars without storing it."""
    (name,) = market.streams()
    derive = Deriver(Level.QUOTES)
    gold = (derive(piece.gold[name]) for piece in market)
    return _measured(quotes_of(gold), market)


def _measured(quotes: pl.DataFrame, market: PlantedMarket) -> pl.DataFrame:
    news = market.news.frame(market.instruments[0].symbol)
    return volatility_table(quotes, BarSettings(horizon_ns=HORIZON_NS), news=news)


def _chosen(
    settings: MarketSettings, models: Models, kind: str, markets: int, tell: Tell
) -> tuple[dict[str, Setting], float]:
    """Choose each model's guard, and the half-spread of the twin without one."""
    plain = {str(half): _quoting({"half_spread_ticks": half}) for half in HALF_SPREADS}
    guarded = {str(place): _quoting(guard) for place, guard in enumerate(GUARDS)}
    without: list[dict[str, object]] = []
    with_guard: dict[str, list[dict[str, object]]] = {name: [] for name in models}
    for done, run in enumerate(_runs(settings, range(TUNE_SEED, TUNE_SEED + markets)), start=1):
        without += run.quoting.costs(plain)
        for name, model in models.items():
            with_guard[name] += run.quoting.costs(guarded, run.forecasts(model)[0])
        tell("chosen on", done)
    place, half = choose(_summed(without), _summed(with_guard[kind]))
    captured = float(_summed(with_guard[kind]).filter(twin=place)["captured"][0])
    places = {name: cheapest(_summed(rows), captured)[0] for name, rows in with_guard.items()}
    places[kind] = place
    return {name: GUARDS[int(found)] for name, found in places.items()}, float(half)


def choose(plain: pl.DataFrame, guarded: pl.DataFrame) -> tuple[str, str]:
    """Choose the guard that saves most against the twin that captures as much.

    Parameters
    ----------
    plain, guarded
        ``twin``, ``captured`` and ``adverse``, a row a setting.

    Returns
    -------
    The guard and its twin, by name.

    Examples
    --------
    Both guards have a twin that captures as much: 5 less lost at 100, or 15 less at 90.

    >>> plain = pl.DataFrame({"twin": ["a", "b"], "captured": [100, 90], "adverse": [50, 40]})
    >>> guards = pl.DataFrame({"twin": ["0", "1"], "captured": [100, 90], "adverse": [45, 25]})
    >>> choose(plain, guards)
    ('1', 'b')
    """
    saved: list[tuple[float, str, str]] = []
    for name, captured, adverse in guarded.select("twin", "captured", "adverse").iter_rows():
        twin, twin_captured, twin_adverse = cheapest(plain, captured)
        saved.append((twin_adverse / twin_captured * captured - adverse, name, twin))
    _, guard, twin = max(saved)
    return guard, twin


def cheapest(settings: pl.DataFrame, captured: float) -> tuple[str, float, float]:
    """Find the setting with the least adverse selection of those that capture so much.

    Where none captures so much, the one that captures most is it.

    Returns
    -------
    Its name, and what it captures and loses.
    """
    most = float(settings.select(pl.col("captured").max()).item())
    enough = settings.filter(pl.col("captured") >= min(captured, most)).sort("adverse")
    name, own_captured, adverse = enough.select("twin", "captured", "adverse").row(0)
    return str(name), float(own_captured), float(adverse)


def _summed(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows).group_by("twin", maintain_order=True).sum()


def _quoting(setting: Setting) -> MidpointQuoting:
    return MidpointQuoting(**(SETTINGS | dict(setting)))
