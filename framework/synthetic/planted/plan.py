"""The plan of what is planted: episodes and their timeline, drawn before the market runs.

A market's plan depends on its seed, model, venues and span alone. What came of each episode is
written back while the market runs: when it really ended, and `count`, which is

- lots executed, for a spoof, a layering, an iceberg, a planted noise or dust quote;
- messages lost, for a loss;
- 0 for the others.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.synthetic.planted.model import PlantedModel, Regime
from framework.synthetic.planted.news import News, draw_news
from framework.synthetic.planted.state import ACTION_DTYPE, EPISODE_DTYPE, MAX_LAYERS, NOBODY

_WARM_UP_NS: Final = 2 * NS_PER_S
_APART_NS: Final = 500 * NS_PER_MS
_JUMP_FLOOR_TICKS: Final = 3.0
_SNAPSHOT_AFTER_NS: Final = 150 * NS_PER_MS


class EpisodeKind(IntEnum):
    """What is planted."""

    STRUCTURAL = 0
    """A venue stands off the others for 0.7 s or more: a cross with depth behind it."""
    NOISE = 1
    """A cross of less than 10 ms."""
    DUST = 2
    """A cross with next to nothing behind it, for 20 ms to 3 s: a trap."""
    SPOOF = 3
    """One large order near the touch, cancelled when the touch comes near."""
    LAYERING = 4
    """The same over several levels."""
    ICEBERG = 5
    """A large order of which little shows; it comes back behind the queue."""
    CONGESTION = 6
    """A venue's feed is late; ``size`` is the factor."""
    LOSS = 7
    """Messages do not reach us; a snapshot follows."""
    JUMP = 8
    """The efficient price jumps by ``size`` ticks."""
    NEWS = 9
    """A headline: ``size`` is the move, ``start_ns`` when informed traders know, ``end_ns`` when
    everybody does, ``lead_ticks`` its heat."""
    REGIME = 10
    """``lots`` is the `Regime` that begins, ``size`` its drift in ticks a second."""


class Action(IntEnum):
    """What the timeline asks the kernels to do at an instant."""

    SHIFT = 0
    UNSHIFT = 1
    PLANT = 2
    UNPLANT = 3
    SPOOF = 4
    UNSPOOF = 5
    ICEBERG = 6
    UNICEBERG = 7
    CONGEST = 8
    UNCONGEST = 9
    LOSE = 10
    FIND = 11
    SNAPSHOT = 12
    JUMP = 13
    NEWS_KNOWN = 14
    NEWS = 15
    REGIME = 16


_BEGINS: Final = {
    EpisodeKind.STRUCTURAL: Action.SHIFT,
    EpisodeKind.NOISE: Action.PLANT,
    EpisodeKind.DUST: Action.PLANT,
    EpisodeKind.SPOOF: Action.SPOOF,
    EpisodeKind.LAYERING: Action.SPOOF,
    EpisodeKind.ICEBERG: Action.ICEBERG,
    EpisodeKind.CONGESTION: Action.CONGEST,
    EpisodeKind.LOSS: Action.LOSE,
    EpisodeKind.JUMP: Action.JUMP,
    EpisodeKind.NEWS: Action.NEWS_KNOWN,
    EpisodeKind.REGIME: Action.REGIME,
}
_ENDS: Final = {
    EpisodeKind.STRUCTURAL: Action.UNSHIFT,
    EpisodeKind.NOISE: Action.UNPLANT,
    EpisodeKind.DUST: Action.UNPLANT,
    EpisodeKind.SPOOF: Action.UNSPOOF,
    EpisodeKind.LAYERING: Action.UNSPOOF,
    EpisodeKind.ICEBERG: Action.UNICEBERG,
    EpisodeKind.CONGESTION: Action.UNCONGEST,
    EpisodeKind.LOSS: Action.FIND,
    EpisodeKind.NEWS: Action.NEWS,
}
_EXCLUSIVE: Final = {
    EpisodeKind.STRUCTURAL: -1,
    EpisodeKind.NOISE: -1,
    EpisodeKind.DUST: -1,
    EpisodeKind.SPOOF: 1,
    EpisodeKind.LAYERING: 1,
    EpisodeKind.CONGESTION: 2,
    EpisodeKind.LOSS: 3,
}
"""Kinds of one group do not overlap: at a venue, or (-1) anywhere."""
_DRAWN: Final = tuple(kind for kind in EpisodeKind if kind < EpisodeKind.NEWS)


