"""State of the planted market, laid out for its kernels."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_MS
from framework.synthetic.draws import seeded
from framework.synthetic.planted.model import PlantedModel, Regime, RegimeModel, VenueModel

STEP_NS: Final = 2 * NS_PER_MS
"""The efficient price moves on this grid."""
PATH_STEPS: Final = 5
"""Every so many steps the price is written to the truth."""
MAX_LIVE: Final = 4_096
"""Resting orders of a venue; a limit order beyond is not sent."""
WINDOW: Final = 1 << 10
"""Price levels of a side that can hold orders at once."""
LAGS: Final = 1 << 9
"""Steps of the efficient price that are remembered for the venues' lags."""
MAX_LAYERS: Final = 8

NEVER: Final = int(np.iinfo(np.int64).max)
NOBODY: Final = -1


class Agent(IntEnum):
    """Who sent an order."""

    VENUE = 0
    """The venue itself: snapshots and notices of loss."""
    QUOTER = 1
    UNINFORMED = 2
    INFORMED = 3
    SPOOFER = 4
    ICEBERG = 5
    CROSSER = 6
    """Whoever posts the quotes of planted noise and dust crosses."""


def _record(integers: str, floats: str) -> np.dtype:
    names = [(name, np.int64) for name in integers.split()]
    return np.dtype(names + [(name, np.float64) for name in floats.split()])


COMMON_DTYPE: Final = _record(
    "now_ns end_ns next_step_ns step used used_truth used_crosses used_path order_id plan_at"
    " regime",
    "price_ticks log_volatility volatility heat bias_ticks drift_ticks regime_volatility activity"
    " widen_ticks",
)
"""What the venues share. ``used…`` count rows of the chunk's tables, ``bias_ticks`` is the move
that informed traders know to come."""

CONSTANT_DTYPE: Final = _record(
    "",
    "volatility_ticks log_volatility_sigma log_volatility_memory_s decay impact_ticks"
    " hesitation_ticks heat_memory_s heat_variance a00 a01 a02 a10 a11 a12 a20 a21 a22",
)
"""Constants of `PlantedModel`; ``aij`` is its excitation times its decay."""

VENUE_DTYPE: Final = _record(
    "seq recv_ns anchor_ticks bid_ticks ask_ticks n_live n_bids n_asks n_free decayed_ns"
    " is_lost n_lost lost_episode spoof_episode spoof_side spoof_ticks plant_episode cross_episode"
    " shown_bid_ticks shown_ask_ticks candidate_ns"
    " refill_lots refill_episode refill_ticks taker run_left lag_steps limits_sent markets_sent"
    " message_agent message_episode",
    "view_ticks premium_ticks shift_ticks congestion excited_limit excited_cancel excited_market"
    " bound informed_now limit_rate market_rate cancel_rate stale_rate improve_rate informed_rate"
    " informed_edge_ticks premium_kept premium_step feed_median_ns feed_sigma",
)
"""One venue: its state, then what its `VenueModel` says."""

NODE_DTYPE: Final = _record("id px_ticks lots side hidden agent episode before after place", "")
"""One resting order in the queue of its level; ``hidden`` are an iceberg's lots not shown."""

LEVEL_DTYPE: Final = _record("px_ticks lots first last", "")

ROW_DTYPE: Final = np.dtype(
    [(name, np.int64) for name in ("ts_exch_ns", "ts_recv_ns", "seq", "px_ticks", "qty_lots")]
    + [("order_id", np.int64)]
    + [(name, np.int8) for name in ("venue", "kind", "side", "flags")],
    align=True,
)
"""One gold event of any venue."""

TRUTH_DTYPE: Final = np.dtype(
    [
        *[("ts_exch_ns", np.int64), ("seq", np.int64), ("price_ticks", np.float64)],
        *[("episode", np.int32), ("venue", np.int8), ("agent", np.int8), ("is_lost", np.int8)],
    ],
    align=True,
)
"""Who sent each message, and the efficient price at that instant."""

CROSS_DTYPE: Final = np.dtype(
    [(name, np.int64) for name in ("start_ns", "end_ns", "max_edge_ticks", "lots", "edge_since_ns")]
    + [("edge_ns_ticks", np.float64), ("episode", np.int64), ("edge_ticks", np.int64)]
    + [("buy", np.int64), ("sell", np.int64), ("is_complete", np.int64)],
)
"""A spell in which one venue bids above another's ask; also the state of a pair, where
``start_ns`` is `NEVER` while it is not crossed."""

PATH_DTYPE: Final = _record("ts_ns regime", "price_ticks volatility_ticks heat")

