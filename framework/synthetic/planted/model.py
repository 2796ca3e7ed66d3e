"""What the planted market assumes; every number here is part of its truth.

Prices are in ticks, rates per second. The defaults make a venue whose spread, trade clustering,
order signs and quote lives resemble BTC perpetuals with a tick of one basis point.

References
----------
Hawkes, A. G. (1971). Spectra of some self-exciting and mutually exciting point processes.
Lillo, F., Mike, S., & Farmer, J. D. (2005). Theory for long memory in supply and demand.
Robert, C. Y., & Rosenbaum, M. (2011). A new approach for the dynamics of ultra-high-frequency
data: the model with uncertainty zones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_MS, NS_PER_US, instant_ns
from framework.core.errors import SpecError
from framework.core.events import F64Array

MAX_VENUES: Final = 15
MIN_START_TICKS: Final = 2_000
"""Far from zero, so that no price can reach it."""


class Regime(IntEnum):
    """State of the latent market."""

    NORMAL = 0
    TREND = 1
    CRISIS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeModel:
    """One regime.

    Parameters
    ----------
    mean_s
        Mean of its exponential duration.
    share
        Weight with which it follows another regime.
    volatility, activity
        Factors on the price's volatility and on the base rates of orders.
    drift_ticks
        Drift of the efficient price a second; its sign is drawn anew each time.
    widen_ticks
        Ticks by which quoters step back on either side.
    """

    mean_s: float
    share: float
    volatility: float = 1.0
    activity: float = 1.0
    drift_ticks: float = 0.0
    widen_ticks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueModel:
    """One venue.

    Parameters
    ----------
    lag_ns
        Age of the efficient price that its quoters see; a multiple of 2 ms.
    limit_rate, market_rate
        Base rates of uninformed limit and market orders, before excitation.
    cancel_rate
        Rate at which each resting order is cancelled. Limit and cancel rate raised together leave
        depth as it is and make it recover faster.
    stale_rate, improve_rate
        Speed, per tick, at which quoters pull what is too good and quote what is missing.
    informed_rate, informed_edge_ticks
        Informed market orders per tick of profit beyond the quote and this edge.
    premium_sigma_ticks, premium_half_life_s
        Standard deviation and half-life of the venue's premium, an Ornstein–Uhlenbeck process.
    feed_median_ns, feed_sigma
        Log-normal latency of the feed.
    """

    lag_ns: int = 2 * NS_PER_MS
    limit_rate: float = 50.0
    market_rate: float = 2.6
    cancel_rate: float = 0.5
    stale_rate: float = 160.0
    improve_rate: float = 90.0
    informed_rate: float = 45.0
    informed_edge_ticks: float = 0.5
    premium_sigma_ticks: float = 0.3
    premium_half_life_s: float = 4.0
    feed_median_ns: int = 450 * NS_PER_US
    feed_sigma: float = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRates:
    """How many episodes of each kind are planted a minute, all venues together."""

    structural: float = 2.0
    noise: float = 10.0
    dust: float = 4.0
    spoof: float = 2.0
    layering: float = 1.0
    iceberg: float = 2.0
    congestion: float = 0.5
    loss: float = 0.2
    jump: float = 1.0
    news: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsModel:
    """News: headlines that move the price, and their heat, which moves its volatility.

    Parameters
    ----------
    drives_volatility
        True where variance is multiplied by ``1 + heat_variance * heat``. The price path of calm
        times and the headlines are the same either way.
    heat_variance, heat_memory_s
        That factor, and the time constant with which heat fades after each headline.
    informed_lead_s
        Longest time by which informed traders know a headline before it is available.
    jump_ticks
        Mean size of the move at a headline of intensity 1.
    cluster
        Further headlines that each headline causes on average.
    """

    drives_volatility: bool = True
    heat_variance: float = 4.0
    heat_memory_s: float = 40.0
    informed_lead_s: float = 1.5
    jump_ticks: float = 2.0
    cluster: float = 0.6


_Matrix = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedModel:
    """The market as a whole.

    Parameters
    ----------
    venues
        One model per venue, the last serving for all further ones.
    start, start_price_ticks
        First instant (ISO 8601) and price.
    volatility_ticks
        Standard deviation of the efficient price over a second, at its median.
    log_volatility_sigma, log_volatility_memory_s
        Volatility is log-normal: deviation of its logarithm and the time in which it forgets.
    jump_ticks
        Mean size of jumps beyond the smallest, 3 ticks.
    excitation
        Row i, column j: events of type i that an event of type j causes on average, the types
        being limit, cancel, market. An exact Hawkes process for uninformed limit and market orders.
    decay
        Rate at which excitation fades.
    impact_ticks
        Move of the efficient price per 1,000 lots of uninformed market orders: Kyle's lambda.
    hesitation_ticks
        How far the price may stand beyond a quote before quoters move; ½ makes the signature
        plot flat.
    regimes
        In the order of `Regime`; one alone never ends.
    episodes, news
        What is planted.
    """

    venues: tuple[VenueModel, ...] = (
        VenueModel(),
        VenueModel(lag_ns=6 * NS_PER_MS, stale_rate=110.0, improve_rate=45.0),
    )
    start: str = "2024-01-02T14:30"
    start_price_ticks: int = 10_000
    volatility_ticks: float = 0.6
    log_volatility_sigma: float = 0.7
    log_volatility_memory_s: float = 90.0
    jump_ticks: float = 3.0
    excitation: _Matrix = ((0.45, 0.0, 0.5), (0.15, 0.1, 0.5), (0.0, 0.0, 0.8))
    decay: float = 20.0
    impact_ticks: float = 0.4
    hesitation_ticks: float = 0.45
    regimes: tuple[RegimeModel, ...] = (
        RegimeModel(mean_s=240.0, share=0.7),
        RegimeModel(mean_s=60.0, share=0.2, activity=1.2, drift_ticks=0.25),
        RegimeModel(mean_s=30.0, share=0.1, volatility=2.5, activity=1.6, widen_ticks=1),
    )
    episodes: EpisodeRates = field(default_factory=EpisodeRates)
    news: NewsModel = field(default_factory=NewsModel)

    def __post_init__(self) -> None:
        if not self.venues or len(self.venues) > MAX_VENUES:
            raise SpecError(
                f"a planted market has 1 to {MAX_VENUES} venue models, got {len(self.venues)}",
                remedy="the last model serves for all further venues",
            )
        if not 1 <= len(self.regimes) <= len(Regime):
            raise SpecError(
                f"a planted market has 1 to {len(Regime)} regimes, got {len(self.regimes)}",
                remedy="leave `regimes` out for normal, trend and crisis",
            )
        if self.start_price_ticks < MIN_START_TICKS:
            raise SpecError(
                f"the efficient price starts at {MIN_START_TICKS} ticks or more, "
                f"got {self.start_price_ticks}",
                remedy="raise start_price_ticks",
            )
        radius = self.branching_ratio
        if not radius < 1 or self.decay <= 0:
            raise SpecError(
                "each order must cause less than one further order on average and excitation must "
                f"fade, got a branching ratio of {radius:.3f} and a decay of {self.decay}",
                remedy="lower the entries of excitation, or raise decay above 0",
            )
        if any(
            venue.lag_ns % (2 * NS_PER_MS) or not 0 <= venue.lag_ns < 1_000 * NS_PER_MS
            for venue in self.venues
        ):
            raise SpecError(
                "a venue's lag must be a multiple of 2 ms below a second, got "
                + ", ".join(f"{venue.lag_ns} ns" for venue in self.venues),
                remedy="write for example lag_ns=2_000_000",
            )

    @property
    def branching_ratio(self) -> float:
        """Largest eigenvalue of `excitation`."""
        return float(np.abs(np.linalg.eigvals(np.array(self.excitation))).max())

    @property
    def start_ns(self) -> int:
        """First instant in nanoseconds."""
        return instant_ns(self.start)

    def venue(self, index: int) -> VenueModel:
        """Return the model of a venue."""
        return self.venues[min(index, len(self.venues) - 1)]

    def mean_rates(self, venue: VenueModel) -> F64Array:
        """Return the mean rates of uninformed limit and market orders in the normal regime.

        They solve ``rate = base + excitation @ rate``, shape (2,), where cancellations excite
        neither: how many there are depends on the book.
        """
        matrix = np.array(self.excitation)[np.ix_([0, 2], [0, 2])]
        base = np.array([venue.limit_rate, venue.market_rate])
        return np.linalg.solve(np.eye(2) - matrix, base)
