"""One line of the benchmark: a figure of ours, a peer's, and the bar between them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What has to be reached.

    Parameters
    ----------
    told
        The bar in words.
    met
        None where nothing was asked.
    """

    told: str
    met: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One line of ``bench.json``.

    Parameters
    ----------
    name, rows
        What was done, over how many rows of the market.
    seconds
        Median over the rounds.
    peer, peer_seconds
        With whom it is compared; None without.
    ratio
        How many times as fast as the peer, row for row.
    fills_equal
        Whether every fill agrees in time, book, side, price and quantity; None where the peer does
        not simulate the same.
    peak_rss_mb
        Most memory our process held, in 10**6 bytes.
    more
        Further figures.
    """

    name: str
    rows: int
    seconds: float
    peer: str | None = None
    peer_seconds: float | None = None
    ratio: float | None = None
    fills_equal: bool | None = None
    peak_rss_mb: float
    bars: tuple[Bar, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Flatten, numbers rounded to six digits."""
        found = asdict(self)
        found |= found.pop("more")
        return {
            name: float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in found.items()
        }
