"""Compile the engine ahead of the first run: ``python -m framework.engine.warm``.

Kernels are kept on disk, so this is worth doing once where an image is built, or in a process of
its own while something else is prepared.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from framework._jit import is_cached
from framework.engine.loop import advance
from framework.replay.output import warm_merge
from framework.venue.memory import World
from framework.venue.records import STREAM_DTYPE


def warm_up() -> None:
    """Compile the event loop, the merge and all they call, or find them compiled."""
    advance(World(np.zeros(1, STREAM_DTYPE), 1).root)
    warm_merge()


def warm_up_aside() -> subprocess.Popen[bytes] | None:
    """Start compiling in a process of its own; None where everything is compiled already."""
    if is_cached(advance):
        return None
    return subprocess.Popen([sys.executable, "-m", "framework.engine.warm"])


if __name__ == "__main__":
    warm_up()
