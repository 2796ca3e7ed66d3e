"""Random draws inside kernels, from a state that is passed in.

SplitMix64 with the transforms written out compiles several times faster than NumPy's generators
do inside a kernel, and its stream is fixed by this file alone.

References
----------
Steele, G. L., Lea, D., & Flood, C. H. (2014). Fast splittable pseudorandom number generators.
Box, G. E. P., & Muller, M. E. (1958). A note on the generation of random normal deviates.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from framework._jit import kernel

RandomState = NDArray[np.uint64]
"""Shape (1,): the counter of SplitMix64."""

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11))
_UNIT: Final = 2.0**-53
_TWO_PI: Final = 2.0 * math.pi


def seeded(seed: int) -> RandomState:
    """Start a stream of draws; seeds that differ by one give unrelated streams."""
    return np.random.SeedSequence(seed).generate_state(1, np.uint64).astype(np.uint64)


@kernel
def uniform(state: RandomState) -> float:
    """Draw from [0, 1)."""
    state[0] += _STEP
    z = state[0]
    z = (z ^ (z >> _SHIFTS[0])) * _MIX_1
    z = (z ^ (z >> _SHIFTS[1])) * _MIX_2
    z = z ^ (z >> _SHIFTS[2])
    return float(z >> _SHIFTS[3]) * _UNIT


@kernel
def exponential(state: RandomState) -> float:
    """Draw from the exponential distribution of mean 1."""
    return -math.log(1.0 - uniform(state))


@kernel
def normal(state: RandomState) -> float:
    """Draw from the standard normal distribution."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
    return radius * math.cos(_TWO_PI * uniform(state))


@kernel
def sign(state: RandomState) -> int:
    """Draw +1 or −1."""
    return 1 if uniform(state) < 0.5 else -1
