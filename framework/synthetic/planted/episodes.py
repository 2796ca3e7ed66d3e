"""Kernels that carry out the plan: what begins and ends at an instant."""

from __future__ import annotations

from typing import Final

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.synthetic.planted.orders import (
    add_planted,
    is_held,
    pull_level,
    requote,
    target_ticks,
)
from framework.synthetic.planted.plan import Action, EpisodeKind
from framework.synthetic.planted.queues import (
    best_ticks,
    cancel,
    n_orders,
    write_gap,
    write_snapshot,
)
from framework.synthetic.planted.state import (
    NOBODY,
    WINDOW,
    Agent,
)
from framework.synthetic.planted.world import (
    W,
    common_of,
    episodes_of,
    live_of,
    nodes_of,
    regimes_of,
    venues_of,
)

_SHIFT, _UNSHIFT = int(Action.SHIFT), int(Action.UNSHIFT)
_PLANT, _UNPLANT = int(Action.PLANT), int(Action.UNPLANT)
_SPOOF, _UNSPOOF = int(Action.SPOOF), int(Action.UNSPOOF)
_ICEBERG, _UNICEBERG = int(Action.ICEBERG), int(Action.UNICEBERG)
_CONGEST, _UNCONGEST = int(Action.CONGEST), int(Action.UNCONGEST)
_LOSE, _FIND, _SNAPSHOT = int(Action.LOSE), int(Action.FIND), int(Action.SNAPSHOT)
_JUMP, _NEWS_KNOWN, _NEWS = int(Action.JUMP), int(Action.NEWS_KNOWN), int(Action.NEWS)
_REGIME: Final = int(Action.REGIME)
_DUST: Final = int(EpisodeKind.DUST)
_SPOOFER: Final = int(Agent.SPOOFER)
_HIDER: Final = int(Agent.ICEBERG)
_CROSSER: Final = int(Agent.CROSSER)
_NEAR_TICKS: Final = 1  # a spoof goes when the touch is as near as this
_ENDLESS: Final = 1_000_000_000
"""Hidden lots of a dust quote: it comes back until its episode ends."""


@kernel
def act(w: I64Array, action: int, e: int) -> None:
    """Carry out one entry of the plan."""
    cold()
    episode = episodes_of(w)[e]
    v = episode.venue
    if action in (_JUMP, _NEWS, _CONGEST):
        episode.is_live = 1
    if action == _REGIME:
        _begin_regime(w, e)
    elif action == _JUMP:
        common_of(w)[0].price_ticks += episode.size
    elif action == _NEWS_KNOWN:
        common_of(w)[0].bias_ticks += episode.size
    elif action == _NEWS:
        common_of(w)[0].bias_ticks -= episode.size
        common_of(w)[0].price_ticks += episode.size
        common_of(w)[0].heat += episode.lead_ticks
    elif action == _CONGEST:
        venues_of(w)[v].congestion = episode.size
    elif action == _UNCONGEST:
        venues_of(w)[v].congestion = 1.0
    elif action <= _UNSHIFT:
        _shift(w, v, e, action == _SHIFT)
    elif action == _PLANT:
        _plant(w, v, e)
    elif action == _UNPLANT:
        _unplant(w, v, e)
    elif action == _SPOOF:
        _spoof(w, v, e)
    elif action == _ICEBERG:
        px_ticks = target_ticks(w, v, episode.side)
        hidden = int(episode.size)
        n = add_planted(w, v, episode.side, px_ticks, episode.lots, hidden, _HIDER, e)
        episode.is_live = n != NOBODY
    elif action in (_UNSPOOF, _UNICEBERG):
        withdraw(w, v, e)
    else:
        _lose(w, v, e, action)
    if action in (_UNSHIFT, _UNCONGEST, _NEWS, _FIND):
        episode.actual_end_ns = common_of(w)[0].now_ns


@kernel
def _begin_regime(w: I64Array, e: int) -> None:
    common = common_of(w)[0]
    episode = episodes_of(w)[e]
    regime = regimes_of(w)[episode.lots]
    common.regime = episode.lots
    common.drift_ticks = episode.size
    common.regime_volatility = regime.volatility
    common.activity = regime.activity
    common.widen_ticks = regime.widen_ticks
    episode.is_live = 1


