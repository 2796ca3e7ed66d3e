"""Forecasts of a model: out of sample, available after its latency, the same in every mode."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.tracking import URI_VARIABLE
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.errors import DataError
from framework.core.links import LatencyKind, LatencyModel
from framework.engine import BacktestConfig, run_backtest
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream, open_streams
from framework.signals import (
    FORECAST_SCHEMA,
    ForecastPart,
    ForecastSignal,
    ForecastUnit,
    Signal,
    forecast_signals,
    held_forecasts,
    write_forecasts,
)
from framework.state import Lag, StoreLink
from framework.strategy import Strategy
from framework.synthetic.planted import (
    Level,
    PlantedMarket,
    planted_instruments,
    write_planted_market,
)
from research.volatility import (
    BarSettings,
    ForecastOrigin,
    forecast_frame,
    measured_latency_ns,
    volatility_table,
)
from research.volatility.models import Har
from strategies.crossed_arbitrage import CrossedArbitrage
from strategies.defensive import DefensiveGlft, DefensiveMidpoint
from strategies.midpoint_quoting import MidpointQuoting
from tests.support.volatility import quotes

HORIZON_NS = 10 * NS_PER_S
TABLE = TableName("silver", "volatility_forecasts")
_LEARN = "forecasts.volatility.learn.model=har"
GUARD = {"forecast_calm_bps": 2.0, "forecast_widen": 0.2, "forecast_shrink": True}
GUARDED: dict[str, Strategy] = {
    "midpoint": MidpointQuoting(size=5, **GUARD, forecast_veto_bps=12.0),
    "hidden": MidpointQuoting(half_spread_ticks=0.5, hidden=True, **GUARD),
    "defended": DefensiveMidpoint(size=5, max_position=50, **GUARD, forecast_nearer=0.5),
    "glft": DefensiveGlft(gamma=0.02, a=30.0, k=3.0, size=5, max_position=50, **GUARD),
    "arbitrage": CrossedArbitrage(min_edge_bps=0.1, min_age_ns=0, **GUARD, forecast_veto_bps=20.0),
}


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return volatility_table(quotes(3.0, seed=0), BarSettings(horizon_ns=HORIZON_NS))


def _forecasts(
    table: pl.DataFrame, learnt_rows: int | None, latency: Lag | None = None
) -> pl.DataFrame:
    """Let HAR learn from the first rows, all of it unrelated where None, and forecast the table."""
    model = Har()
    model.fit(table[: learnt_rows or table.height])
    until_ns = None if learnt_rows is None else int(table["ts_ns"][learnt_rows - 1]) + HORIZON_NS
    origin = ForecastOrigin(model="har", version=1, learnt_until_ns=until_ns)
    made = forecast_frame(
        model, table, origin, source=("made", "v:XY"), horizon_ns=HORIZON_NS, latency=latency
    )
    assert made.rows.height + made.left_out == table.height
    assert made.coverage > 0.8
    return made.rows


def test_what_a_model_has_learnt_from_is_left_out(table: pl.DataFrame) -> None:
    rows = _forecasts(table, 600)
    # The outcome of row 599 is known at row 600: the first forecast that can be made.
    assert rows["ts_ns"].to_list() == table["ts_ns"][600:].to_list()
    assert _forecasts(table, None).height == table.height
    with pytest.raises(DataError, match="must forecast what it has not learnt from"):
        _forecasts(table, table.height)


def test_a_forecast_does_not_change_with_what_comes_later(table: pl.DataFrame) -> None:
    model = Har()
    model.fit(table[:600])
    origin = ForecastOrigin(model="har", version=1, learnt_until_ns=int(table["ts_ns"][600]))
    whole, part = (
        forecast_frame(model, rows, origin, source=("a", "v:X"), horizon_ns=HORIZON_NS).rows
        for rows in (table, table[:900])
    )
    assert part.equals(whole[: part.height])


def test_the_latency_is_the_tables_or_the_specs(table: pl.DataFrame, tmp_path: Path) -> None:
    rows = _forecasts(table, 600, Lag(ns=7 * NS_PER_MS))
    lake = Lake(tmp_path)
    assert write_forecasts(lake, TABLE, rows) == 0
    assert write_forecasts(lake, TABLE, rows) is None
    ts_ns = rows["ts_ns"].to_numpy()

    def known_ns(**settings: object) -> np.ndarray:
        mean, low, high = forecast_signals("vol", lake, TABLE, **settings)  # type: ignore[arg-type]
        assert [signal.name for signal in (mean, low, high)] == ["vol", "vol_low", "vol_high"]
        found = [_all(signal) for signal in (mean, low, high)]
        assert (found[0][0] == found[1][0]).all()  # all three at once, drawn or not
        assert (found[0][0] == found[2][0]).all()
        assert (found[1][1] <= found[0][1]).all()
        return found[0][0]

    assert (known_ns() - ts_ns == 7 * NS_PER_MS).all()
    assert (known_ns(inference=Lag(ns=2 * NS_PER_MS)) - ts_ns == 2 * NS_PER_MS).all()
    link = StoreLink(write=Lag(ns=NS_PER_MS), notify=Lag(ns=3 * NS_PER_MS))
    assert (known_ns(link=link) - ts_ns == 11 * NS_PER_MS).all()
    drawn = LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=0.5)
    lags = known_ns(inference=Lag(ns=2 * NS_PER_MS, model=drawn), seed=3) - ts_ns
    assert len(set(lags.tolist())) > 100
    assert 0.8 < np.median(lags) / (2 * NS_PER_MS) < 1.25
    variance = ForecastSignal("vol", lake, TABLE, ForecastPart.HIGH, unit=ForecastUnit.BPS2)
    assert _all(variance)[1].tolist() == rows["high_bps2"].to_list()
    held = held_forecasts("vol", rows)[2]
    assert (_all(held)[1] == np.sqrt(rows["high_bps2"].to_numpy())).all()


def _all(signal: Signal) -> tuple[np.ndarray, np.ndarray]:
    blocks = list(signal.blocks(0))
    return tuple(
        np.concatenate([getattr(block, name) for block in blocks])
        for name in ("available_ns", "value")
    )  # type: ignore[return-value]


def test_unsound_forecasts_and_unknown_series_are_refused(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    lake, rows = Lake(tmp_path), _forecasts(table, 600)
    early = rows.with_columns(available_ns=pl.col("ts_ns") - 1)
    crossed = rows.with_columns(low_bps2=pl.col("high_bps2") * 2)
    for wrong in (early, crossed, rows.with_columns(mean_bps2=pl.lit(float("nan")))):
        with pytest.raises(DataError, match="row 0 of the forecasts"):
            write_forecasts(lake, TABLE, wrong)
    with pytest.raises(DataError, match="one series at a time"):
        write_forecasts(lake, TABLE, rows.clear())
    with pytest.raises(DataError, match="must have the columns"):
        write_forecasts(lake, TABLE, rows.drop("series"))
    write_forecasts(lake, TABLE, rows)
    assert lake.scan(TABLE).collect_schema() == FORECAST_SCHEMA
    with pytest.raises(DataError, match="must have the series garch"):
        ForecastSignal("vol", lake, TABLE, series="garch")
    other = rows.with_columns(series=pl.lit("other"))
    write_forecasts(lake, TABLE, other)
    with pytest.raises(DataError, match="must have the series asked for"):
        ForecastSignal("vol", lake, TABLE)
    assert lake.scan(TABLE).collect().height == 2 * rows.height


def test_a_forecast_is_timed_for_a_suggestion(table: pl.DataFrame) -> None:
    model = Har()
    model.fit(table)
    assert measured_latency_ns(model, table) > 0


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    lake = tmp_path_factory.mktemp("lake")
    market = PlantedMarket(1.5, 11, instruments=planted_instruments(2))
    write_planted_market(lake, market, levels=[Level.DEPTH])
    return open_streams(lake, "planted_depth")


@pytest.fixture(scope="module")
def forecast(streams: list[GoldStream]) -> tuple[Signal, ...]:
    """A forecast a second, from calm to wild and back, 5 ms late; the first after 10 seconds."""
    start_ns = PlantedMarket(0.1, 1).model.start_ns
    second = np.arange(10, 90)
    upper = 12.0 * np.abs(np.sin(second / 7.0)) ** 2 + 1.0
    rows = pl.DataFrame({"ts_ns": start_ns + second * NS_PER_S}).with_columns(
        available_ns=pl.col("ts_ns") + 5 * NS_PER_MS,
        mean_bps2=pl.Series(upper**2 / 2),
        low_bps2=pl.Series(upper**2 / 4),
        high_bps2=pl.Series(upper**2),
    )
    return held_forecasts("volatility", rows)


@pytest.mark.parametrize("name", GUARDED)
def test_guarded_strategies_do_the_same_compiled(
    name: str, streams: list[GoldStream], forecast: tuple[Signal, ...]
) -> None:
    books = streams if name == "arbitrage" else streams[:1]
    interpreted, compiled = (
        run_backtest(GUARDED[name], books, BacktestConfig(compiled=compiled, signals=forecast))
        for compiled in (False, True)
    )
    assert interpreted.counters["fills"] > 2
    assert compiled.journal_hash == interpreted.journal_hash
    first_ns = int(next(forecast[2].blocks(0)).available_ns[0])
    assert int(compiled.journal["ts_ns"][0].as_py()) >= first_ns  # nothing was known before


def test_the_future_of_a_forecast_changes_no_earlier_order(
    streams: list[GoldStream], forecast: tuple[Signal, ...]
) -> None:
    rows = [next(signal.blocks(0)) for signal in forecast]
    cut_ns = int(rows[0].available_ns[40])
    ts_ns = pl.DataFrame({"ts_ns": rows[0].valid_ns, "available_ns": rows[0].available_ns})
    squares = {f"{p}_bps2": r.value**2 for p, r in zip(ForecastPart, rows, strict=True)}
    factor = np.where(rows[0].available_ns < cut_ns, 1.0, 9.0)
    other = ts_ns.with_columns(pl.Series(k, v * factor) for k, v in squares.items())
    same = ts_ns.with_columns(pl.Series(k, v) for k, v in squares.items())
    journals = [
        pl.DataFrame(
            run_backtest(
                GUARDED["midpoint"],
                streams[:1],
                BacktestConfig(compiled=True, signals=held_forecasts("volatility", frame)),
            ).journal
        )
        for frame in (same, other)
    ]
    before = [journal.filter(pl.col("ts_ns") < cut_ns) for journal in journals]
    assert before[0].height > 50
    assert before[0].equals(before[1])
    assert not journals[0].equals(journals[1])


def _answer(*arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_commands_take_a_model_into_a_backtest_and_repeat_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URI_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    market = PlantedMarket(minutes=8, seed=1, instruments=planted_instruments(1))
    write_planted_market("lake", market, name="small", levels=(Level.QUOTES,))
    news = ["--news", "small_news"]
    learnt = _answer(
        "model", "train", "small_quotes", "--horizon", "2s", "--folds", "2", "--model", "har",
        "--end", "2024-01-02T14:35", *news,
    )  # fmt: skip
    name = str(learnt["name"])
    forecast = ["model", "forecast", name, "small_quotes", *news, "--latency", "3ms"]
    told = _answer(*forecast)
    assert told["from"] >= "2024-01-02T14:34:58"  # type: ignore[operator]
    assert 0.5 < float(str(told["coverage_90"])) <= 1
    assert told["version"] == 0
    assert _answer(*forecast)["version"] is None
    refused = CliRunner().invoke(main, [*forecast, "--unrelated"])
    assert refused.exit_code == 2
    assert "learnt from small_quotes ash:PLT itself" in refused.output
    spec = tmp_path / "guarded.yaml"
    spec.write_text(
        """
