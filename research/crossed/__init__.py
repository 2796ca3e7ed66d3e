"""Spells in which one venue bids more than another asks."""

from research.crossed.attempts import ATTEMPT_SCHEMA, attempts
from research.crossed.capture import (
    CAPTURE_SCHEMA,
    CROSS_SCHEMA,
    SUMMARY_SCHEMA,
    capture,
    capture_summary,
    observed_crosses,
    planted_crosses,
)
from research.crossed.episodes import EPISODE_SCHEMA, Clock, EpisodeKind, episodes
from research.crossed.per_day import DAY_SCHEMA, episodes_per_day
from research.crossed.quotes import QUOTE_SCHEMA, stream_quotes, top_of_book

__all__ = [
    "ATTEMPT_SCHEMA",
    "CAPTURE_SCHEMA",
    "CROSS_SCHEMA",
    "DAY_SCHEMA",
    "EPISODE_SCHEMA",
    "QUOTE_SCHEMA",
    "SUMMARY_SCHEMA",
    "Clock",
    "EpisodeKind",
    "attempts",
    "capture",
    "capture_summary",
    "episodes",
    "episodes_per_day",
    "observed_crosses",
    "planted_crosses",
    "stream_quotes",
    "top_of_book",
]
