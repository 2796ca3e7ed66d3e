"""What a run compiles before it starts, on two cores where there are two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from framework._jit import is_cached
from framework.book.queue_l3 import has_room
from framework.engine.cores import usable_cores
from framework.engine.loop import advance
from framework.engine.recording import Recorder
from framework.replay.output import warm_merge
from framework.strategy.actions.market import (
    ctx_depth_lots,
    ctx_level_lots,
    ctx_level_ticks,
    ctx_levels,
)
from framework.strategy.base import Strategy
from framework.strategy.compiled import compile_strategy
from framework.venue.feed import bring_known
from framework.venue.memory import World
from framework.venue.records import JOURNAL_DTYPE, STREAM_DTYPE

_LOOP_ALONE = "from framework.engine.compiling import warm_loop; warm_loop()"


def warm_up() -> None:
    """Compile all that a run enters, whether its strategies are compiled or not, or load it."""
    if not compile_first():
        _warm_rest()
    warm_loop()


def compile_first(strategies: Iterable[type[Strategy]] = ()) -> bool:
    """Compile what a first run needs on two cores; false where there is nothing to gain.

    The event loop takes as long as all else, so it is compiled in a process of its own.

    Parameters
    ----------
    strategies
        Classes that will run compiled.
    """
    process = warm_up_aside()
    if process is None:
        return False
    with process:  # waits for it
        for owner in strategies:
            compile_strategy(owner)
        _warm_rest()
    return True


def warm_up_aside() -> subprocess.Popen[bytes] | None:
    """Start compiling the event loop in a process of its own.

    None where it is compiled already, or there is only one core. Nothing depends on its success:
    what it has not compiled is compiled where it is needed.
    """
    if is_cached(advance) or usable_cores() < 2 or not sys.executable:
        return None
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    return subprocess.Popen(
        [sys.executable, "-c", _LOOP_ALONE], env=environment, stderr=subprocess.DEVNULL
    )


def warm_loop() -> None:
    """Compile the event loop and all it calls, or find it compiled."""
    advance(World(np.zeros(1, STREAM_DTYPE), 1).root)


def _warm_rest() -> None:
    """Compile, or find compiled, what a run enters besides the loop."""
    warm_merge()
    world = World(np.zeros(1, STREAM_DTYPE), 1)
    has_room(world.queues.handle)
    bring_known(world.root, 0)
    world.checkpoint()
    ctx_depth_lots(world.root, 0, 1, 0)
    ctx_level_ticks(world.root, 0, 1, 0)
    ctx_level_lots(world.root, 0, 1, 0)
    ctx_levels(world.root, 0, 1, np.zeros(1, np.int64), np.zeros(1, np.int64))
    with ThreadPoolExecutor(1) as worker:
        rows = np.zeros((1, len(JOURNAL_DTYPE.names or ())), np.int64)
        Recorder((), worker).add_journal(rows, np.zeros(1, np.int64))
