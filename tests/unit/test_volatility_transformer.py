"""The transformer: no look-ahead, the same seed the same bytes, a mean that is one, no pickle."""

from __future__ import annotations

import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from framework.core.clock import NS_PER_S
from framework.core.events import F64Array
from research.volatility import LEVELS, TARGET, BarSettings, evaluate, known_rows, volatility_table
from research.volatility.models import Har, ModelError, Transformer, installed_kinds
from research.volatility.models import network as network_of_tft
from research.volatility.store import load_model, save_model
from tests.support.volatility import START_NS, headlines, quotes

pytest.importorskip("darts", reason="the extra crossbook[transformer] is not installed")

_HORIZON_NS = 10 * NS_PER_S
_LEARNT = 500


@cache
def _table() -> pl.DataFrame:
    news = headlines(3.0, seed=0)
    rows = quotes(3.0, seed=0, news=news)
    return volatility_table(rows, BarSettings(horizon_ns=_HORIZON_NS), news=news)


@cache
def _model() -> tuple[Transformer, list[tuple[int, int]]]:
    model, steps = Transformer(epochs=4), []
    model.fit(_table()[:_LEARNT], on_progress=lambda done, total: steps.append((done, total)))
    return model, steps


def test_it_keeps_the_interface(tmp_path: Path) -> None:
    table = _table()
    with pytest.raises(ModelError, match="must be fitted"):
        Transformer().forecast(table)
    model, steps = _model()
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4), (4, 4)]
    assert len(model.curves["train"]) == len(model.curves["held_out"]) == 4
    made = model.forecast(table)
    assert made.ts_ns.tolist() == table["ts_ns"].to_list()
    assert made.quantiles_bps2.shape == (table.height, LEVELS.size)
    assert (np.diff(made.quantiles_bps2, axis=1) >= 0).all()
    assert model.forecast(table[:0]).quantiles_bps2.shape == (0, LEVELS.size)
    outcome = known_rows(table)[TARGET].to_numpy()
    assert made.mean_bps2.mean() == pytest.approx(outcome.mean(), rel=0.3)
    weights = model.explain(table)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert {"log_rv", "news_heat_40s", "error_of_start"} <= weights.keys()
    save_model(model, tmp_path / "model", about={})
    again, _ = load_model(tmp_path / "model")
    assert again.kind == "tft"
    assert again.forecast(table).quantiles_bps2.tobytes() == made.quantiles_bps2.tobytes()
    assert again.forecast(table).mean_bps2.tobytes() == made.mean_bps2.tobytes()


def test_no_forecast_depends_on_outcomes_or_later_rows() -> None:
    table, (model, _) = _table(), _model()
    whole = model.forecast(table).quantiles_bps2
    columns = [name for name in table.columns if name != "ts_ns"]
    other = pl.concat([table[:900], table[900:].with_columns(pl.col(columns) * 3.0 + 1.0)])
    assert np.array_equal(model.forecast(other).quantiles_bps2[:900], whole[:900])
    assert not np.array_equal(model.forecast(other).quantiles_bps2[900:], whole[900:])
    blind = model.forecast(table.drop(TARGET, "rv_bps2")).quantiles_bps2
    assert np.array_equal(blind, whole)
    # Only as many bars as it looks back at count, and fewer will do.
    lately = model.forecast(table.tail(40)).quantiles_bps2
    np.testing.assert_allclose(lately[-20:], whole[-20:], rtol=1e-5)
    assert np.isfinite(model.forecast(table[:1]).mean_bps2).all()


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    rows = _table()[:200]

    def learnt(seed: int) -> bytes:
        model = Transformer(seed=seed, epochs=2)
        model.fit(rows)
        return model.forecast(rows).quantiles_bps2.tobytes()

    np.random.seed(5)
    first = learnt(1)
    np.random.seed(6)
    assert learnt(1) == first
    assert learnt(2) != first


def test_training_stops_when_nothing_is_gained_and_keeps_the_best() -> None:
    rows = _table()[:400]
    model = Transformer(epochs=30, patience=1, learning_rate=0.05)
    model.fit(rows)
    losses = model.curves["held_out"]
    assert len(losses) < 30
    assert losses[-1] > min(losses)
    best = Transformer(epochs=int(np.argmin(losses)) + 1, patience=30, learning_rate=0.05)
    best.fit(rows)
    assert model.forecast(rows).mean_bps2.tobytes() == best.forecast(rows).mean_bps2.tobytes()