class _Draft:
    """Episodes as they are drawn."""

    def __init__(self, rng: np.random.Generator, model: PlantedModel, n_venues: int) -> None:
        self._rng = rng
        self._model = model
        self._n_venues = n_venues

    def draw(self, kind: EpisodeKind, start_ns: int) -> np.void:
        """Draw one episode of a kind."""
        episode = np.zeros(1, EPISODE_DTYPE)[0]
        episode["kind"] = kind
        episode["venue"] = self._rng.integers(self._n_venues)
        episode["side"] = self._rng.choice((-1, 1))
        episode["start_ns"] = episode["end_ns"] = start_ns
        getattr(self, f"_{kind.name.lower()}")(episode)
        return episode

    def _last(self, episode: np.void, low_s: float, high_s: float) -> None:
        """Draw a duration, log-uniform."""
        seconds = low_s * (high_s / low_s) ** self._rng.random()
        episode["end_ns"] += int(seconds * NS_PER_S)

    def _structural(self, episode: np.void) -> None:
        self._last(episode, 0.7, 6.0)
        episode["size"] = 6 + self._rng.integers(6)

    def _noise(self, episode: np.void) -> None:
        self._last(episode, 0.001, 0.0095)
        episode["size"] = 1 + self._rng.integers(3)
        episode["lots"] = self._rng.integers(20, 200)

    def _dust(self, episode: np.void) -> None:
        self._last(episode, 0.02, 3.0)
        episode["size"] = 1 + self._rng.integers(4)
        episode["lots"] = self._rng.integers(1, 3)

    def _spoof(self, episode: np.void) -> None:
        self._last(episode, 0.3, 3.0)
        episode["lots"] = self._rng.integers(800, 3_000)
        episode["layers"] = 1
        episode["lead_ticks"] = 3 + self._rng.integers(3)

    def _layering(self, episode: np.void) -> None:
        self._last(episode, 0.3, 3.0)
        episode["lots"] = self._rng.integers(300, 900)
        episode["layers"] = self._rng.integers(3, MAX_LAYERS)
        episode["lead_ticks"] = 3 + self._rng.integers(3)

    def _iceberg(self, episode: np.void) -> None:
        self._last(episode, 5.0, 30.0)
        episode["lots"] = self._rng.integers(10, 60)
        episode["size"] = int(episode["lots"]) * self._rng.integers(10, 40)

    def _congestion(self, episode: np.void) -> None:
        self._last(episode, 0.1, 1.0)
        episode["size"] = self._rng.uniform(10.0, 60.0)

    def _loss(self, episode: np.void) -> None:
        self._last(episode, 0.02, 0.4)

    def _jump(self, episode: np.void) -> None:
        size = _JUMP_FLOOR_TICKS + self._model.jump_ticks * self._rng.standard_exponential()
        episode["size"] = size * episode["side"]
        episode["venue"] = NOBODY


