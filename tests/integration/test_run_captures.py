"""The FX spec on two real venues: what latency leaves of the crosses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main

_SPEC = Path(__file__).resolve().parents[2] / "experiments" / "fx_arbitrage.yaml"

pytestmark = [pytest.mark.captures, pytest.mark.slow]


def _crossbook(*arguments: str | Path) -> dict[str, object]:
    done = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def answer(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("fx")
    lake = folder / "lake"
    for venue in ("fxcm", "oanda"):
        source = captures / "fx" / venue
        _crossbook(
            "ingest", "fx", source, "--table", f"fx_{venue}", "--venue", venue, "--lake", lake
        )
    return _crossbook("run", _SPEC, "--lake", lake, "--out", folder / "out", "--no-track")


def test_later_orders_find_less(answer: dict[str, object]) -> None:
    """Which attempts some milliseconds spoil is chance; how many they spoil is not."""
    variants = answer["variants"]
    assert isinstance(variants, list)
    assert [v["values"]["latency.one_way"] for v in variants] == ["0ms", "1ms", "10ms", "50ms"]
    ratios = [v["fill_ratio"] for v in variants]
    assert ratios == sorted(ratios, reverse=True)
    assert len(set(ratios)) == 4
    profits = [v["pnl"] for v in variants]
    assert min(profits) == profits[-1] < 0 < min(profits[:-1])


def test_every_day_has_its_crossed_episodes(answer: dict[str, object]) -> None:
    days = answer["episodes"]
    assert isinstance(days, list)
    assert [day["date"] for day in days] == [f"2014-05-0{n}" for n in (1, 2, 4, 5, 6, 7)]
    assert all(day["episodes"] > 0 for day in days)
    # 20 pips at the release of 2014-05-02 12:30 UTC
    assert max(day["max_edge"] for day in days) == pytest.approx(0.0020, abs=1e-4)


def test_the_report_shows_both(answer: dict[str, object]) -> None:
    page = Path(str(answer["report"])).read_text("utf-8")
    assert "What if: latency.one_way" in page
    assert "Crossed episodes" in page
