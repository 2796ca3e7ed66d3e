"""What the synthetic market assumes: one efficient price and how each venue follows it.

The efficient price is an integer-tick walk whose moves excite further moves (a Hawkes process, so
volatility clusters) and sometimes jump. A venue's quoters see it after a lag, add a premium of
their own that fades, and pull or improve their quotes at finite speed. Takers are partly noise and
partly informed: the latter hit quotes that the efficient price has left behind.

References
----------
Hawkes, A. G. (1971). Spectra of some self-exciting and mutually exciting point processes.
Glosten, L. R., & Milgrom, P. R. (1985). Bid, ask and transaction prices in a specialist market
with heterogeneously informed traders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from framework.core.clock import NS_PER_MS, NS_PER_US, instant_ns
from framework.core.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueModel:
    """How one venue follows the efficient price; rates are per second.

    Parameters
    ----------
    lag_ns
        From a move of the efficient price until the venue's quoters see it.
    stale_rate, improve_rate
        Speed at which quoters pull a quote that is a tick too good, or fill a tick of gap.
    add_rate, cancel_rate
        Background limit orders and cancellations.
    take_rate, take_excitation
        Noise market orders: base rate, and by how much each market order raises it.
    informed_rate
        Informed market orders per tick of profit they see beyond the quote.
    impact_share
        Share of noise market orders that move the efficient price by a tick.
    half_spread_ticks
        Distance from the venue's view of the price at which quoters want to quote.
    shock_rate, shock_ticks
        Sudden premiums against the other venues: how often, and their mean size.
    feed_median_ns, feed_sigma
        Log-normal latency of the venue's feed to us.
    """

    lag_ns: int = 2 * NS_PER_MS
    stale_rate: float = 40.0
    improve_rate: float = 30.0
    add_rate: float = 62.0
    cancel_rate: float = 52.0
    take_rate: float = 6.4
    take_excitation: float = 0.95
    informed_rate: float = 40.0
    impact_share: float = 0.10
    half_spread_ticks: float = 0.4
    shock_rate: float = 0.012
    shock_ticks: float = 3.5
    feed_median_ns: int = 450 * NS_PER_US
    feed_sigma: float = 0.45


LEADER: Final = VenueModel()
FOLLOWER: Final = VenueModel(lag_ns=12 * NS_PER_MS, stale_rate=15.0, improve_rate=12.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketModel:
    """The market as a whole; rates are per second.

    Parameters
    ----------
    venues
        One model per instrument; the last one serves for any further instruments.
    start_price_ticks
        Efficient price at the start.
    start
        First instant, ISO 8601.
    move_rate, move_excitation, move_decay
        One-tick moves of the efficient price: base rate, by how much each raises the rate, and
        how fast that fades.
    jump_share, jump_ticks, jump_excitation
        Share of moves that are jumps, their mean size beyond the smallest, 4 ticks, and by how
        much each raises the rate.
    activity_sigma, activity_memory_s
        Activity, which scales news and market orders alike, is log-normal: standard deviation of
        its logarithm and the time in which it forgets.
    levels
        Displayed levels per side.
    """

    venues: tuple[VenueModel, ...] = (LEADER, FOLLOWER)
    start_price_ticks: int = 10_000
    start: str = "2024-01-02T14:30"
    move_rate: float = 1.5
    move_excitation: float = 0.004
    move_decay: float = 0.02
    jump_share: float = 0.006
    jump_ticks: float = 4.0
    jump_excitation: float = 1.5
    activity_sigma: float = 0.7
    activity_memory_s: float = 120.0
    levels: int = 10

    def __post_init__(self) -> None:
        if not 3 <= self.levels <= 50:
            raise SpecError(
                f"a synthetic market shows 3 to 50 levels a side, got {self.levels}",
                remedy="choose levels between 3 and 50",
            )
        if not self.venues:
            raise SpecError(
                "a synthetic market needs at least one venue model, got none",
                remedy="leave `venues` out for the default pair",
            )
        if not 0 <= self.branching_ratio < 1:
            raise SpecError(
                "each move must cause less than one further move on average, "
                f"got {self.branching_ratio:.3f}",
                remedy="lower move_excitation, jump_excitation or jump_share",
            )
        if self.start_price_ticks < MIN_PRICE_TICKS:
            raise SpecError(
                f"the efficient price starts at {MIN_PRICE_TICKS} ticks or more, "
                f"got {self.start_price_ticks}",
                remedy="raise start_price_ticks",
            )

    @property
    def branching_ratio(self) -> float:
        """Further moves that one move causes on average."""
        jumps = self.jump_share * self.jump_excitation
        return ((1 - self.jump_share) * self.move_excitation + jumps) / self.move_decay

    @property
    def start_ns(self) -> int:
        """First instant in nanoseconds."""
        return instant_ns(self.start)

    def with_levels(self, levels: int) -> MarketModel:
        """Return the same market showing `levels` levels a side."""
        return replace(self, levels=levels)


MIN_PRICE_TICKS: Final = 1_000
"""The efficient price turns back here, so that no displayed level can reach zero."""
