"""The golden runs are what they were, and the gate notices and names what changes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from framework.core.instrument import Instrument
from framework.engine import books, config
from framework.venue.queue import QueueModel

GOLDEN = Path(__file__).parent


def _gate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["regress", *arguments])


def test_journals_and_figures_are_the_baselines() -> None:
    done = _gate(str(GOLDEN), "--json")
    assert done.exit_code == 0, done.output
    runs = json.loads(done.stdout)["runs"]
    assert [Path(run["spec"]).stem for run in runs] == [
        "crossed_arbitrage",
        "every_order",
        "large_quotes",
        "midpoint_quoting",
    ]


def test_every_baseline_gives_a_reason_and_stays_small() -> None:
    stored = sorted((GOLDEN / "baselines").glob("*.json"))
    assert len(stored) == 4
    assert all(json.loads(path.read_text())["reason"] for path in stored)
    assert sum(path.stat().st_size for path in (GOLDEN / "baselines").iterdir()) < 200_000


@pytest.fixture
def arbitrage(tmp_path: Path) -> Path:
    """The cheapest golden run alone, in a folder of its own."""
    for name in ("golden.yaml", "crossed_arbitrage.yaml"):
        shutil.copy(GOLDEN / name, tmp_path / name)
    shutil.copytree(GOLDEN / "baselines", tmp_path / "baselines")
    return tmp_path


def _entry_of_a_nanosecond_more(patch: pytest.MonkeyPatch) -> None:
    fill_in: Callable[[np.void, Instrument, int], None] = books._fill_in_links

    def later(record: np.void, item: Instrument, seed: int) -> None:
        fill_in(record, replace(item, order_entry_ns=item.order_entry_ns + 1), seed)

    patch.setattr(books, "_fill_in_links", later)


def _fees_of_another_rate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(books, "PPB_PER_BPS", Decimal("100_010"))


def _nothing_filled_in_part(patch: pytest.MonkeyPatch) -> None:
    other = property(lambda own: config.ExchangeModel.NO_PARTIAL_FILLS)
    patch.setattr(config.BacktestConfig, "exchange", other)


@pytest.mark.parametrize(
    ("plant", "event"),
    [
        (_entry_of_a_nanosecond_more, "accepted of order 1 at"),
        (_fees_of_another_rate, "filled of order 1 at"),
        (_nothing_filled_in_part, " of order "),
    ],
)
def test_a_planted_change_is_caught_and_its_first_event_named(
    plant: Callable[[pytest.MonkeyPatch], None],
    event: str,
    arbitrage: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)
    done = _gate(str(arbitrage))
    assert done.exit_code == 1
    assert "journal differs" in done.stdout
    assert event in done.stdout
    assert "after it, baseline" in done.stdout
    found = json.loads(_gate(str(arbitrage), "--json").stdout)["runs"][0]["difference"]
    assert found["baseline"] != found["now"]
    assert found["state"]["before"]


def test_another_queue_shows_only_where_orders_wait(
    arbitrage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(GOLDEN / "midpoint_quoting.yaml", arbitrage)
    other = lambda own, stream: QueueModel.RISK_AVERSE  # noqa: E731
    monkeypatch.setattr(config.BacktestConfig, "queue", other)
    done = _gate(str(arbitrage), "--json")
    taking, resting = json.loads(done.stdout)["runs"]
    assert (done.exit_code, taking["passed"], resting["passed"]) == (1, True, False)
    assert resting["difference"]["columns"] == ["queue_ahead_lots"] or resting["difference"]["row"]


def test_accepting_needs_a_reason_and_makes_the_gate_pass(
    arbitrage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fees_of_another_rate(monkeypatch)
    assert "needs a reason" in _gate(str(arbitrage), "--accept").output
    assert _gate(str(arbitrage), "--reason", "x").exit_code == 2
    assert _gate(str(arbitrage)).exit_code == 1
    assert _gate(str(arbitrage), "--accept", "--reason", "dearer").exit_code == 0
    stored = json.loads((arbitrage / "baselines" / "crossed_arbitrage.json").read_text())
    assert stored["reason"] == "dearer"
    assert _gate(str(arbitrage)).exit_code == 0


def test_a_spec_without_a_baseline_fails(arbitrage: Path) -> None:
    (arbitrage / "baselines" / "crossed_arbitrage.json").unlink()
    done = _gate(str(arbitrage))
    assert done.exit_code == 1
    assert "no baseline" in done.stdout


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        (None, "must hold golden.yaml"),
        ("market: {rows: 30000, seed: 1}\nlake: lake\n", "either market"),
        ("market: {rows: 30000, sed: 1}\n", "golden.yaml:1"),
    ],
)
def test_a_mistaken_manifest_is_named(manifest: str | None, told: str, tmp_path: Path) -> None:
    if manifest is not None:
        (tmp_path / "golden.yaml").write_text(manifest)
    done = _gate(str(tmp_path))
    assert done.exit_code == 2
    assert told in done.output
