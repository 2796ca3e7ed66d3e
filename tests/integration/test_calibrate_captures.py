"""The calibration on LOBSTER's AMZN, whose order ids are the exchange's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.replay.open import open_streams
from framework.strategy import OnTimer, Strategy

ROOT = Path(__file__).resolve().parents[2]
AMZN = "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"

pytestmark = [pytest.mark.captures, pytest.mark.slow]


def crossbook(*arguments: str | Path) -> dict[str, object]:
    done = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def lake(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = captures / "lobster" / AMZN
    if not source.exists():
        pytest.skip(f"no capture {source}")
    folder = tmp_path_factory.mktemp("lobster")
    crossbook("ingest", "lobster", source, "--table", "amzn", "--lake", folder)
    return folder


@pytest.fixture(scope="module")
def tables(lake: Path) -> Path:
    return lake / "tables.md"


@pytest.fixture(scope="module")
def found(lake: Path, tables: Path) -> dict[str, object]:
    return crossbook("calibrate", "queue", "amzn", "--lake", lake, "--markdown", tables)


def test_the_queue_knows_who_is_first(found: dict[str, object]) -> None:
    assert found["executions"] == 8_974
    assert found["verdicts"] == {
        "first": 7_709,
        "anonymous_first": 598,
        "behind_anonymous": 26,
        "behind_orders": 20,
        "unseen": 621,
    }
    assert found["agreement"] == pytest.approx(7_709 / 7_755)


def test_the_careful_model_is_never_early(found: dict[str, object]) -> None:
    models = {row["model"]: row for row in found["models"]}
    assert models["risk_averse"]["early"] == 0.0
    assert models["risk_averse"]["bias_lots"] == pytest.approx(models["risk_averse"]["mae_lots"])
    others = [row for name, row in models.items() if name != "risk_averse"]
    assert len(others) == 7
    assert all(row["bias_lots"] < 0.0 for row in others)
    assert found["recommended"] == "risk_averse"


def test_the_documentation_shows_what_the_command_writes(
    found: dict[str, object], tables: Path
) -> None:
    assert tables.read_text("utf-8") in (ROOT / "docs" / "fidelity.md").read_text("utf-8")


class JoinsBothSides(Strategy):
    """Rests a share at the best bid and ask, anew every ten seconds."""

    wakes = (OnTimer("10s"),)

    def on_timer(self, ctx) -> None:
        ctx.cancel_all()
        if ctx.has_quote(0):
            ctx.submit(0, 1, 1, ctx.bid_ticks(0))
            ctx.submit(0, -1, 1, ctx.ask_ticks(0))


def test_careful_estimates_fill_less_than_the_exact_queue_hopeful_ones_more(lake: Path) -> None:
    streams = open_streams(lake, "amzn", catalog=ROOT / "data_catalog.yaml")
    fills = {
        model: run_backtest(JoinsBothSides(), streams, BacktestConfig(queue_model=model)).counters[
            "fills"
        ]
        for model in ("auto", "risk_averse", "power", "power2", "power3", "log", "log2")
    }
    assert fills["risk_averse"] < fills["auto"]
    assert all(n > fills["auto"] for m, n in fills.items() if m not in ("auto", "risk_averse"))
    told = (ROOT / "docs" / "fidelity.md").read_text("utf-8")
    assert f"filled {fills['auto']} times by the exact queue, {fills['risk_averse']} times" in (
        " ".join(told.split())
    )
