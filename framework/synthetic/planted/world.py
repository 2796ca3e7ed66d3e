"""Everything the planted market's kernels need, behind one array of addresses.

An array argument is seven words on every call between kernels, a hundred in all here; an address
is one, and compiles in a fraction of the time.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from framework._jit import array_at, kernel
from framework.core.events import F64Array, I64Array, Records
from framework.synthetic.draws import RandomState
from framework.synthetic.planted.state import (
    ACTION_DTYPE,
    COMMON_DTYPE,
    CONSTANT_DTYPE,
    CROSS_DTYPE,
    EPISODE_DTYPE,
    LAGS,
    LEVEL_DTYPE,
    MAX_LIVE,
    NODE_DTYPE,
    PATH_DTYPE,
    REGIME_DTYPE,
    ROW_DTYPE,
    TRUTH_DTYPE,
    VENUE_DTYPE,
    WINDOW,
)


class W(IntEnum):
    """Places in the world: addresses, then counts."""

    COMMON = 0
    CONSTANTS = 1
    VENUES = 2
    NODES = 3
    LEVELS = 4
    LIVE = 5
    FREE = 6
    PAST = 7
    REGIMES = 8
    PAIRS = 9
    EPISODES = 10
    ACTIONS = 11
    RANDOM = 12
    ROWS = 13
    TRUTH = 14
    CROSSES = 15
    PATH = 16
    N_VENUES = 17
    N_ACTIONS = 18
    N_ROWS = 19
    N_CROSSES = 20
    N_PATH = 21


_NODE_BYTES: Final = NODE_DTYPE.itemsize * MAX_LIVE
_LEVEL_BYTES: Final = LEVEL_DTYPE.itemsize * WINDOW
_PAIR_BYTES: Final = CROSS_DTYPE.itemsize


def world_of(**arrays: np.ndarray) -> I64Array:
    """Collect the addresses of arrays, named as in `W`; they must outlive the world."""
    world = np.zeros(len(W), np.int64)
    for name, array in arrays.items():
        world[W[name.upper()]] = array.ctypes.data
    world[W.N_VENUES] = arrays["venues"].size
    world[W.N_ACTIONS] = arrays["actions"].size
    for name in ("rows", "crosses", "path"):
        world[W[f"N_{name.upper()}"]] = arrays[name].size
    return world


@kernel
def common_of(w: I64Array) -> Records:
    """What the venues share, shape (1,)."""
    return array_at(w[W.COMMON], 1, COMMON_DTYPE)


@kernel
def constants_of(w: I64Array) -> Records:
    """Constants of the model, shape (1,)."""
    return array_at(w[W.CONSTANTS], 1, CONSTANT_DTYPE)


@kernel
def venues_of(w: I64Array) -> Records:
    """The venues."""
    return array_at(w[W.VENUES], w[W.N_VENUES], VENUE_DTYPE)


@kernel
def nodes_of(w: I64Array, v: int) -> Records:
    """Places for resting orders of a venue."""
    return array_at(w[W.NODES] + v * _NODE_BYTES, MAX_LIVE, NODE_DTYPE)


@kernel
def levels_of(w: I64Array, v: int, k: int) -> Records:
    """Levels of one side of a venue (0 bid, 1 ask), by price modulo WINDOW."""
    return array_at(w[W.LEVELS] + (2 * v + k) * _LEVEL_BYTES, WINDOW, LEVEL_DTYPE)


@kernel
def live_of(w: I64Array, v: int) -> I64Array:
    """Nodes in use, in no order."""
    return array_at(w[W.LIVE] + 8 * v * MAX_LIVE, MAX_LIVE, np.int64)


@kernel
def free_of(w: I64Array, v: int) -> I64Array:
    """Nodes not in use, a stack."""
    return array_at(w[W.FREE] + 8 * v * MAX_LIVE, MAX_LIVE, np.int64)


@kernel
def past_of(w: I64Array) -> F64Array:
    """Efficient price of the latest steps, by step modulo LAGS."""
    return array_at(w[W.PAST], LAGS, np.float64)


@kernel
def regimes_of(w: I64Array) -> Records:
    """Factors of each regime."""
    return array_at(w[W.REGIMES], 3, REGIME_DTYPE)


@kernel
def pairs_of(w: I64Array, buy: int) -> Records:
    """Pairs that buy at one venue, by the venue they sell at."""
    n = w[W.N_VENUES]
    return array_at(w[W.PAIRS] + buy * n * _PAIR_BYTES, n, CROSS_DTYPE)


@kernel
def episodes_of(w: I64Array) -> Records:
    """What is planted."""
    return array_at(w[W.EPISODES], 1 << 40, EPISODE_DTYPE)


@kernel
def actions_of(w: I64Array) -> Records:
    """The timeline of what is planted."""
    return array_at(w[W.ACTIONS], w[W.N_ACTIONS], ACTION_DTYPE)


@kernel
def random_of(w: I64Array) -> RandomState:
    """State of the random draws."""
    return array_at(w[W.RANDOM], 1, np.uint64)


@kernel
def rows_of(w: I64Array) -> Records:
    """Gold rows of the chunk."""
    return array_at(w[W.ROWS], w[W.N_ROWS], ROW_DTYPE)


@kernel
def truth_of(w: I64Array) -> Records:
    """Truth of the chunk's messages."""
    return array_at(w[W.TRUTH], w[W.N_ROWS], TRUTH_DTYPE)


@kernel
def crosses_of(w: I64Array) -> Records:
    """Crosses that ended in the chunk."""
    return array_at(w[W.CROSSES], w[W.N_CROSSES], CROSS_DTYPE)


@kernel
def path_of(w: I64Array) -> Records:
    """Latent state over the chunk."""
    return array_at(w[W.PATH], w[W.N_PATH], PATH_DTYPE)
