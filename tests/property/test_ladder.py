"""The ladder against a plain dictionary, over random levels near, far and drifting."""

from __future__ import annotations

import random

import numpy as np
import pytest

from framework.book.ladder import (
    Ladders,
    clear_half,
    level_lots,
    next_level,
    set_level,
)
from framework.core.events import NO_PRICE


def _walk(ladders, half):
    found, z = [], np.iinfo(np.int64).max
    while (z := next_level(ladders.handle, half, z)) != NO_PRICE:
        found.append((z, level_lots(ladders.handle, half, z)))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_ladder_equals_a_dictionary(seed):
    rng = random.Random(seed)
    ladders = Ladders(2, far_levels=64)
    twin: list[dict[int, int]] = [{} for _ in range(4)]
    centre = 100_000
    for step in range(8_000):
        if rng.random() < 0.01:
            centre += rng.randint(-20_000, 20_000)
        half = rng.randrange(4)
        levels = twin[half]
        z = (centre + round(rng.gauss(0, rng.choice([5, 50, 9_000])))) * (-1 if half % 2 else 1)
        if levels and rng.random() < 0.6:
            z = max(levels)
        lots = rng.choice([0, 0, 1, 2, 5])
        if rng.random() < 0.0005:
            clear_half(ladders.handle, half)
            levels.clear()
            continue
        before = set_level(ladders.handle, half, z, lots)
        while before < 0:
            ladders.grow_far()
            before = set_level(ladders.handle, half, z, lots)
        assert before == levels.get(z, 0)
        if lots:
            levels[z] = lots
        else:
            levels.pop(z, None)
        assert ladders.half[half]["best"] == max(levels, default=NO_PRICE)
        if step % 50 == 0:
            assert _walk(ladders, half) == sorted(levels.items(), reverse=True)
