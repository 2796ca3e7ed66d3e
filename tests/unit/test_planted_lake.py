"""The planted market in the lake: gold to trade on, news to read, a truth out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.core.errors import DataError
from framework.engine import run_backtest
from framework.lake.store import Lake, TableName
from framework.replay import open_streams
from framework.strategy import Context, OnCross, Strategy
from framework.synthetic.planted import (
    EpisodeRates,
    Level,
    Piece,
    PlantedMarket,
    PlantedModel,
    news_table,
    planted_instruments,
    truth_table,
    write_planted_market,
)

MODEL = PlantedModel(episodes=EpisodeRates(structural=6.0, news=15.0))
LEVELS = tuple(Level)


def made(minutes: float = 1.0, seed: int = 3) -> PlantedMarket:
    return PlantedMarket(minutes, seed, model=MODEL)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("planted") / "lake"
    assert write_planted_market(root, made(), levels=LEVELS).is_new
    return root


def rows(lake: Path, table: TableName) -> pl.DataFrame:
    return Lake(lake).scan(table).collect()


class TakeTheCross(Strategy):
    """Take every cross of two ticks or more."""

    wakes = (OnCross(2.0),)

    def on_cross(self, ctx: Context, buy: int, sell: int) -> None:
        if ctx.n_orders == 0 and abs(ctx.position_lots(buy)) < 50:
            ctx.take(buy, +1, 5, ctx.ask_ticks(buy))
            ctx.take(sell, -1, 5, ctx.bid_ticks(sell))


def test_the_same_market_is_written_once(lake: Path) -> None:
    before = {table: Lake(lake).version(table) for table in Lake(lake).tables()}
    again = write_planted_market(lake, made(), levels=LEVELS)
    assert not again.is_new
    assert {table: Lake(lake).version(table) for table in Lake(lake).tables()} == before
    assert again.rows["gold/planted"] == rows(lake, TableName("gold", "planted")).height


def test_another_market_is_refused(lake: Path) -> None:
    with pytest.raises(DataError, match="it holds another"):
        write_planted_market(lake, made(seed=4), levels=LEVELS)


def test_gold_and_truth_name_the_same_messages(lake: Path) -> None:
    gold = rows(lake, TableName("gold", "planted")).select("venue", "seq").unique()
    truth = rows(lake, truth_table("planted", "messages")).filter(~pl.col("is_lost"))
    assert gold.height == truth.height
    assert gold.join(truth, on=["venue", "seq"], how="anti").is_empty()
    crosses = rows(lake, truth_table("planted", "crosses"))
    assert crosses["episode"].drop_nulls().len() > 0
    headlines = rows(lake, news_table("planted"))
    assert "size" not in headlines.columns
    assert headlines.height > 0


def test_the_truth_is_not_to_be_traded_on(lake: Path) -> None:
    with pytest.raises(DataError, match="planted_messages"):
        open_streams(lake, "planted_messages")


@pytest.mark.parametrize("table", ["planted", "planted_depth", "planted_quotes"])
def test_every_level_can_be_traded_on(lake: Path, table: str) -> None:
    result = run_backtest(TakeTheCross(), open_streams(lake, table))
    fills = result.fills
    assert fills.height > 5
    assert result.summary()["excluded_fills"] == 0
    # On a planted cross both legs are bought below and sold above where the mids meet.
    assert fills.group_by("venue").agg(pl.col("quantity").sum()).height == 2


class _KilledMarket(PlantedMarket):
    """A market whose generation dies after some pieces."""

    def __iter__(self) -> Iterator[Piece]:
        for number, piece in enumerate(super().__iter__()):
            if number == 2:
                raise KeyboardInterrupt
            yield piece


def test_a_killed_write_goes_on_where_it_stopped(lake: Path, tmp_path: Path) -> None:
    arguments = {"minutes": 1.0, "seed": 3, "model": MODEL, "chunk_rows": 20_000}
    root = tmp_path / "lake"
    with pytest.raises(KeyboardInterrupt):
        write_planted_market(root, _KilledMarket(**arguments), levels=LEVELS, part_messages=1)  # type: ignore[arg-type]
    assert Lake(root).exists(TableName("gold", "planted"))
    assert not Lake(root).exists(truth_table("planted", "episodes"))
    written = write_planted_market(
        root,
        PlantedMarket(**arguments),  # type: ignore[arg-type]
        levels=LEVELS,
        part_messages=1,
    )
    assert written.is_new
    keys = ["venue", "symbol", "ts_exch_ns", "seq"]
    for table in (TableName("gold", "planted"), TableName("gold", "planted_depth")):
        whole, parts = rows(lake, table), rows(root, table)
        order = pl.col(keys)
        assert parts.sort(order, maintain_order=True).equals(whole.sort(order, maintain_order=True))
    for which in ("messages", "path", "crosses", "episodes"):
        table = truth_table("planted", which)
        by = rows(lake, table).columns
        assert rows(root, table).sort(by).equals(rows(lake, table).sort(by)), which


def test_streams_read_back_in_order_when_written_in_parts(tmp_path: Path) -> None:
    market = PlantedMarket(1.0, 3, model=MODEL, chunk_rows=20_000)
    write_planted_market(tmp_path / "lake", market, part_messages=1)
    for stream in open_streams(tmp_path / "lake", "planted"):
        times = [ns for batch in stream.batches(1 << 14) for ns in batch["ts_exch_ns"].to_pylist()]
        assert times == sorted(times)
        assert len(times) > 10_000


def test_the_command_writes_and_says_what(tmp_path: Path) -> None:
    root = str(tmp_path / "lake")
    command = ["planted", "--out", root, "--minutes", "0.2", "--venues", "3", "--seed", "9"]
    done = CliRunner().invoke(main, [*command, "--level", "quotes", "--json"])
    assert done.exit_code == 0, done.output
    assert '"gold/planted_quotes"' in done.stdout
    assert '"is_new":true' in done.stdout
    names = [stream.instrument.name for stream in open_streams(root, "planted_quotes")]
    assert names == [item.name for item in planted_instruments(3)]
    again = CliRunner().invoke(main, [*command, "--level", "quotes"])
    assert again.exit_code == 0
    assert "nothing was written" in again.stderr
    other = CliRunner().invoke(main, [*command, "--calm-news"])
    assert other.exit_code == 2
    assert "holds another" in other.stderr