def _bars(log_rv: F64Array) -> pl.DataFrame:
    rv = pl.Series("rv_bps2", np.exp(log_rv))
    return pl.DataFrame(
        {
            "ts_ns": np.arange(rv.len()) * _HORIZON_NS,
            "rv_bps2": rv,
            "log_rv": rv.log(),
            "log_rv_5": rv.rolling_mean(5, min_samples=1).log(),
            "log_rv_22": rv.rolling_mean(22, min_samples=1).log(),
            TARGET: rv.shift(-1),
        }
    )


def test_the_mean_is_that_of_the_variance_and_not_of_its_logarithm() -> None:
    rng = np.random.default_rng(3)
    log_rv = 0.9 * rng.standard_normal(3_001)
    table = _bars(log_rv)
    model = Transformer(epochs=3)
    model.fit(table[:2_000])
    made = model.forecast(table[2_000:3_000])
    outcome = table[2_000:3_000][TARGET].to_numpy()
    # The mean of exp(0.9 z) is exp(0.405) = 1.5, its median 1.
    assert np.mean(outcome / made.mean_bps2) == pytest.approx(1.0, abs=0.12)
    assert np.mean(made.mean_bps2) == pytest.approx(np.exp(0.405), rel=0.12)
    assert np.mean(made.quantiles_bps2[:, 4:6]) == pytest.approx(1.0, rel=0.15)


def test_closed_hours_and_missing_values_do_no_harm() -> None:
    rows = quotes(1.0, seed=4)
    gap_ns = START_NS + 2_000 * NS_PER_S
    is_open = (pl.col("ts_ns") < gap_ns) | (pl.col("ts_ns") > gap_ns + 900 * NS_PER_S)
    table = volatility_table(rows.filter(is_open), BarSettings(horizon_ns=_HORIZON_NS))
    never = pl.lit(None, dtype=pl.Float64)
    some = pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.col("log_spread"))
    table = table.with_columns(risk_never=never, risk_some=some)
    assert table[TARGET].null_count() == 2
    # What a row whose outcome is not known is followed by must not be learnt.
    place = int(table[TARGET].is_null().arg_true()[0])
    weights = Transformer()._weights(table)
    assert weights[place + 1] == 0.0
    assert weights.sum() == table.height - 2
    model = Transformer(epochs=2)
    model.fit(table)
    assert np.isfinite(model.forecast(table).quantiles_bps2).all()


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('a pickle ran')",))


def test_a_pickle_in_place_of_weights_is_refused(tmp_path: Path) -> None:
    save_model(_model()[0], tmp_path, about={})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "network.safetensors"]
    (tmp_path / "network.safetensors").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError, match="missing or was changed"):
        load_model(tmp_path)
    # Even where the digest is made to fit, nothing unpickles.
    from safetensors import SafetensorError

    with pytest.raises(SafetensorError):
        Transformer().load(tmp_path, _model()[0].save(_empty(tmp_path)))


def _empty(folder: Path) -> Path:
    other = folder / "other"
    other.mkdir()
    return other


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "darts", None)
    with pytest.raises(ModelError, match="which are not installed") as caught:
        Transformer().fit(_table()[:100])
    assert "crossbook[transformer]" in str(caught.value)
    monkeypatch.setattr(Transformer, "needs", ("no_such_package",))
    assert "tft" not in installed_kinds()
    assert "har" in installed_kinds()


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = "import sys, research.volatility.models; print({'torch', 'darts'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_two_threads_are_left_to_others_as_they_were() -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with network_of_tft._quietly():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def _driven(strength: float) -> pl.DataFrame:
    """Draw bars whose variance rises with a thing known before, or does not."""
    rng = np.random.default_rng(7)
    heat = np.maximum(rng.standard_normal(1_600) - 1.0, 0.0)
    log_rv = 0.5 * rng.standard_normal(heat.size)
    log_rv[1:] += strength * heat[:-1]
    return _bars(log_rv).with_columns(news_heat_10s=heat)


def test_what_drives_volatility_is_worth_something_and_what_does_not_is_not() -> None:
    for strength in (2.0, 0.0):
        models = {"har": Har, "tft": lambda: Transformer(epochs=12)}
        found = evaluate(_driven(strength), models, _HORIZON_NS, folds=1)
        assert found.against_reference()["tft"].is_win() == (strength > 0)
        (row,) = found.summary().filter(pl.col("model") == "tft").iter_rows(named=True)
        assert row["coverage_low"] < 0.9 < row["coverage_high"]
