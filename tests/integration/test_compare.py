"""Runs side by side: from results, from the folders they leave, from MLflow."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.compare import compare, fills_that_differ, write_comparison
from framework.core.errors import SpecError
from framework.synthetic import write_demo_market
from tests.unit.made_result import make_result, random_result

_ROOT = Path(__file__).resolve().parents[2]
_SPEC = """
name: quotes
strategy: strategies.midpoint_quoting:MidpointQuoting
parameters: {size: 3, half_spread_ticks: 1.0}
data: [{table: demo}]
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a spec has been run twice, with another half spread."""
    root = tmp_path_factory.mktemp("compare")
    write_demo_market(root / "lake", rows=10_000, seed=6)
    (root / "quotes.yaml").write_text(_SPEC)
    (root / "data_catalog.yaml").write_text((_ROOT / "data_catalog.yaml").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name, half in (("one", 1.0), ("two", 2.0)):
            value = f"--set=parameters.half_spread_ticks={half}"
            assert _crossbook("run", "quotes.yaml", value, "--out", name).exit_code == 0
    return root


def _crossbook(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_folders_are_compared(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    done = _crossbook("compare", "one", "two", "--json", "--out", "page.html")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    (setting,) = answer["settings"]
    assert setting == {
        "setting": "parameters.half_spread_ticks",
        "quotes one": "1.0",
        "quotes two": "2.0",
    }
    pnl = [row for row in answer["measures"] if row["measure"] == "pnl"]
    assert [row["run"] for row in pnl] == ["quotes one", "quotes two"]
    assert all(row["low"] < row["value"] < row["high"] for row in pnl)
    assert answer["fills"]["quotes two"]["only_first"] > 0
    page = (here / "page.html").read_text()
    assert page.count("data-figure=") == 2
    assert re.findall(r"(?:src|href)\s*=\s*[\"'](?!#|data:)[^\"']*", page) == []
    plain = _crossbook("compare", "one", "two", "--out", "page.html")
    assert "fills are the same" in plain.stdout
    assert "What differs" in plain.stdout


def test_mlflow_runs_are_compared_by_their_ids(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    ids = json.loads(_crossbook("run", "quotes.yaml", "--json").stdout)["run_id"]
    done = _crossbook("compare", ids, "one", "--json", "--out", "page.html")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["settings"] == []
    assert len({run["journal_hash"] for run in answer["runs"]}) == 1


def test_a_run_that_does_not_exist_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    done = _crossbook("compare", "one", "three", "--out", "page.html")
    assert done.exit_code == 2
    assert "three" in done.output
    assert "two runs or more" in _crossbook("compare", "one", "--out", "page.html").output


def test_fills_differ_by_count_where_they_look_alike() -> None:
    result = make_result()
    assert fills_that_differ(result, result).is_empty()
    twice = replace(result, journal=result.journal.take([*range(8), 3]))
    (extra,) = fills_that_differ(result, twice).rows(named=True)
    assert (extra["in_base"], extra["price"], extra["side"]) == (False, 1.01, 1)
    none = make_result(orders=False)
    assert fills_that_differ(result, none)["in_base"].to_list() == [True, True]


def test_results_are_compared_in_a_notebook(tmp_path: Path) -> None:
    found = compare(random_result(50), random_result(60, seed=8), names=["<a>", "b"])
    assert found.settings.filter("differs").is_empty()
    assert found.measures["measure"].n_unique() == 14
    assert found.fills().height == found.fills("b").height > 100
    page = found._repr_html_()
    assert "&lt;a&gt;" in page
    assert "<a>" not in page
    with pytest.raises(SpecError, match="none of them"):
        found.fills("c")
    assert write_comparison(found, tmp_path / "page.html").stat().st_size < 5_000_000


def test_money_in_several_currencies_is_not_added_up() -> None:
    mixed = make_result(currencies=("USD", "EUR"))
    found = compare(mixed, mixed, names=["a", "b"])
    money = found.measures.filter(pl.col("measure").is_in(["pnl", "sharpe", "turnover"]))
    assert money["value"].null_count() == money.height
    counts = found.measures.filter(pl.col("measure") == "fills")
    assert counts["value"].to_list() == [2.0, 2.0]


def test_names_must_fit() -> None:
    with pytest.raises(SpecError, match="as many names"):
        compare(make_result(), make_result(), names=["a"])
    found = compare(make_result(), make_result(), names=["a", "a"])
    assert found.names == ("a (1)", "a (2)")
