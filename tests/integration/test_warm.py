"""Compiling ahead: a process of its own fills the cache that the next one uses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
_ASK = (
    "from framework._jit import is_cached\n"
    "from framework.engine.loop import advance\n"
    "from framework.engine.warm import warm_up_aside\n"
    "print(is_cached(advance), warm_up_aside())\n"
)


def test_a_warm_process_leaves_nothing_to_compile() -> None:
    subprocess.run([sys.executable, "-m", "framework.engine.warm"], cwd=_CHECKOUT, check=True)
    environment = dict(os.environ, PYTHONPATH=str(_CHECKOUT))
    told = subprocess.run(
        [sys.executable, "-c", _ASK], env=environment, check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == ["True", "None"]
