"""Kernels of what nobody sees: the efficient price, its volatility, the venues' views of it."""

from __future__ import annotations

import math
from typing import Final

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.synthetic.draws import normal
from framework.synthetic.planted.state import (
    LAGS,
    PATH_STEPS,
    STEP_NS,
)
from framework.synthetic.planted.world import (
    W,
    common_of,
    constants_of,
    past_of,
    path_of,
    random_of,
    venues_of,
)

_STEP_S: Final = STEP_NS * 1e-9
_ROOT_STEP: Final = math.sqrt(_STEP_S)
_PATH_S: Final = PATH_STEPS * _STEP_S
_FLOOR_TICKS: Final = 1_000.0


@kernel
def step_price(w: I64Array) -> None:
    """Move the efficient price by one step of its grid."""
    common = common_of(w)[0]
    if common.step % PATH_STEPS == 0:
        _change_volatility(w)
        _write_path(w)
    common.step += 1
    common.next_step_ns += STEP_NS
    move = common.drift_ticks * _STEP_S + common.volatility * _ROOT_STEP * normal(random_of(w))
    if common.price_ticks + move > _FLOOR_TICKS:
        common.price_ticks += move
    past_of(w)[common.step % LAGS] = common.price_ticks


@kernel
def _change_volatility(w: I64Array) -> None:
    """Let volatility, the heat of news and the venues' premiums wander."""
    cold()
    common = common_of(w)[0]
    constants = constants_of(w)[0]
    kept = math.exp(-_PATH_S / constants.log_volatility_memory_s)
    wander = constants.log_volatility_sigma * math.sqrt(1.0 - kept * kept)
    common.log_volatility = kept * common.log_volatility + wander * normal(random_of(w))
    common.heat *= math.exp(-_PATH_S / constants.heat_memory_s)
    heated = math.sqrt(1.0 + constants.heat_variance * common.heat)
    own = constants.volatility_ticks * math.exp(common.log_volatility)
    common.volatility = own * common.regime_volatility * heated
    for v in range(w[W.N_VENUES]):
        venue = venues_of(w)[v]
        venue.premium_ticks *= venue.premium_kept
        venue.premium_ticks += venue.premium_step * normal(random_of(w))


@kernel
def _write_path(w: I64Array) -> None:
    common = common_of(w)[0]
    row = path_of(w)[common.used_path]
    row.ts_ns = common.now_ns
    row.regime = common.regime
    row.price_ticks = common.price_ticks
    row.volatility_ticks = common.volatility
    row.heat = common.heat
    common.used_path += 1


@kernel
def look(w: I64Array, v: int) -> bool:
    """Let a venue's quoters see the price of a while ago; True where they will move for it."""
    venue = venues_of(w)[v]
    common = common_of(w)[0]
    seen = past_of(w)[(common.step - venue.lag_steps) % LAGS]
    view = seen + venue.premium_ticks + venue.shift_ticks
    venue.view_ticks = view
    hesitation = constants_of(w)[0].hesitation_ticks
    anchor = venue.anchor_ticks
    if view > anchor + 1 + hesitation:
        venue.anchor_ticks = math.ceil(view - 1.0 - hesitation)
    elif view < anchor - hesitation:
        venue.anchor_ticks = math.floor(view + hesitation)
    return anchor != venue.anchor_ticks
