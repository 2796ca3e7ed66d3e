"""Run specs: what they may say, and what is said of their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.spec.load import Plan, load_plan
from framework.core.errors import SpecError

_STRATEGY = """\
from framework.strategy.base import Strategy
from framework.strategy.params import param


class Waits(Strategy):
    edge_bps: float = param(1.0, low=0.0, high=50.0)
    size: int = param(1, low=1)
    hold_ns: int = param(0)


class NoStrategy:
    pass
"""
_SPEC = """\
name: made_up
strategy: waits.py:Waits
parameters:
  edge_bps: 2
data:
  - table: demo
start: 2014-05-01
end: 2014-05-02T12:00
latency: {one_way: 1ms, venues: {beta: {response: 3ms}}}
fees: {taker_bps: 0.5}
queue: {model: power, power: 2.5}
seed: 7
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "waits.py").write_text(_STRATEGY)
    path = tmp_path / "spec.yaml"
    path.write_text(_SPEC)
    return path


def _edited(spec: Path, old: str, new: str) -> Path:
    text = spec.read_text()
    assert old in text
    spec.write_text(text.replace(old, new))
    return spec


def _mistake(spec: Path, old: str, new: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        load_plan(_edited(spec, old, new))
    return caught.value


def _only(plan: Plan) -> object:
    (run,) = plan.runs
    return run


def test_a_spec_is_read_whole(spec: Path) -> None:
    plan = load_plan(spec)
    (run,) = plan.runs
    assert run.strategy.parameters() == {"edge_bps": 2.0, "size": 1, "hold_ns": 0}
    assert run.spec.start_ns == 1_398_902_400_000_000_000
    assert run.spec.end_ns == 1_399_032_000_000_000_000
    assert run.spec.sample_interval_ns is None
    assert run.varied == {}
    assert run.settings["parameters.edge_bps"] == "2"
    assert run.settings["data.0.table"] == "demo"
    assert plan.text == _SPEC


def test_finer_latencies_beat_one_way(spec: Path) -> None:
    latency = load_plan(spec).spec.latency
    beta = latency.at("beta")
    assert (beta.feed_ns, beta.order_entry_ns, beta.response_ns) == (10**6, 10**6, 3 * 10**6)
    assert latency.at("alpha").response_ns == 10**6


def test_fees_left_out_stay_with_the_catalog(spec: Path) -> None:
    fees = load_plan(spec).spec.fees.at("alpha")
    assert fees.maker_bps is None
    assert str(fees.taker_bps) == "0.5"


def test_overrides_are_yaml_values_at_paths(spec: Path) -> None:
    plan = load_plan(
        spec, ["parameters.edge_bps=3.5", "data.0.version=4", "episodes.hours=[7, 20]"]
    )
    (run,) = plan.runs
    assert run.strategy.parameters()["edge_bps"] == 3.5
    assert run.spec.data[0].version == 4
    assert run.spec.episodes is not None
    assert run.spec.episodes.hours == (7, 20)
    assert "edge_bps: 3.5" in plan.text


def test_parameters_in_nanoseconds_take_durations(spec: Path) -> None:
    (run,) = load_plan(spec, ["parameters.hold_ns=1.5ms"]).runs
    assert run.strategy.parameters()["hold_ns"] == 1_500_000


def test_vary_makes_one_run_per_value_as_written(spec: Path) -> None:
    plan = load_plan(_edited(spec, "seed: 7\n", "vary:\n  latency.one_way: [0ms, 1ms, 50ms]\n"))
    assert [run.varied for run in plan.runs] == [
        {"latency.one_way": text} for text in ("0ms", "1ms", "50ms")
    ]
    assert [run.spec.latency.at("alpha").feed_ns for run in plan.runs] == [0, 10**6, 50 * 10**6]
    assert plan.spec.latency.one_way_ns == 10**6
    assert "vary" not in " ".join(plan.runs[0].settings)


def test_several_varied_paths_are_combined(spec: Path) -> None:
    plan = load_plan(spec, ["vary={seed: [1, 2], parameters.edge_bps: [1, 5]}"])
    assert [run.varied for run in plan.runs] == [
        {"seed": seed, "parameters.edge_bps": edge} for seed in "12" for edge in "15"
    ]
    assert len({id(run.strategy) for run in plan.runs}) == 4


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("seed: 7", "sede: 7", 12, "did you mean 'seed'?"),
        ("  edge_bps: 2", "  edge_bp: 2", 4, "did you mean 'edge_bps'?"),
        ("  edge_bps: 2", "  edge_bps: 99", 4, "must be at most 50"),
        ("  edge_bps: 2", "  edge_bps: lots", 4, "must be float"),
        ("waits.py:Waits", "waits.py:Wait", 2, "did you mean 'Waits'?"),
        ("waits.py:Waits", "waits.py:NoStrategy", 2, "must be a class derived from"),
        ("waits.py:Waits", "weights.py:Waits", 2, "no file weights.py"),
        ("waits.py:Waits", "strategies.crossed_arbitrag:X", 2, "there is no module"),
        ("waits.py:Waits", "Waits", 2, "module:Class"),
        ("one_way: 1ms", "one_way: 1 parsec", 9, "a duration is"),
        ("one_way: 1ms", "one_way: -1ms", 9, "must not be negative"),
        ("one_way: 1ms", "oneway: 1ms", 9, "did you mean 'one_way'?"),
        ("start: 2014-05-01", "start: yesterday", 7, "ISO 8601"),
        ("model: power", "model: strong", 11, "'risk_averse'"),
        ("power: 2.5", "power: 0", 11, "greater than 0"),
        ("seed: 7", "seed: -1", 12, "greater than or equal to 0"),
        ("seed: 7", "sample_interval: 0s", 12, "greater than 0"),
        ("seed: 7", "exchange: some_fills", 12, "'partial_fills'"),
        ("seed: 7", "episodes: {hours: [20, 7]}", 12, "the first the smaller"),
        ("seed: 7", "seed: 7\nseed: 8", 13, "stands twice"),
        ("seed: 7", "vary: {parameters.edge_bps: [1, 99]}", 12, "must be at most 50"),
        ("seed: 7", "vary: {data.0.table: [a, b]}", 12, "cannot be varied"),
        ("seed: 7", "vary: {seed: []}", 12, "at least one value"),
        ("name: made_up", "name: made/up", 1, "pattern"),
        ("  - table: demo", "  - {}", 6, "'table' is missing"),
    ],
)
def test_a_mistake_is_named_by_line(spec: Path, old: str, new: str, line: int, words: str) -> None:
    error = _mistake(spec, old, new)
    assert f"spec.yaml:{line}: " in error.message
    assert words in str(error)


def test_a_period_must_not_be_empty(spec: Path) -> None:
    error = _mistake(spec, "end: 2014-05-02T12:00", "end: 2014-05-01")
    assert "end must be later than start" in error.message


def test_too_many_runs_are_refused(spec: Path) -> None:
    error = _mistake(spec, "seed: 7", f"vary: {{seed: {list(range(201))}}}")
    assert "at most 200 runs may be asked for, got 201" in error.message


def test_a_strategy_file_that_breaks_is_named(spec: Path) -> None:
    (spec.parent / "waits.py").write_text("import no_such_package\n")
    with pytest.raises(SpecError, match=r"waits\.py cannot be imported: ModuleNotFoundError"):
        load_plan(spec)


@pytest.mark.parametrize("override", ["seed", "=3", "seed=[1", "seed.deeper=3"])
def test_a_bad_override_is_refused(spec: Path, override: str) -> None:
    with pytest.raises(SpecError):
        load_plan(spec, [override])


def test_a_list_is_no_spec(spec: Path) -> None:
    spec.write_text("- one\n")
    with pytest.raises(SpecError, match=r"spec\.yaml:1: a spec must be a mapping"):
        load_plan(spec)
