"""The planted market: rows a venue could have sent, and a truth that is true of them."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.errors import DataError, SpecError
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.features import feature_frame
from framework.lake.store import Lake
from framework.synthetic.planted import (
    Deriver,
    EpisodeKind,
    EpisodeRates,
    Level,
    NewsModel,
    PlantedMarket,
    PlantedModel,
    PlantedTables,
    RegimeModel,
    VenueModel,
    generate_planted,
    planted_instruments,
)
from framework.synthetic.planted.queues import LONGEST
from research.crossed import episodes, top_of_book
from tests.unit.planted_book import follow

MINUTES = 4.0
BUSY = EpisodeRates(loss=4.0, congestion=4.0, spoof=6.0, layering=4.0, iceberg=6.0, news=3.0)
QUIET = EpisodeRates(**dict.fromkeys((field.name for field in fields(EpisodeRates)), 0.0))


@pytest.fixture(scope="module")
def market() -> PlantedTables:
    return generate_planted(MINUTES, 5, model=PlantedModel(episodes=BUSY))


@pytest.fixture(scope="module")
def frames(market: PlantedTables) -> dict[str, pl.DataFrame]:
    return {name: pl.DataFrame(pl.from_arrow(table)) for name, table in market.gold.items()}


def kind(market: PlantedTables, *kinds: str) -> pl.DataFrame:
    return market.episodes.filter(pl.col("kind").is_in(kinds), pl.col("is_live"))


def test_rows_are_gold_and_everything_planted_is_there(market: PlantedTables) -> None:
    assert list(market.gold) == ["ash:PLT", "beech:PLT"]
    for table in market.gold.values():
        table.validate(full=True)
        assert table.schema.equals(GOLD_SCHEMA)
    ended = market.episodes["end_ns"] < market.path["ts_ns"][-1]
    lived = market.episodes.filter(ended)["is_live"]
    assert lived.mean() > 0.9
    planted = set(market.episodes.filter("is_live")["kind"])
    assert planted == {
        *("structural", "noise", "dust", "spoof", "layering", "iceberg"),
        *("congestion", "loss", "jump", "news", "regime"),
    }


@pytest.mark.parametrize("chunk_rows", [2 * LONGEST, 40_001])
def test_the_same_seed_gives_the_same_bytes_however_chunks_are_cut(
    market: PlantedTables, chunk_rows: int
) -> None:
    again = generate_planted(MINUTES, 5, model=PlantedModel(episodes=BUSY), chunk_rows=chunk_rows)
    assert all(again.gold[name].equals(table) for name, table in market.gold.items())
    for name in ("truth", "path", "crosses", "episodes", "news"):
        assert getattr(again, name).equals(getattr(market, name)), name


def test_another_seed_gives_another_market(market: PlantedTables) -> None:
    other = generate_planted(0.5, 6)
    head = market.gold["ash:PLT"].slice(0, other.gold["ash:PLT"].num_rows)
    assert not other.gold["ash:PLT"].equals(head)


def test_queues_are_first_come_first_served_and_books_uncrossed(
    frames: dict[str, pl.DataFrame],
) -> None:
    for frame in frames.values():
        messages = sum(1 for _ in follow(frame))
        assert messages > 20_000


def test_each_message_is_numbered_whole_and_in_order(
    market: PlantedTables, frames: dict[str, pl.DataFrame]
) -> None:
    for name, frame in frames.items():
        ends = frame["flags"].to_numpy() & EventFlag.LAST != 0
        seq = frame["seq"].to_numpy()
        assert np.array_equal(ends, np.append(np.diff(seq) > 0, True))
        assert frame.group_by("seq").agg(pl.col("ts_exch_ns", "ts_recv_ns").n_unique()).max().row(
            0
        )[1:] == (1, 1)
        for clock in ("ts_exch_ns", "ts_recv_ns"):
            assert (np.diff(frame[clock].to_numpy()) >= 0).all()
        truth = market.truth.filter(pl.col("venue") == name.split(":")[0])
        assert truth["seq"].to_list() == list(range(1, truth.height + 1))
        got = truth.filter(~pl.col("is_lost"))
        assert got["seq"].to_list() == frame["seq"].unique(maintain_order=True).to_list()


def test_what_is_lost_is_told_as_a_gap_and_healed_by_a_snapshot(
    market: PlantedTables, frames: dict[str, pl.DataFrame]
) -> None:
    losses = kind(market, "loss").filter(pl.col("count") > 0)
    assert losses.height >= 5
    assert losses["count"].sum() == market.truth["is_lost"].sum()
    for loss in losses.iter_rows(named=True):
        frame = frames[f"{loss['venue']}:PLT"]
        gap = frame.filter(kind=EventKind.GAP, ts_exch_ns=loss["end_ns"])
        assert gap.height == 1
        before = frame.filter(pl.col("seq") < gap["seq"][0])["seq"].max()
        assert gap["seq"][0] - before == loss["count"] + 1
        healed = frame.filter(pl.col("ts_exch_ns") == loss["end_ns"] + 150 * NS_PER_MS)
        assert healed["kind"][0] == EventKind.CLEAR
        assert (healed.filter(pl.col("seq") == healed["seq"][0])["flags"] & 2 != 0).all()


def test_feeds_are_late_and_later_while_congested(
    market: PlantedTables, frames: dict[str, pl.DataFrame]
) -> None:
    congested = kind(market, "congestion")
    assert congested.height >= 5
    for spell in congested.iter_rows(named=True):
        frame = frames[f"{spell['venue']}:PLT"].with_columns(
            latency_ms=(pl.col("ts_recv_ns") - pl.col("ts_exch_ns")) / NS_PER_MS
        )
        assert frame["latency_ms"].min() > 0
        inside = pl.col("ts_exch_ns").is_between(spell["start_ns"], spell["end_ns"])
        usual = frame["latency_ms"].median()
        assert frame.filter(inside)["latency_ms"].median() > 5 * usual


def test_crosses_of_the_truth_are_those_of_the_books() -> None:
    model = PlantedModel(episodes=replace(EpisodeRates(), loss=0.0))
    market = generate_planted(4, 21, model=model)
    tick = float(market.instruments[0].tick)
    quotes = pl.concat(
        top_of_book(pl.DataFrame(pl.from_arrow(market.gold[item.name])), [item])
        for item in market.instruments
    )
    found = episodes(quotes).filter(pl.col("end_ns") > pl.col("start_ns"))
    told = market.crosses.filter("is_complete").sort("start_ns", "buy", "sell")
    assert told.height > 60
    found = found.filter(pl.col("is_complete"))
    assert found["start_ns"].to_list() == told["start_ns"].to_list()
    assert found["end_ns"].to_list() == told["end_ns"].to_list()
    assert [name.split(":")[0] for name in found["buy"]] == told["buy"].to_list()
    edges = (found["max_edge"] / tick).round().cast(pl.Int64)
    assert edges.to_list() == told["max_edge_ticks"].to_list()
    np.testing.assert_allclose(found["mean_edge"] / tick, told["mean_edge_ticks"], atol=1e-6)


def test_planted_crosses_live_as_long_and_are_as_deep_as_planned() -> None:
    market = generate_planted(
        10, 3, model=PlantedModel(episodes=replace(QUIET, structural=4.0, noise=12.0, dust=6.0))
    )
    crosses = market.crosses.join(
        market.episodes.rename({"start_ns": "planned_ns", "end_ns": "planned_end_ns"}),
        on="episode",
        suffix="_planned",
    )
    structural = crosses.filter(kind="structural")
    planned_ns = kind(market, "structural").select(pl.col("end_ns") - pl.col("start_ns")).sum()
    lived_ns = structural.select(pl.col("end_ns") - pl.col("start_ns")).sum()
    assert lived_ns.item() > 0.97 * planned_ns.item()
    assert (
        kind(market, "structural")
        .select((pl.col("end_ns") - pl.col("start_ns")).min() > 500 * NS_PER_MS)
        .item()
    )
    assert structural["lots"].median() > 30
    noise = crosses.filter(kind="noise")
    assert noise.height > 60
    assert (noise["duration_ms"] < 10).mean() > 0.98
    dust = crosses.filter(kind="dust")
    assert dust.height > 20
    assert dust["lots"].max() <= 2


def test_spoofs_vanish_before_they_are_met(
    market: PlantedTables, frames: dict[str, pl.DataFrame]
) -> None:
    spoofs = kind(market, "spoof", "layering")
    assert spoofs.height > 15
    shown = (spoofs["lots"] * spoofs["layers"]).sum()
    assert spoofs["count"].sum() < 0.05 * shown
    assert (spoofs["actual_end_ns"] <= spoofs["end_ns"]).all()
    assert (spoofs["actual_end_ns"] < spoofs["end_ns"]).any()
    sent = market.truth.filter(pl.col("agent") == "spoofer", ~pl.col("is_lost"))
    rows = sent.join(pl.concat(frames.values()), on=["venue", "seq"])
    assert set(rows["kind"]) == {EventKind.ORDER_ADD, EventKind.ORDER_DELETE}


def test_icebergs_show_little_and_come_back_last(
    market: PlantedTables, frames: dict[str, pl.DataFrame]
) -> None:
    hidden = kind(market, "iceberg")
    sent = market.truth.filter(pl.col("agent") == "iceberg", ~pl.col("is_lost"))
    rows = sent.join(pl.concat(frames.values()), on=["venue", "seq"])
    shown = rows.filter(kind=EventKind.ORDER_ADD).join(hidden, on="episode", suffix="_planned")
    assert (shown["qty_lots"] <= shown["lots"]).all()
    assert shown["order_id"].n_unique() == shown.height
    assert shown.group_by("episode").len()["len"].max() > 3
    assert (hidden["count"] <= hidden["size"] + hidden["lots"]).all()
    assert hidden["count"].sum() > 0


def test_the_true_price_is_one_price(market: PlantedTables) -> None:
    """Between two rows of the path it moves as its volatility says, and no message disagrees."""
    path = market.path
    assert (path["ts_ns"].diff().drop_nulls() == 10 * NS_PER_MS).all()
    at = path.join(market.truth, left_on="ts_ns", right_on="ts_exch_ns", how="inner")
    close = market.truth.sort("ts_exch_ns").join_asof(
        path, left_on="ts_exch_ns", right_on="ts_ns", suffix="_path"
    )
    away = (close["price_ticks"] - close["price_ticks_path"]).abs()
    assert away.median() < 0.2
    assert at.height >= 2  # the opening snapshots


def test_volatility_is_what_the_truth_says_it_is() -> None:
    model = PlantedModel(
        episodes=QUIET, regimes=(RegimeModel(mean_s=1.0, share=1.0),), impact_ticks=0.0
    )
    path = generate_planted(10, 4, model=model).path
    moved = path["price_ticks"].diff().drop_nulls().to_numpy()
    expected = path["volatility_ticks"].to_numpy()[:-1] ** 2 * 0.01
    # 60,000 squared normal draws: the ratio of sums has a deviation below 1 %.
    assert (moved**2).sum() / expected.sum() == pytest.approx(1.0, abs=0.04)
    standard = moved / np.sqrt(expected)
    assert np.mean(standard**4) == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("drives", [True, False])
def test_news_drive_volatility_where_they_are_told_to(drives: bool) -> None:
    news = NewsModel(drives_volatility=drives, jump_ticks=0.0)
    model = PlantedModel(
        episodes=replace(QUIET, news=4.0),
        news=news,
        regimes=(RegimeModel(mean_s=1.0, share=1.0),),
        log_volatility_sigma=0.0,
        venues=(VenueModel(),),
    )
    path = generate_planted(6, 8, model=model, instruments=planted_instruments(1)).path
    factor = 1.0 + news.heat_variance * path["heat"] * drives
    own = path["volatility_ticks"] ** 2 / factor
    np.testing.assert_allclose(own, model.volatility_ticks**2, rtol=1e-9)
    assert path["heat"].max() > 0.5


def test_informed_traders_know_headlines_before_they_are_available() -> None:
    model = PlantedModel(
        episodes=replace(QUIET, news=6.0), news=NewsModel(jump_ticks=6.0, informed_lead_s=1.5)
    )
    market = generate_planted(8, 2, model=model)
    news = kind(market, "news").filter(pl.col("size").abs() > 3)
    informed = market.truth.filter(pl.col("agent") == "informed")["ts_exch_ns"].to_numpy()
    lead_s = (news["end_ns"] - news["start_ns"]).sum() / NS_PER_S
    inside = sum(
        int(((informed >= a) & (informed < b)).sum())
        for a, b in news.select("start_ns", "end_ns").iter_rows()
    )
    assert inside / lead_s > 5 * (informed.size / (8 * 60))
    headlines = market.news
    assert (headlines["available_ns"] >= headlines["event_ns"] + 200 * NS_PER_MS).all()
    assert (headlines["available_ns"].diff().drop_nulls() >= 0).all()
    moves = market.episodes.filter(kind="news").sort("end_ns", "start_ns")["size"]
    right = (np.sign(headlines["sentiment"].to_numpy()) == np.sign(moves.to_numpy())).mean()
    assert right > 0.75


def test_uninformed_orders_are_the_hawkes_process_the_model_says() -> None:
    model = PlantedModel(episodes=QUIET, regimes=(RegimeModel(mean_s=1.0, share=1.0),))
    market = PlantedMarket(15, 17, model=model)
    for _ in market:
        pass
    sent = market.orders_sent()
    for index, row in enumerate(sent.iter_rows(named=True)):
        limits, markets = model.mean_rates(model.venue(index))
        # The count of market orders has a Fano factor of about 25: a deviation of 4 %.
        assert row["markets"] / 900 == pytest.approx(markets, rel=0.15)
        assert row["limits"] / 900 == pytest.approx(limits, rel=0.1)


def test_informed_orders_predict_and_uninformed_ones_hardly(market: PlantedTables) -> None:
    name = "ash"
    truth = market.truth.filter(pl.col("venue") == name)
    rows = pl.DataFrame(pl.from_arrow(market.gold[f"{name}:PLT"]))
    taken = rows.filter(kind=EventKind.ORDER_EXECUTE).group_by("seq", maintain_order=True).first()
    taken = taken.join(truth.select("seq", "agent", "price_ticks"), on="seq")
    later = market.path.select("ts_ns", after_ticks="price_ticks")
    taken = taken.with_columns(at_ns=pl.col("ts_exch_ns") + NS_PER_S).sort("at_ns")
    taken = taken.join_asof(later, left_on="at_ns", right_on="ts_ns")
    # What a maker loses: the aggressor is the other side of the resting order.
    loss = -taken["side"] * (taken["after_ticks"] - taken["px_ticks"])
    by_agent = taken.with_columns(loss=loss).group_by("agent").agg(pl.col("loss").mean())
    means = dict(by_agent.iter_rows())
    assert means["informed"] > 0.2 > 0 > means["uninformed"]


def test_regimes_of_the_path_are_those_of_the_plan(market: PlantedTables) -> None:
    regimes = market.episodes.filter(kind="regime")
    at = market.path.sort("ts_ns").join_asof(
        regimes.select("start_ns", planned="regime").sort("start_ns"),
        left_on="ts_ns",
        right_on="start_ns",
    )
    assert (at["regime"] == at["planned"]).mean() > 0.999


@pytest.mark.parametrize("level", [Level.DEPTH, Level.QUOTES])
def test_lower_levels_show_the_same_market(
    frames: dict[str, pl.DataFrame], market: PlantedTables, level: Level
) -> None:
    """Piece by piece, against the plain book."""
    table = market.gold["beech:PLT"]
    ends = np.flatnonzero(table["flags"].to_numpy() & EventFlag.LAST) + 1
    cut, end = int(ends[ends.size // 8]), int(ends[ends.size // 4])
    table = table.slice(0, end)
    deriver = Deriver(level)
    derived = pa.concat_tables([deriver(table.slice(0, cut)), deriver(table.slice(cut))])
    assert derived.schema.equals(GOLD_SCHEMA)
    rows = pl.DataFrame(pl.from_arrow(derived))
    shown: dict[tuple[int, int], int] = {}
    best: dict[int, tuple[int, int]] = {}
    books = follow(frames["beech:PLT"].head(end))
    by_seq = dict.fromkeys(rows["seq"])
    for seq, messages in rows.group_by("seq", maintain_order=True):
        by_seq[seq[0]] = messages.select("kind", "side", "px_ticks", "qty_lots").rows()
    for seq, book in books:
        for row_kind, side, px_ticks, lots in by_seq.get(seq) or ():
            if row_kind == EventKind.CLEAR:
                shown.clear()
            elif row_kind == EventKind.DEPTH:
                shown[side, px_ticks] = lots
            elif row_kind == EventKind.BEST:
                best[side] = (px_ticks, lots)
        if seq % 500 == 0 and level is Level.DEPTH:
            held = {(s, px): book.lots(s, px) for s in (1, -1) for px in book.sides[s]}
            assert {level: lots for level, lots in shown.items() if lots} == held
        if level is Level.QUOTES:
            for side in (1, -1):
                px = book.best(side)
                assert px is not None
                assert best[side] == (px, book.lots(side, px))
    if level is Level.DEPTH:
        assert feature_frame(derived).equals(feature_frame(table))


def test_fifteen_venues_cross_each_other() -> None:
    market = generate_planted(0.5, 1, instruments=planted_instruments(15))
    assert len(market.gold) == 15
    assert min(table.num_rows for table in market.gold.values()) > 3_000
    assert market.crosses.height > 10


def test_one_venue_crosses_nobody() -> None:
    market = generate_planted(0.5, 1, instruments=planted_instruments(1))
    assert market.crosses.is_empty()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"venues": ()}, "1 to 15 venue models"),
        ({"venues": (VenueModel(lag_ns=1),)}, "a multiple of 2 ms"),
        ({"regimes": ()}, "1 to 3 regimes"),
        ({"start_price_ticks": 100}, "starts at 2000 ticks"),
        ({"excitation": ((0.5, 0, 0), (0, 0, 0), (0, 0, 1.0))}, "less than one further order"),
    ],
)
def test_impossible_models_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        PlantedModel(**change)  # type: ignore[arg-type]


def test_impossible_markets_are_refused() -> None:
    with pytest.raises(DataError, match="more than 0 minutes"):
        PlantedMarket(0, 1)
    with pytest.raises(DataError, match="needs room for"):
        PlantedMarket(1, 1, chunk_rows=10)
    with pytest.raises(DataError, match="1 to 15 venues, asked for 16"):
        planted_instruments(16)
    with pytest.raises(DataError, match="in alphabetical order"):
        PlantedMarket(1, 1, instruments=planted_instruments(2)[::-1])
    market = PlantedMarket(0.01, 1)
    assert len(list(market)) == 1
    with pytest.raises(DataError, match="generated once"):
        list(market)


def test_an_iceberg_that_may_not_leave_stops_hiding() -> None:
    """Where a side is down to one order, a withdrawn iceberg's stays, and is anybody's then."""
    thin = VenueModel(limit_rate=3.0, cancel_rate=5.0, improve_rate=4.0, market_rate=6.0)
    rates = replace(QUIET, iceberg=60.0, structural=40.0, spoof=20.0)
    model = PlantedModel(venues=(thin,), episodes=rates, impact_ticks=2.0)
    for seed in range(6):
        market = generate_planted(1.0, seed, model=model)
        for table in market.gold.values():
            assert sum(1 for _ in follow(pl.DataFrame(pl.from_arrow(table)))) > 100
        shown = market.episodes.filter(kind="iceberg")
        assert (shown["count"] <= shown["size"] + shown["lots"]).all()


def test_the_page_names_every_episode_and_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "planted-market.md").read_text("utf-8")
    section = page.partition("**Episodes**")[2].partition("News drive")[0]
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
    assert told == [item.name.lower() for item in EpisodeKind]
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    exec(code[1], {})
    tables = {str(table) for table in Lake("lake").tables()}
    assert {"gold/restless", "silver/restless_news", "reference/restless_crosses"} <= tables
    for table in re.findall(r"`((?:gold|silver|reference)/planted\w*)`", page):
        if not table.endswith(("_depth", "_quotes")):
            assert table.replace("planted", "restless", 1) in tables