name: guarded
strategy: strategies.midpoint_quoting:MidpointQuoting
parameters: {interval_ns: 50ms, forecast_calm_bps: 1, forecast_widen: 0.2}
data: [{table: small_quotes}]
start: 2024-01-02T14:35
forecasts: {volatility: {notify: 1ms}}
latency: {order_entry: 500us, response: 500us}
"""
    )
    run = _answer("run", "guarded.yaml", "--out", "out/run")
    compiled = _answer("run", "guarded.yaml", "--set", "compiled=true", "--no-track")
    assert run["fills"] != 0
    assert run["journal_hash"] == compiled["journal_hash"]
    assert _answer("rerun", "out/run")["same"] is True


def test_the_shipped_spec_learns_on_one_market_and_trades_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = Path(__file__).resolve().parents[2] / "experiments" / "planted_forecast.yaml"
    small = ["planted.planted_one.minutes=4", "planted.planted_before.minutes=6"]
    settings = [word for text in (*small, _LEARN) for word in ("--set", text)]
    run = _answer("run", str(spec), *settings, "--no-track")
    guarded, without = run["variants"]  # type: ignore[misc]
    assert without["orders"] > guarded["orders"] > 0
    read = {entry["table"]: entry["stream"] for entry in run["data"]}  # type: ignore[attr-defined]
    assert "volatility_high" in read["silver/planted_one_forecasts"]
    rows = Lake("lake").scan(TableName("silver", "planted_one_forecasts")).collect()
    assert rows["horizon_ns"].unique().to_list() == [5 * NS_PER_S]
    same = ["--set", "forecasts.volatility.learn.stream=planted_before_quotes/ash:PLT"]
    again = ["--set", "forecasts.volatility.table=others", "--no-track"]
    refused = CliRunner().invoke(main, ["run", str(spec), *settings, *same, *again])
    assert refused.exit_code == 2
    assert "which cannot be unrelated to it" in refused.output


def test_a_guard_by_forecasts_is_measured_against_a_twin_that_captures_as_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = _answer(
        "defence", "--forecast", "har", "--seeds", "2", "--minutes", "6", "--learn", "2",
        "--tune", "1",
    )  # fmt: skip
    twins = {twin["twin"]: twin for twin in found["twins"]}  # type: ignore[attr-defined]
    assert list(twins) == ["unguarded", "persistence", "har"]
    assert all(twin["captured"] > 0 and twin["lots"] > 100 for twin in twins.values())
    assert twins["har"]["share"] < twins["unguarded"]["share"]
    intervals = found["intervals"]
    assert isinstance(intervals, dict)
    assert list(intervals) == ["unguarded", "persistence"]
    assert all(low < high for low, high in intervals.values())
    assert len(found["markets"]) == 6  # type: ignore[arg-type]
    unknown = CliRunner().invoke(main, ["defence", "--forecast", "tarot"])
    assert unknown.exit_code == 2
    assert "there is no model tarot" in unknown.output
