"""Reality's sign: on a real capture passive quotes are picked off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.captures
def test_passive_fills_on_a_capture_lose_against_the_mid(captures: Path, tmp_path: Path) -> None:
    shared = ["--lake", str(tmp_path), "--catalog", str(_ROOT / "data_catalog.yaml"), "--json"]
    source = captures / "binance" / "usdm"
    if not source.is_dir():
        pytest.skip(f"no capture of Binance futures at {source}")
    table = ["--table", "binance_usdm", "--venue", "binance_usdm"]
    done = CliRunner().invoke(main, ["ingest", "binance", str(source), *table, *shared])
    assert done.exit_code == 0, done.output
    spec = str(_ROOT / "experiments" / "binance_midpoint.yaml")
    rungs = ["--queue", "risk_averse", "--queue", "power", "--latency", "1"]
    done = CliRunner().invoke(main, ["ladder", spec, *rungs, *shared])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert all(rung["maker_fills"] > 500 for rung in answer["rungs"])
    # Adverse selection (Albers, J. et al. (2025), "The market maker's dilemma", arXiv:2502.18625):
    # a simulator whose resting orders are filled without it is wrong.
    for horizon in ("100ms", "1s", "10s"):
        assert answer["intervals"][f"markout_{horizon}_bps"]["max"] < -0.3
