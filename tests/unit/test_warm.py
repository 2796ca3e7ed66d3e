"""Compiling ahead: what a run enters is compiled, and nothing is left for the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from framework.engine import compiling

_CHECKOUT = Path(__file__).resolve().parents[2]
_RUN = """
import sys
from pathlib import Path
from framework.engine import BacktestConfig, run_backtest
from framework.engine.kernel_cache import kernels_on_disk
from framework.engine.warm import warm_up
from framework.replay import open_streams
from framework.synthetic import write_demo_market
from strategies.midpoint_quoting import MidpointQuoting
write_demo_market(Path(sys.argv[1]), rows=2_000, seed=2)
warm_up()
before = set(kernels_on_disk())
for compiled in (False, True):
    streams = open_streams(Path(sys.argv[1]), "demo")
    result = run_backtest(MidpointQuoting(), streams, BacktestConfig(compiled=compiled))
    print(result.journal_hash)
left = sorted(name for name in set(kernels_on_disk()) - before if "strategy_" not in name)
print("loop.advance" in before, left)
"""


def test_nothing_is_left_to_compile_but_the_strategy(tmp_path: Path) -> None:
    environment = dict(
        os.environ, PYTHONPATH=str(_CHECKOUT), CROSSBOOK_CACHE_DIR=str(tmp_path / "cache")
    )
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path / "lake")],
        cwd=_CHECKOUT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    interpreted, compiled, left = done.stdout.splitlines()
    assert interpreted == compiled
    assert left == "True []"


def test_one_core_compiles_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "is_cached", lambda kernel: False)
    monkeypatch.setattr(compiling, "usable_cores", lambda: 1)
    assert compiling.warm_up_aside() is None
    assert not compiling.compile_first()


def test_a_helper_that_fails_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "is_cached", lambda kernel: False)
    monkeypatch.setattr(compiling, "usable_cores", lambda: 2)
    monkeypatch.setattr(compiling, "_LOOP_ALONE", "raise SystemExit(3)")
    assert compiling.compile_first()
