"""``crossbook ladder``: every rung is an honest run, and intervals span them."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.studies.ladder import scaled_links
from framework.core.links import LatencyKind, LatencyModel
from framework.synthetic import write_demo_market
from tests.support.small_market import LINEAR

_SPEC = """\
name: small
strategy: strategies.midpoint_quoting:MidpointQuoting
data: [{table: demo}]
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=20_000, seed=5)
    return folder


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(_SPEC)


def _crossbook(command: str, lake: Path, *arguments: str) -> Result:
    given = [command, "spec.yaml", "--lake", str(lake), "--json", *arguments]
    return CliRunner().invoke(main, given)


def test_every_rung_equals_its_own_run(lake: Path) -> None:
    done = _crossbook(
        "ladder",
        lake,
        "--queue",
        "log",
        "--queue",
        "risk_averse",
        "--latency",
        "0",
        "--latency",
        "40",
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    rungs = answer["rungs"]
    assert [(r["queue_model"], r["latency_scale"]) for r in rungs] == [
        ("log", 0.0),
        ("log", 40.0),
        ("risk_averse", 0.0),
        ("risk_averse", 40.0),
    ]
    for rung in rungs:
        one_way = "0ms" if rung["latency_scale"] == 0 else "20ms"  # the demo's is 500us
        run = _crossbook(
            "run",
            lake,
            "--no-track",
            "--set",
            f"queue={{model: {rung['queue_model']}}}",
            "--set",
            f"latency={{order_entry: {one_way}, response: {one_way}}}",
        )
        figures = json.loads(run.stdout)
        for name in ("journal_hash", "fills", "fill_ratio", "pnl"):
            assert rung[name] == figures[name]
    assert len({rung["journal_hash"] for rung in rungs}) == 4
    for name, span in answer["intervals"].items():
        values = [rung[name] for rung in rungs]
        assert span == {"min": min(values), "max": max(values)}


def test_the_default_ladder_has_every_queue_model(lake: Path) -> None:
    done = _crossbook("ladder", lake)
    assert done.exit_code == 0, done.output
    rungs = pl.DataFrame(json.loads(done.stdout)["rungs"])
    assert rungs.height == 6 * 3
    assert rungs.select("queue_model", "latency_scale").is_unique().all()
    assert (rungs["maker_fills"] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "vary={seed: [1, 2]}"), "climbs one run"),
        (("--latency", "-1"), "0 or more"),
        (("--latency", "fast"), "a number such as"),
    ],
)
def test_what_cannot_climb_says_why(lake: Path, arguments: tuple[str, ...], words: str) -> None:
    done = _crossbook("ladder", lake, *arguments)
    assert done.exit_code == 2, done.output
    assert words in json.loads(done.stdout)["error"]


def test_scaling_reaches_every_latency() -> None:
    link = replace(
        LINEAR,
        order_entry_ns=100,
        cancel_entry_ns=60,
        response_ns=80,
        entry_model=LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=0.5),
        response_model=LatencyModel(kind=LatencyKind.FROM_DATA, factor=3.0),
    )
    half = scaled_links(link, Decimal("0.5"))
    assert (half.order_entry_ns, half.cancel_entry_ns, half.response_ns) == (50, 30, 40)
    assert half.replace_entry_ns is None
    assert (half.entry_model.sigma, half.response_model.factor) == (0.5, 1.5)