@kernel
def _shift(w: I64Array, v: int, e: int, begins: bool) -> None:
    """Move a venue off the others, or back; its quoters follow at once."""
    venue = venues_of(w)[v]
    episode = episodes_of(w)[e]
    move = episode.side * episode.size
    venue.shift_ticks = move if begins else 0.0
    venue.view_ticks += move if begins else -move
    venue.anchor_ticks += int(move) if begins else -int(move)
    venue.cross_episode = e if begins else NOBODY
    episode.is_live = 1
    requote(w, v)


@kernel
def _plant(w: I64Array, v: int, e: int) -> None:
    """Post a quote through another venue's; whoever is in its way at this venue steps aside."""
    venue = venues_of(w)[v]
    episode = episodes_of(w)[e]
    side = episode.side
    away = 0
    is_first = True
    for u in range(w[W.N_VENUES]):
        if u != v:
            price = best_ticks(w, u, -side)
            if is_first or side * (price - away) < 0:
                away = price
                is_first = False
    px_ticks = away + side * int(episode.size)
    for _ in range(WINDOW):
        if side * (px_ticks - best_ticks(w, v, -side)) < 0:
            break
        if n_orders(w, v, -side) <= 1 or is_held(w, v, -side):
            return
        pull_level(w, v, -side)
    hidden = _ENDLESS if episode.kind == _DUST else 0
    n = add_planted(w, v, side, px_ticks, episode.lots, hidden, _CROSSER, e)
    if n != NOBODY:
        episode.is_live = 1
        venue.plant_episode = venue.cross_episode = e


@kernel
def _unplant(w: I64Array, v: int, e: int) -> None:
    venue = venues_of(w)[v]
    if venue.plant_episode != e:
        return
    withdraw(w, v, e)
    venue.plant_episode = NOBODY
    venue.cross_episode = NOBODY
    requote(w, v)


@kernel
def _spoof(w: I64Array, v: int, e: int) -> None:
    """Show large orders behind the touch, a level after the other."""
    venue = venues_of(w)[v]
    episode = episodes_of(w)[e]
    nearest = best_ticks(w, v, episode.side) - episode.side * int(episode.lead_ticks)
    for k in range(episode.layers):
        px_ticks = nearest - episode.side * k
        add_planted(w, v, episode.side, px_ticks, episode.lots, 0, _SPOOFER, e)
    episode.is_live = 1
    venue.spoof_episode = e
    venue.spoof_side = episode.side
    venue.spoof_ticks = nearest


@kernel
def watch_spoof(w: I64Array, v: int) -> None:
    """Withdraw a spoof as soon as the touch has come near it."""
    venue = venues_of(w)[v]
    if venue.spoof_episode == NOBODY:
        return
    side = venue.spoof_side
    if side * (best_ticks(w, v, side) - venue.spoof_ticks) <= _NEAR_TICKS:
        withdraw(w, v, venue.spoof_episode)


@kernel
def withdraw(w: I64Array, v: int, e: int) -> None:
    """Cancel what is left of an episode's orders."""
    cold()
    venue = venues_of(w)[v]
    episode = episodes_of(w)[e]
    if episode.actual_end_ns or not episode.is_live:
        return
    for k in range(venue.n_live - 1, -1, -1):
        n = live_of(w, v)[k]
        if nodes_of(w, v)[n].episode == e:
            cancel(w, v, n)
            if nodes_of(w, v)[n].id:
                # The last order of its side stays, as anybody's.
                nodes_of(w, v)[n].episode = NOBODY
                nodes_of(w, v)[n].hidden = 0
    episode.actual_end_ns = common_of(w)[0].now_ns
    if venue.spoof_episode == e:
        venue.spoof_episode = NOBODY


@kernel
def _lose(w: I64Array, v: int, e: int, action: int) -> None:
    venue = venues_of(w)[v]
    episode = episodes_of(w)[e]
    if action == _LOSE:
        venue.is_lost = 1
        venue.n_lost = 0
        episode.is_live = 1
    elif action == _FIND:
        venue.is_lost = 0
        episode.count = venue.n_lost
        if venue.n_lost:
            write_gap(w, v)
    elif action == _SNAPSHOT and episode.count:
        write_snapshot(w, v)
