"""``crossbook run`` with funding and interest: told on the screen, in JSON and in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.synthetic import write_demo_market

_SPEC = """\
name: carried
strategy: strategies.midpoint_quoting:MidpointQuoting
parameters: {max_position: 5}
data: [{table: demo, venue: alpha}]
financing: {alpha:XYZ: {long_bps: 50000, short_bps: 50000, every: 1s}}
"""


def test_what_positions_cost_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_demo_market(tmp_path / "lake", rows=20_000, seed=5)
    Path("spec.yaml").write_text(_SPEC)
    arguments = ["run", "spec.yaml", "--lake", "lake", "--no-track", "--json"]
    carried = CliRunner().invoke(main, arguments)
    assert carried.exit_code == 0, carried.output
    figures = json.loads(carried.stdout)
    assert figures["carry"] > 0
    assert figures["pnl"] == pytest.approx(
        figures["gross_pnl"] - figures["fees"] - figures["carry"]
    )
    assert "Funding and financing" in Path(figures["report"]).read_text("utf-8")
    free = CliRunner().invoke(main, [*arguments, "--set", "financing={}"])
    plain = json.loads(free.stdout)
    assert "carry" not in plain
    assert plain["pnl"] == pytest.approx(figures["pnl"] + figures["carry"])
    assert "Funding and financing" not in Path(plain["report"]).read_text("utf-8")
