"""Headlines: what they say, how much they matter, when informed traders and everybody know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.events import F64Array, I64Array
from framework.synthetic.planted.model import PlantedModel

NEWS_SCHEMA: Final = pl.Schema(
    {
        "symbol": pl.String,
        "event_ns": pl.Int64,
        "available_ns": pl.Int64,
        "source": pl.String,
        "topic": pl.String,
        "headline": pl.String,
        "sentiment": pl.Float64,
        "intensity": pl.Float64,
    }
)
"""One headline a row, by the time it is available. ``sentiment`` from −1 to 1 is what a reader
would make of the words: its sign is right nine times in ten. ``intensity`` is how much there is
to read, 1 on average."""

_FOLLOWS_S: Final = 15.0  # mean time until a headline that another one causes
_SIGN_RIGHT: Final = 0.9
_SHORTEST_LEAD_S: Final = 0.2
_SOURCES: Final = ("wire", "exchange", "blog")
_TOPICS: Final = {
    "rates": ("central bank hints at cuts", "central bank hints at hikes"),
    "earnings": ("quarterly result beats estimates", "quarterly result misses estimates"),
    "regulation": ("regulator clears the product", "regulator opens an inquiry"),
    "outage": ("venue restores its matching engine", "venue halts withdrawals"),
    "flows": ("funds report large inflows", "funds report large redemptions"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Headlines by the time they happen; arrays of shape ``(n_headlines,)``.

    Attributes
    ----------
    event_ns, available_ns
        When informed traders know, and when everybody does.
    move_ticks
        How far the efficient price moves when it becomes available: the truth.
    intensity, sentiment, topic, source, headline
        See `NEWS_SCHEMA`.
    """

    event_ns: I64Array
    available_ns: I64Array
    move_ticks: F64Array
    intensity: F64Array
    sentiment: F64Array
    topic: list[str]
    source: list[str]
    headline: list[str]

    def frame(self, symbol: str) -> pl.DataFrame:
        """Return what the public gets, `NEWS_SCHEMA`."""
        return pl.DataFrame(
            {
                "symbol": [symbol] * len(self.headline),
                "event_ns": self.event_ns,
                "available_ns": self.available_ns,
                "source": self.source,
                "topic": self.topic,
                "headline": self.headline,
                "sentiment": self.sentiment,
                "intensity": self.intensity,
            },
            schema=NEWS_SCHEMA,
        ).sort("available_ns", "event_ns")


def draw_news(model: PlantedModel, *, seed: int, span_ns: int) -> News:
    """Draw the headlines of a market: they come in bursts, each causing further ones."""
    rng = np.random.default_rng([seed, 0x6E65])
    rate = model.episodes.news / 60 * (1 - min(model.news.cluster, 0.9))
    waiting = [span_ns * at for at in rng.random(rng.poisson(rate * span_ns / NS_PER_S))]
    times: list[int] = []
    while waiting:
        at_ns = waiting.pop()
        if at_ns >= span_ns:
            continue
        times.append(int(at_ns))
        children = rng.poisson(min(model.news.cluster, 0.9))
        waiting += list(at_ns + _FOLLOWS_S * NS_PER_S * rng.standard_exponential(children))
    event_ns = model.start_ns + np.sort(np.array(times, np.int64))
    n = event_ns.size
    lead_s = rng.uniform(_SHORTEST_LEAD_S, max(model.news.informed_lead_s, _SHORTEST_LEAD_S), n)
    intensity = np.exp(0.6 * rng.standard_normal(n) - 0.18)
    sign = rng.choice((-1, 1), n)
    move = sign * intensity * model.news.jump_ticks * rng.standard_exponential(n)
    read = np.where(rng.random(n) < _SIGN_RIGHT, sign, -sign)
    topics = list(_TOPICS)
    topic = [topics[k] for k in rng.integers(len(topics), size=n)]
    return News(
        event_ns=event_ns,
        available_ns=event_ns + (lead_s * NS_PER_S).astype(np.int64),
        move_ticks=move,
        intensity=intensity,
        sentiment=read * (1 - np.exp(-intensity)),
        topic=topic,
        source=[_SOURCES[k] for k in rng.integers(len(_SOURCES), size=n)],
        headline=[_TOPICS[t][int(s < 0)] for t, s in zip(topic, read, strict=True)],
    )
