"""What a first run says while its kernels compile."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.cli.output import Output
from experiments.cli.progress import replay_progress
from framework import _jit
from framework._jit import cache
from framework.engine import run_backtest
from framework.engine.loop import advance
from framework.replay import open_streams
from framework.synthetic import write_demo_market
from strategies.midpoint_quoting import MidpointQuoting


def test_only_a_run_that_has_to_compile_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_demo_market(tmp_path, rows=2_000, seed=2)
    run_backtest(MidpointQuoting(), open_streams(tmp_path, "demo"))
    assert _jit.is_cached(advance)
    with replay_progress(Output(json=False)):
        pass
    assert "compiling" not in capsys.readouterr().err
    monkeypatch.setattr(cache, "CACHE_DIR", tmp_path / "empty")
    with replay_progress(Output(json=False)):
        pass
    assert "compiling the engine, once" in capsys.readouterr().err
