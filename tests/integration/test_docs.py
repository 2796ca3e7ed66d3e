"""The reference pages are complete: every field of a spec, every call of the context."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import polars as pl
import yaml

from experiments.run import RunOptions, carry_out
from experiments.spec import Spec
from experiments.spec.load import load_plan
from framework.core.orders import TimeInForce
from framework.engine import run_backtest
from framework.lake.desk import COST_SCHEMA
from framework.lake.store import Lake, TableName
from framework.replay import open_streams
from framework.signals import FORECAST_SCHEMA, SIGNAL_SCHEMA, write_forecasts, write_signal
from framework.strategy import Context, OnTimer, Strategy
from framework.strategy.wake import Wake
from framework.synthetic import write_demo_market
from research.tca.cost_table import cost_table

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_SPECS = (_DOCS / "specs.md").read_text(encoding="utf-8")
_STRATEGY = (_DOCS / "strategy.md").read_text(encoding="utf-8")


def _block(page: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_spec_with_every_field_runs_and_varies(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(_block(_SPECS, "yaml"), encoding="utf-8")
    write_demo_market(tmp_path / "lake", rows=40_000, seed=2)
    rows = pl.DataFrame([("XYZ", 0, 0, 0.0, "normal")], schema=SIGNAL_SCHEMA, orient="row")
    regimes = TableName("silver", "demo_regimes")
    write_signal(Lake(tmp_path / "lake"), regimes, rows, transaction="made")
    _write_costs(Lake(tmp_path / "lake"))
    _write_forecast(Lake(tmp_path / "lake"))
    options = RunOptions(lake=tmp_path / "lake", out=tmp_path / "out", track=False)
    variants = carry_out(load_plan(path), options).variants
    assert len(variants) == 4
    slower = {v.values["latency.order_entry"]: v.result.journal_hash for v in variants}
    assert len(set(slower.values())) == 2


def _write_costs(lake: Lake) -> None:
    """Write what orders have cost: enough to learn impact from."""
    costs = pl.DataFrame(
        {
            "run_key": ["made"] * 30,
            "source": ["backtest"] * 30,
            "symbol": ["XYZ"] * 30,
            "venue": ["alpha"] * 30,
            "liquidity": ["taker"] * 30,
            "quantity": [float(1 + row) for row in range(30)],
            "beyond_touch_bps": [0.1 * (1 + row) for row in range(30)],
            "is_within_touch": [True] * 30,
        }
    )
    rows = pl.concat([pl.DataFrame(schema=COST_SCHEMA), costs], how="diagonal")
    lake.replace(cost_table(), rows, column="run_key", value="made", content=1)


def _write_forecast(lake: Lake) -> None:
    """Write one forecast of volatility."""
    row = ("har-0-demo-alpha:XYZ", "har", 0, "alpha:XYZ", 10**9, 0, 0, 4.0, 1.0, 9.0)
    rows = pl.DataFrame([row], schema=FORECAST_SCHEMA, orient="row")
    write_forecasts(lake, TableName("silver", "demo_forecasts"), rows)


def _documented(written: object, spec: object, place: str = "") -> Iterator[str]:
    """Name the fields of a spec that the example does not write, section by section."""
    if isinstance(spec, tuple):
        assert isinstance(written, list)
        yield from _documented(written[0], spec[0], f"{place}.0")
        return
    assert isinstance(written, dict), f"{place} is not in the example"
    assert is_dataclass(spec)
    for field in fields(spec):
        value = getattr(spec, field.name)
        key = field.name if field.name in written else field.name.removesuffix("_ns")
        if key not in written:
            yield f"{place}.{key}"
        elif is_dataclass(value) or (isinstance(value, tuple) and is_dataclass(value[0])):
            yield from _documented(written[key], value, f"{place}.{key}")


def test_the_example_has_every_field_of_the_spec(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(_block(_SPECS, "yaml"), encoding="utf-8")
    spec: Spec = load_plan(path).spec
    assert list(_documented(yaml.safe_load(path.read_text("utf-8")), spec)) == []


def _calls() -> Iterator[str]:
    for name in dir(Context):
        member = inspect.getattr_static(Context, name)
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"ctx.{name}"
        else:
            arguments = list(inspect.signature(member).parameters)[1:]
            yield f"ctx.{name}({', '.join(arguments)})"


def test_the_table_has_every_call_of_the_context_and_no_other() -> None:
    section = _STRATEGY.partition("## The context")[2].partition("## Orders")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `ctx.")]
    assert sorted(re.findall(r"`(ctx\.[^`]+)`", " ".join(cells))) == sorted(_calls())


def test_every_wake_up_and_time_in_force_is_explained() -> None:
    told = set(re.findall(r"^\| `(On\w+)\(", _STRATEGY, re.MULTILINE))
    assert told == {kind.__name__ for kind in Wake.__args__}
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", _STRATEGY, re.MULTILINE))
    assert told == {kind.name for kind in TimeInForce}


def test_the_strategy_shown_runs_and_starts_afresh_each_time(tmp_path: Path) -> None:
    names: dict[str, object] = {"__name__": "shown"}
    exec(compile(_block(_STRATEGY, "python"), "docs/strategy.md", "exec"), names)
    shown = names["JoinTheBest"]
    assert isinstance(shown, type)
    assert issubclass(shown, Strategy)
    assert isinstance(shown.wakes[0], OnTimer)
    write_demo_market(tmp_path, rows=20_000, seed=2)
    strategy, streams = shown(size=2), open_streams(tmp_path, "demo")
    first, second = run_backtest(strategy, streams), run_backtest(strategy, streams)
    assert first.journal_hash == second.journal_hash
    assert set(first.fills["side"]) == {1, -1}
    assert not hasattr(strategy, "bought")
