"""Models of volatility: one interface, no look-ahead, risk that only raises, no pickle."""

from __future__ import annotations

import json
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from research.volatility import (
    LEVELS,
    TARGET,
    BarSettings,
    feature_names,
    find_leaks,
    is_risk,
    known_rows,
    volatility_table,
    with_known,
)
from research.volatility.models import KINDS, Boosting, Har, ModelError
from research.volatility.store import STATE_FILE, load_model, save_model
from tests.support.volatility import START_NS, headlines, quotes

_HORIZON_NS = 10 * NS_PER_S
_QUICK = [kind for kind in KINDS if kind != "tft"]


@cache
def _table() -> pl.DataFrame:
    news = headlines(3.0, seed=0)
    return _build(quotes(3.0, seed=0, news=news), news)


def _build(rows: pl.DataFrame, news: pl.DataFrame | None) -> pl.DataFrame:
    return volatility_table(rows, BarSettings(horizon_ns=_HORIZON_NS), news=news)


@pytest.mark.parametrize("kind", _QUICK)
def test_every_model_keeps_the_interface(kind: str, tmp_path: Path) -> None:
    table = _table()
    model = KINDS[kind]()
    with pytest.raises(ModelError, match="must be fitted"):
        model.forecast(table)
    steps: list[tuple[int, int]] = []
    model.fit(table[:700], on_progress=lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1]
    made = model.forecast(table)
    assert made.ts_ns.tolist() == table["ts_ns"].to_list()
    assert made.quantiles_bps2.shape == (table.height, LEVELS.size)
    assert (np.diff(made.quantiles_bps2, axis=1) >= 0).all()
    assert (made.mean_bps2 > 0).all()
    outcome = known_rows(table)[TARGET].to_numpy()
    assert made.mean_bps2.mean() == pytest.approx(outcome.mean(), rel=0.3)
    weights = model.explain(table)
    assert sum(weights.values()) == pytest.approx(1.0)
    save_model(model, tmp_path / "model", about={"horizon_ns": _HORIZON_NS})
    again, about = load_model(tmp_path / "model")
    assert about == {"horizon_ns": _HORIZON_NS}
    np.testing.assert_array_equal(again.forecast(table).mean_bps2, made.mean_bps2)
    np.testing.assert_array_equal(again.forecast(table).quantiles_bps2, made.quantiles_bps2)


@pytest.mark.parametrize("kind", _QUICK)
def test_no_forecast_depends_on_later_rows(kind: str) -> None:
    table = _table()
    model = KINDS[kind]()
    model.fit(table[:700])
    whole, part = model.forecast(table), model.forecast(table[:900])
    np.testing.assert_allclose(whole.mean_bps2[:900], part.mean_bps2, rtol=1e-6)


def test_more_risk_never_lowers_a_boosted_forecast() -> None:
    table = _table()
    model = Boosting(rounds=100)
    model.fit(table)
    before = model.forecast(table)
    moved = 0
    for name in filter(is_risk, feature_names(table)):
        for step in (0.5, 3.0):
            after = model.forecast(table.with_columns(pl.col(name) + step))
            assert (after.mean_bps2 >= before.mean_bps2 * (1 - 1e-6)).all(), name
            assert (after.quantiles_bps2 >= before.quantiles_bps2 * (1 - 1e-6)).all(), name
            moved += int((after.mean_bps2 > before.mean_bps2 * 1.01).sum())
    assert moved > table.height


def test_features_do_not_look_ahead() -> None:
    news = headlines(1.0, seed=3)
    rows = quotes(1.0, seed=3, news=news)
    cuts = [START_NS + second * NS_PER_S + 123 for second in (1_500, 2_005, 3_000)]
    assert find_leaks(_build, rows, cuts, news=news, horizon_ns=_HORIZON_NS) == []

    def cheat(quotes: pl.DataFrame, news: pl.DataFrame | None) -> pl.DataFrame:
        return _build(quotes, news).with_columns(pl.col("log_spread").shift(-1))

    leaks = find_leaks(cheat, rows, cuts, news=news, horizon_ns=_HORIZON_NS)
    assert {leak.column for leak in leaks} == {"log_spread"}
    assert all(leak.ts_ns <= leak.altered_ns < leak.ts_ns + _HORIZON_NS for leak in leaks)


def test_the_outcome_is_the_next_bar_and_closed_hours_have_none() -> None:
    rows = quotes(1.0, seed=4)
    gap_ns = START_NS + 2_000 * NS_PER_S
    is_open = (pl.col("ts_ns") < gap_ns) | (pl.col("ts_ns") > gap_ns + 900 * NS_PER_S)
    table = _build(rows.filter(is_open), None)
    following = table["rv_bps2"].shift(-1)
    known = table[TARGET].is_not_null()
    assert table.filter(known)[TARGET].equals(following.filter(known), check_names=False)
    assert table.filter(~known).height == 2  # the last before the gap, the last of all


def test_columns_that_are_absent_are_not_missed_and_text_becomes_flags() -> None:
    table = _build(quotes(1.0, seed=5), None)
    assert not [name for name in feature_names(table) if name.startswith("news_")]
    known = pl.DataFrame({"available_ns": [START_NS + 1_800 * NS_PER_S], "mood": ["calm"]})
    known = pl.concat([known, known.with_columns(pl.col("available_ns") + 1, mood=pl.lit("wild"))])
    joined = with_known(table, known, ["mood"])
    later = joined["ts_ns"] > START_NS + 1_800 * NS_PER_S
    assert "mood_wild" in feature_names(joined)
    assert joined["mood_wild"].to_list() == later.cast(pl.Float64).to_list()
    with pytest.raises(DataError, match="exogenous columns need luck"):
        with_known(table, known, ["luck"])


def test_a_table_that_lacks_what_was_learnt_from_is_refused() -> None:
    model = Boosting(rounds=10)
    model.fit(_table())
    with pytest.raises(ModelError, match="it lacks news_heat_10s"):
        model.forecast(_table().drop("news_heat_10s"))
    with pytest.raises(DataError, match="needs 30 bars"):
        model.fit(_table()[:20])


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('a pickle ran')",))


@pytest.mark.parametrize("name", ["model.pkl", "weights.safetensors", "extra.pt"])
def test_a_foreign_file_is_refused_unread(name: str, tmp_path: Path) -> None:
    model = Har()
    model.fit(_table())
    save_model(model, tmp_path, about={})
    (tmp_path / name).write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError, match="nothing else; pickles can run any code"):
        load_model(tmp_path)


def test_a_pickle_in_place_of_a_model_is_refused(tmp_path: Path) -> None:
    model = Boosting(rounds=10)
    model.fit(_table())
    save_model(model, tmp_path, about={})
    trees = tmp_path / "mean.ubj"
    kept = trees.read_bytes()
    trees.write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError, match="missing or was changed"):
        load_model(tmp_path)
    trees.write_bytes(kept)
    document = json.loads((tmp_path / STATE_FILE).read_text())
    (tmp_path / STATE_FILE).write_text(json.dumps(document | {"kind": "os.system"}))
    with pytest.raises(ModelError, match="kind must be one of"):
        load_model(tmp_path)
    (tmp_path / STATE_FILE).write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError, match="must be JSON"):
        load_model(tmp_path)