EPISODE_DTYPE: Final = _record(
    "kind venue side start_ns end_ns lots layers actual_end_ns count is_live", "size lead_ticks"
)
"""One planted episode; ``count`` is what came of it (see `framework.synthetic.planted.plan`)."""

ACTION_DTYPE: Final = np.dtype([(name, np.int64) for name in ("ts_ns", "action", "episode")])


REGIME_DTYPE: Final = _record("", "volatility activity drift_ticks widen_ticks")


def new_state(
    model: PlantedModel, n_venues: int, *, seed: int, span_ns: int
) -> dict[str, np.ndarray]:
    """Put every venue at the start price with an empty book; arrays by their names in the world."""
    common = np.zeros(1, COMMON_DTYPE)
    common["now_ns"] = common["next_step_ns"] = model.start_ns
    common["end_ns"] = model.start_ns + span_ns
    common["order_id"] = 1
    common["price_ticks"] = model.start_price_ticks + 0.5
    common["volatility"] = model.volatility_ticks
    common["regime_volatility"] = common["activity"] = 1.0
    venues = np.zeros(n_venues, VENUE_DTYPE)
    for index in range(n_venues):
        _fill_in_venue(venues[index], model.venue(index), model)
    pairs = np.zeros((n_venues, n_venues), CROSS_DTYPE)
    pairs["start_ns"] = NEVER
    levels = np.zeros((n_venues, 2, WINDOW), LEVEL_DTYPE)
    levels["first"] = levels["last"] = NOBODY
    return {
        "common": common,
        "constants": _constants(model),
        "venues": venues,
        "nodes": np.zeros((n_venues, MAX_LIVE), NODE_DTYPE),
        "levels": levels,
        "live": np.zeros((n_venues, MAX_LIVE), np.int64),
        "free": np.tile(np.arange(MAX_LIVE, dtype=np.int64)[::-1], (n_venues, 1)),
        "past": np.full(LAGS, model.start_price_ticks + 0.5),
        "regimes": _regimes(model.regimes),
        "pairs": pairs,
        "random": seeded(seed),
    }


def new_chunk(n_rows: int) -> dict[str, np.ndarray]:
    """Make room for the tables of one chunk, by their names in the world."""
    return {
        "rows": np.zeros(n_rows, ROW_DTYPE),
        "truth": np.zeros(n_rows, TRUTH_DTYPE),
        "crosses": np.zeros(n_rows // 4 + 256, CROSS_DTYPE),
        "path": np.zeros(n_rows // 4 + 256, PATH_DTYPE),
    }


def _constants(model: PlantedModel) -> np.ndarray:
    constants = np.zeros(1, CONSTANT_DTYPE)
    for name in ("volatility_ticks", "log_volatility_sigma", "log_volatility_memory_s", "decay"):
        constants[name] = getattr(model, name)
    constants["impact_ticks"] = model.impact_ticks / 1_000
    constants["hesitation_ticks"] = model.hesitation_ticks
    constants["heat_memory_s"] = model.news.heat_memory_s
    constants["heat_variance"] = model.news.heat_variance * model.news.drives_volatility
    for i, row in enumerate(model.excitation):
        for j, caused in enumerate(row):
            constants[f"a{i}{j}"] = caused * model.decay
    return constants


def _fill_in_venue(record: np.void, venue: VenueModel, model: PlantedModel) -> None:
    for name in ("limit_rate", "market_rate", "cancel_rate", "stale_rate", "improve_rate"):
        record[name] = getattr(venue, name)
    record["informed_rate"] = venue.informed_rate
    record["informed_edge_ticks"] = venue.informed_edge_ticks
    record["feed_median_ns"] = venue.feed_median_ns
    record["feed_sigma"] = venue.feed_sigma
    record["lag_steps"] = venue.lag_ns // STEP_NS
    kept = 0.5 ** (PATH_STEPS * STEP_NS * 1e-9 / venue.premium_half_life_s)
    record["premium_kept"] = kept
    record["premium_step"] = venue.premium_sigma_ticks * np.sqrt(1.0 - kept * kept)
    record["view_ticks"] = model.start_price_ticks + 0.5
    record["anchor_ticks"] = model.start_price_ticks
    record["decayed_ns"] = record["recv_ns"] = model.start_ns
    record["congestion"] = 1.0
    record["n_free"] = MAX_LIVE
    record["taker"] = 1
    for name in ("lost_episode", "spoof_episode", "plant_episode", "cross_episode"):
        record[name] = NOBODY


def _regimes(regimes: tuple[RegimeModel, ...]) -> np.ndarray:
    table = np.zeros(len(Regime), REGIME_DTYPE)
    for record, regime in zip(table, regimes, strict=False):
        for name in REGIME_DTYPE.names or ():
            record[name] = getattr(regime, name)
    return table
