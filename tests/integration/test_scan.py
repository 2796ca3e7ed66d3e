"""Crossed markets over many pairs: planted ones are all found and no others; both engines agree."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable

from experiments.cli import main
from framework.core.errors import SpecError
from framework.lake.store import Lake, TableName
from research.crossed import Clock
from research.scan import PlantedMarket, ScanRules, TableQuotes, scan, summary, venue_ranking

MARKET = PlantedMarket(pairs=6, venues=5, rows=6_000, crosses=8, seed=3)
TABLE = TableName("silver", "market_quotes")
RULES = ScanRules(min_notional=10)


@pytest.fixture(scope="module")
def truth() -> pl.DataFrame:
    return pl.concat([pair.truth for pair in MARKET.generate()]).sort("pair", "start_ns")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("lake"))
    quotes = pl.concat([pair.quotes for pair in MARKET.generate()])
    for index, part in enumerate(quotes.sample(fraction=1, shuffle=True, seed=1).iter_slices(2500)):
        made.append(TABLE, part, transaction=str(index))
    return made


def source(lake: Lake, chunk_rows: int = 2_000_000) -> TableQuotes:
    return TableQuotes(lake, TABLE, lake.open(TABLE).version(), chunk_rows)


def test_every_planted_cross_is_found_and_no_other(lake: Lake, truth: pl.DataFrame) -> None:
    found = scan(source(lake), RULES)
    assert truth.height == 48
    assert found.episodes.select(truth.columns).equals(truth)
    assert found.episodes["kind"].value_counts().sort("kind").rows() == [
        ("noise", 12),
        ("short", 12),
        ("structural", 24),
    ]
    assert found.quotes == lake.scan(TABLE).select(pl.len()).collect().item()


def test_small_chunks_change_nothing(lake: Lake) -> None:
    whole, cut = scan(source(lake), RULES), scan(source(lake, chunk_rows=1), RULES)
    assert whole.episodes.equals(cut.episodes)
    assert whole.venues.equals(cut.venues)


def test_costs_and_dust_are_rules(lake: Lake, truth: pl.DataFrame) -> None:
    edge_bps = 0.4 * 0.05 / 100 * 1e4
    found = scan(source(lake), ScanRules(cost_bps=edge_bps * 0.5)).episodes
    assert found["net_edge_bps"].to_list() == pytest.approx([edge_bps * 0.5] * truth.height)
    assert not found["is_dust"].any()
    assert scan(source(lake), ScanRules(cost_bps=edge_bps * 1.01)).episodes.is_empty()


def test_received_time_moves_the_episodes(lake: Lake, truth: pl.DataFrame) -> None:
    found = scan(source(lake), ScanRules(clock=Clock.RECEIVED)).episodes
    # Venue n is heard from 3 + n ms after the fact; the later leg completes the cross.
    leg_ms = {f"V0{n}": 3 + n for n in range(5)}
    expected = [
        (row["pair"], row["start_ns"] + max(leg_ms[row["buy"]], leg_ms[row["sell"]]) * 1_000_000)
        for row in truth.filter(pl.col("end_ns") - pl.col("start_ns") > 10_000_000).to_dicts()
    ]
    lived = found.filter(pl.col("duration_ms") > 10)
    assert lived.select("pair", "start_ns").rows() == expected
    # Measured on the same clock: the quotes that end the cross are heard of after its start.
    assert lived["buy_recovery_ms"].min() > 40  # type: ignore[operator]


def test_venues_are_ranked_by_recovery_then_latency(lake: Lake) -> None:
    found = scan(source(lake), RULES)
    ranked = venue_ranking(found)
    assert ranked["rank"].to_list() == [1, 2, 3, 4, 5]
    assert ranked["recovery_ms"].is_sorted()
    # Venue n is heard from 3 + n ms after the fact.
    assert dict(ranked.select("venue", "latency_ms").rows()) == {
        f"V0{n}": 3.0 + n for n in range(5)
    }
    told = summary(found)
    assert (told["episodes"], told["pairs"], told["venues"], told["dust"]) == (48, 6, 5, 12)


@pytest.mark.spark
def test_spark_finds_the_same_episodes(spark: object, lake: Lake) -> None:
    from research.scan.on_spark import scan_on_spark

    here, there = scan(source(lake), RULES), scan_on_spark(spark, source(lake), RULES)  # type: ignore[arg-type]
    assert there.episodes.equals(here.episodes)
    assert there.venues.equals(here.venues)
    assert there.quotes == here.quotes


def test_the_command_writes_table_summary_and_page(lake: Lake, tmp_path: Path) -> None:
    out = tmp_path / "scan"
    arguments = ["scan", "market", "--source", "quotes", "--lake", lake.root, "--out", str(out)]
    for _ in range(2):  # a second scan becomes the table's next version
        done = CliRunner().invoke(main, [*arguments, "--min-notional", "10", "--json"])
        assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["episodes"], told["structural"]) == (48, 24)
    table = DeltaTable(out / "episodes")
    assert (table.version(), pl.read_delta(table).height) == (1, 48)
    assert json.loads((out / "summary.json").read_text())["tables"] == {str(TABLE): 2}
    page = (out / "scan.html").read_text()
    assert all(title in page for title in ("When markets crossed", "Where markets crossed"))


def test_spark_is_refused_for_gold(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["scan", "market", "market2", "--source", "quotes", "--lake", str(tmp_path)]
    )
    assert done.exit_code == 2
    assert "scans one table" in done.output


@pytest.mark.parametrize("make", [lambda: PlantedMarket(pairs=1, venues=1, rows=100)])
def test_a_market_needs_two_venues(make: object) -> None:
    with pytest.raises(SpecError, match="two venues"):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("level", ["orders", "quotes"])
def test_the_generated_market_is_found_to_the_nanosecond(tmp_path: Path, level: str) -> None:
    lake = tmp_path / "lake"
    made = CliRunner().invoke(
        main,
        ["planted", "--out", str(lake), "--minutes", "1", "--venues", "3", "--level", level],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    table = "planted" if level == "orders" else f"planted_{level}"
    done = CliRunner().invoke(
        main, ["scan", table, "--lake", str(lake), "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    truth = Lake(lake).scan(TableName("reference", "planted_crosses")).collect()
    found = pl.read_delta(str(tmp_path / "out" / "episodes"))
    spell = ["start_ns", "end_ns", "buy", "sell", "is_complete"]
    expected = truth.select(*spell, quantity=pl.col("lots").cast(pl.Float64)).sort(spell)
    assert expected.height > 20
    assert found.select(*spell, "quantity").sort(spell).equals(expected)


@pytest.mark.captures
def test_fx_venues_from_gold(captures: Path, tmp_path: Path) -> None:
    lake = str(tmp_path / "lake")
    for venue in ("fxcm", "oanda"):
        done = CliRunner().invoke(
            main,
            ["ingest", "fx", str(captures / "fx" / venue), "--table", f"fx_{venue}", "--venue",
             venue, "--symbol", "EURUSD", "--lake", lake],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(
        main,
        ["scan", "fx_fxcm", "fx_oanda", "--lake", lake, "--out", str(tmp_path / "out"), "--json",
         "--own-crossed", "drop"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["pairs"], told["venues"]) == (1, 2)
    assert told["episodes"] == told["noise"] + told["short"] + told["structural"]
    from framework.replay.open import open_streams
    from research.crossed import episodes, stream_quotes

    streams = [s for table in ("fx_fxcm", "fx_oanda") for s in open_streams(lake, table)]
    expected = episodes(stream_quotes(streams), own_crossed="drop")  # type: ignore[arg-type]
    assert told["episodes"] == expected.height > 100