def draw_plan(
    model: PlantedModel, n_venues: int, *, seed: int, span_ns: int
) -> tuple[np.ndarray, np.ndarray, News]:
    """Draw what will be planted.

    Returns
    -------
    episodes
        `EPISODE_DTYPE`, by start.
    actions
        `ACTION_DTYPE`, by time.
    news
        Headlines, one per episode of kind NEWS, in the same order.
    """
    rng = np.random.default_rng([seed, 0x9147])
    draft = _Draft(rng, model, n_venues)
    rows: list[np.void] = []
    for kind in _DRAWN:
        if n_venues == 1 and kind <= EpisodeKind.DUST:
            continue
        rate = getattr(model.episodes, kind.name.lower())
        room_ns = max(span_ns - _WARM_UP_NS, 0)
        for at in np.sort(rng.random(rng.poisson(rate * room_ns / (60 * NS_PER_S)))):
            start_ns = model.start_ns + _WARM_UP_NS + int(at * room_ns)
            rows.append(draft.draw(kind, start_ns))
    news = draw_news(model, seed=seed, span_ns=span_ns)
    rows += [_news_episode(news, index) for index in range(len(news.headline))]
    rows += _regimes(rng, model, span_ns)
    rows = _apart(sorted(rows, key=lambda row: (int(row["start_ns"]), int(row["kind"]))))
    episodes = np.array(rows, EPISODE_DTYPE) if rows else np.zeros(0, EPISODE_DTYPE)
    return episodes, _timeline(episodes), news


def _apart(rows: list[np.void]) -> list[np.void]:
    """Drop episodes that would begin before another of their group has ended."""
    busy: dict[tuple[int, int], int] = {}
    kept = []
    for row in rows:
        group = _EXCLUSIVE.get(EpisodeKind(int(row["kind"])))
        if group is not None:
            place = (group, -1 if group < 0 else int(row["venue"]))
            if int(row["start_ns"]) < busy.get(place, 0):
                continue
            busy[place] = int(row["end_ns"]) + _APART_NS
        kept.append(row)
    return kept


def _news_episode(news: News, index: int) -> np.void:
    episode = np.zeros(1, EPISODE_DTYPE)[0]
    episode["kind"] = EpisodeKind.NEWS
    episode["venue"] = NOBODY
    episode["side"] = np.sign(news.sentiment[index])
    episode["start_ns"] = news.event_ns[index]
    episode["end_ns"] = news.available_ns[index]
    episode["size"] = news.move_ticks[index]
    episode["lead_ticks"] = news.intensity[index]
    return episode


def _regimes(rng: np.random.Generator, model: PlantedModel, span_ns: int) -> list[np.void]:
    """Draw the regimes one after another; each is an episode."""
    rows = []
    at_ns, regime = model.start_ns, 0
    shares = np.array([item.share for item in model.regimes])
    while at_ns < model.start_ns + span_ns:
        chosen = model.regimes[regime]
        episode = np.zeros(1, EPISODE_DTYPE)[0]
        episode["kind"], episode["venue"] = EpisodeKind.REGIME, NOBODY
        episode["side"] = rng.choice((-1, 1))
        episode["lots"] = Regime(regime)
        episode["size"] = chosen.drift_ticks * episode["side"]
        episode["start_ns"] = at_ns
        at_ns += 1 + int(chosen.mean_s * rng.standard_exponential() * NS_PER_S)
        if len(model.regimes) == 1:
            at_ns = model.start_ns + span_ns
        else:
            weights = np.where(np.arange(shares.size) == regime, 0.0, shares)
            regime = int(rng.choice(shares.size, p=weights / weights.sum()))
        episode["end_ns"] = at_ns
        rows.append(episode)
    return rows


def _timeline(episodes: np.ndarray) -> np.ndarray:
    """List by time what begins and ends; at one instant what ends does so before what begins."""
    rows = []
    for index, episode in enumerate(episodes):
        kind = EpisodeKind(int(episode["kind"]))
        end_ns = int(episode["end_ns"])
        rows.append((int(episode["start_ns"]), 1, int(_BEGINS[kind]), index))
        if kind in _ENDS:
            rows.append((end_ns, 0, int(_ENDS[kind]), index))
        if kind is EpisodeKind.LOSS:
            rows.append((end_ns + _SNAPSHOT_AFTER_NS, 0, int(Action.SNAPSHOT), index))
    return np.array([(ts, action, index) for ts, _, action, index in sorted(rows)], ACTION_DTYPE)
