"""``crossbook ingest`` from files to tables: what it keeps, refuses, counts and says."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from experiments.cli.ingest import ingest
from framework.lake.dataset import Dataset
from framework.lake.ledger import FILES
from framework.lake.store import Lake, TableName
from framework.lake.units import read_units
from tests.support.binance_lines import (
    line,
    sound_capture,
    usdm_depth,
    usdm_trade,
    write_capture,
)

CATALOG = """
version: 1
venues:
  binance_usdm: {sequence_rule: binance_futures}
  fxcm: {time_zone: "-05:00"}
instruments:
  - {venue: binance_usdm, symbol: BTCUSDT, tick: 0.1, lot: 0.001}
  - {venue: fxcm, symbol: EURUSD, tick: 0.00001, lot: 1000, quote_size: 1000000}
tables: {}
"""
DATA = Dataset("b")


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    json: dict[str, Any]
    stderr: str


@dataclass(frozen=True)
class Desk:
    """A lake, a catalog and a landing folder of one test."""

    root: Path

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    def catalog(self, text: str) -> Path:
        path = self.root / "catalog.yaml"
        path.write_text(text)
        return path

    def ingest(self, *arguments: str | Path, source: str = "binance") -> Outcome:
        given = [str(a) for a in arguments] or [str(self.landing)]
        options = ["--table", "b", "--lake", self.lake.root, "--json"]
        if "--catalog" not in given:
            options += ["--catalog", str(self.catalog(CATALOG))]
        result = CliRunner().invoke(ingest, [source, *given, *options])
        assert "Traceback" not in result.stderr
        return Outcome(
            exit_code=result.exit_code,
            json=json.loads(result.stdout) if result.stdout else {},
            stderr=result.stderr,
        )

    def read(self, table: TableName) -> pl.DataFrame:
        return self.lake.scan(table).collect()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    """Every row of every table, in an order of its own."""
    found = {}
    for table in lake.tables():
        rows = lake.scan(table).collect()
        found[str(table)] = rows.sort(rows.columns, nulls_last=True)
    return found


def assert_same(left: Lake, right: Lake) -> None:
    ours, theirs = contents(left), contents(right)
    assert ours.keys() == theirs.keys()
    for name, rows in ours.items():
        assert rows.equals(theirs[name], null_equal=True), name


def continued_capture() -> list[str]:
    """What follows `sound_capture`."""
    return [
        line(1045, usdm_depth(1040, 107, 108, 106, [("99.7", "4.000")])),
        line(1046, usdm_trade(1041, 9, "100.1", "0.125")),
        line(1055, usdm_depth(1050, 109, 110, 108, [], [("100.2", "1.000")])),
    ]


def test_a_capture_fills_every_layer(desk: Desk) -> None:
    write_capture(desk.landing / "a.gz", sound_capture())
    done = desk.ingest()
    assert done.exit_code == 0
    counts = ("files", "rows", "duplicates", "quarantined", "gaps", "version", "skipped")
    assert [done.json[name] for name in counts] == [1, 7, 0, 0, 0, 0, 0]
    names = ["bronze/b", "silver/b_depth", "silver/b_quotes", "silver/b_trades", "gold/b"]
    reference = ["reference/files", "reference/instruments"]
    assert [str(table) for table in desk.lake.tables()] == names + reference
    assert desk.read(DATA.bronze).height == 7
    assert desk.read(DATA.silver("depth"))["status"].to_list() == ["snapshot"] * 2 + ["applied"] * 3
    gold = desk.read(DATA.gold)
    assert gold.height == done.json["gold_rows"] == 8
    assert gold["venue"].unique().to_list() == ["binance_usdm"]
    units = read_units(desk.lake, "b")["binance_usdm", "BTCUSDT"]
    assert (str(units.instrument.tick), units.clock_offset_ns) == ("0.1", 0)


def test_files_are_ingested_once_and_new_ones_continue(desk: Desk) -> None:
    write_capture(desk.landing / "a.gz", sound_capture())
    desk.ingest()
    write_capture(desk.landing / "b.gz", continued_capture())
    second = desk.ingest()
    assert (second.json["files"], second.json["skipped"], second.json["gaps"]) == (1, 1, 0)
    third = desk.ingest()
    assert (third.json["files"], third.json["skipped"], third.json["version"]) == (0, 2, 1)
    assert desk.read(DATA.gold).height == 11


def test_nothing_depends_on_how_files_were_listed(desk: Desk, tmp_path: Path) -> None:
    first = write_capture(desk.landing / "z.gz", sound_capture())
    second = write_capture(desk.landing / "a.gz", continued_capture())
    desk.ingest(first, second, first)
    other = Desk(tmp_path / "other")
    shutil.copytree(desk.landing, other.landing)
    other.ingest(other.landing / "a.gz", other.landing)
    assert_same(desk.lake, other.lake)


def test_one_file_or_two_give_the_same_gold(desk: Desk, tmp_path: Path) -> None:
    write_capture(desk.landing / "a.gz", [*sound_capture(), *continued_capture()])
    desk.ingest()
    other = Desk(tmp_path / "other")
    write_capture(other.landing / "a.gz", sound_capture())
    write_capture(other.landing / "b.gz", continued_capture())
    other.ingest()
    whole, parts = (d.read(DATA.gold).sort("ts_exch_ns", "seq", maintain_order=True)
                    for d in (desk, other))  # fmt: skip
    assert whole.sort(whole.columns).equals(parts.sort(parts.columns))


def test_a_copy_under_another_name_adds_nothing_but_bronze(desk: Desk) -> None:
    write_capture(desk.landing / "a.gz", sound_capture())
    desk.ingest()
    gold, silver = desk.read(DATA.gold), desk.read(DATA.silver("depth"))
    write_capture(desk.landing / "copy.gz", sound_capture())
    again = desk.ingest()
    assert (again.exit_code, again.json["files"], again.json["duplicates"]) == (0, 1, 7)
    assert desk.read(DATA.gold).equals(gold)
    assert desk.read(DATA.silver("depth")).equals(silver)
    assert desk.read(DATA.bronze).height == 14


def test_repeated_lines_are_dropped_and_counted(desk: Desk) -> None:
    lines = sound_capture()
    write_capture(desk.landing / "a.gz", [*lines, lines[1], lines[2], lines[4]])
    done = desk.ingest()
    assert (done.json["duplicates"], done.json["gaps"]) == (3, 0)
    clean = Desk(desk.root / "clean")
    write_capture(clean.landing / "a.gz", lines)
    clean.ingest()
    assert desk.read(DATA.gold).equals(clean.read(DATA.gold))


def test_a_repeated_sequence_with_other_content_builds_nothing(desk: Desk) -> None:
    twice = line(1016, usdm_depth(1011, 101, 102, 100, [("99.8", "77.000")]))
    lines = sound_capture()
    write_capture(desk.landing / "a.gz", [*lines[:2], twice, *lines[2:]])
    done = desk.ingest()
    assert (done.exit_code, done.json["gaps"], done.json["duplicates"]) == (0, 0, 1)
    assert 77_000 not in desk.read(DATA.gold)["qty_lots"].to_list()


def test_a_jump_is_a_gap(desk: Desk) -> None:
    lines = sound_capture()
    write_capture(desk.landing / "a.gz", [*lines[:3], *lines[4:]])
    assert desk.ingest().json["gaps"] == 1
    assert desk.read(DATA.gold).filter(pl.col("kind") == 5).height == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(1020, usdm_trade(1012, 9, "NaN", "1.000")), "NaN"),
        (line(1020, usdm_trade(1012, 9, "-99.9", "1.000")), "-99.9"),
        (line(1020, usdm_trade(1012, 9, "99.9", "0.000")), "above 0"),
        (line(1020, usdm_trade(1012, 9, "99.9", "-1.000")), "-1"),
        (line(1020, usdm_trade(1012, 9, "99.95", "1.000")), "multiple of the tick 0.1"),
        (line(1020, usdm_trade(1012, 9, "99.9", "1.0005")), "multiple of the lot 0.001"),
        (line(1020, usdm_depth(1012, 103, 103, 102, [("NaN", "1.000")])), "NaN"),
        (line(1020, usdm_depth(1012, 103, 103, 102, [("99.9", "-1.000")])), "-1"),
        ("1723161601020000000 {not json", "neither depth"),
    ],
)
def test_a_bad_row_is_quarantined_with_file_row_and_reason(
    desk: Desk, bad: str, reason: str
) -> None:
    lines = sound_capture()
    write_capture(desk.landing / "a.gz", [*lines[:3], bad, *lines[3:]])
    done = desk.ingest()
    assert (done.exit_code, done.json["quarantined"]) == (0, 1)
    refused = desk.read(DATA.quarantine).row(0, named=True)
    assert (refused["source_file"], refused["source_row"]) == ("a.gz", 4)
    assert reason in refused["reason"]
    assert refused["payload"] == bad
    clean = Desk(desk.root / "clean")
    write_capture(clean.landing / "a.gz", lines)
    clean.ingest()
    assert desk.read(DATA.gold).drop("seq").equals(clean.read(DATA.gold).drop("seq"))
    assert desk.ingest().json["files"] == 0
    assert desk.read(DATA.quarantine).height == 1


def test_an_off_tick_level_leaves_a_gap_instead_of_a_wrong_book(desk: Desk) -> None:
    lines = sound_capture()
    lines[3] = lines[3].replace("100.1", "100.15")
    write_capture(desk.landing / "a.gz", lines)
    done = desk.ingest()
    assert (done.json["quarantined"], done.json["gaps"]) == (1, 1)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    write_capture(path, sound_capture() * 9)
    path.write_bytes(path.read_bytes()[:-20])


def _wrong_header(path: Path) -> None:
    path.write_text("timestamp,bid,ask\n1,2,3\n")


def _early(path: Path) -> None:
    write_capture(path, [line(1, usdm_trade(500, 1, "1.0", "1.000"))])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_empty, "empty"),
        (_truncated, "whole gzip"),
        (_wrong_header, "row 1"),
        (_early, "row 1 is, by 499000000 ns"),
    ],
)
def test_a_bad_file_leaves_no_trace_and_the_others_are_ingested(
    desk: Desk, spoil: Any, says: str
) -> None:
    write_capture(desk.landing / "good.gz", sound_capture())
    spoil(desk.landing / "bad.gz")
    done = desk.ingest()
    assert (done.exit_code, done.json["files"]) == (2, 1)
    failure = done.json["failures"][0]
    assert failure["file"] == "bad.gz"
    assert "bad.gz" in failure["error"]
    assert says in failure["error"]
    assert failure["remedy"]
    assert "bad.gz" in done.stderr
    assert "remedy" in done.stderr
    clean = Desk(desk.root / "clean")
    write_capture(clean.landing / "good.gz", sound_capture())
    clean.ingest()
    assert_same(desk.lake, clean.lake)


def test_a_bad_file_that_was_fetched_again_is_taken(desk: Desk) -> None:
    _truncated(desk.landing / "a.gz")
    assert desk.ingest().exit_code == 2
    assert desk.lake.tables() == []
    write_capture(desk.landing / "a.gz", sound_capture())
    assert desk.ingest().json["files"] == 1


def test_an_unknown_symbol_is_inferred_with_a_notice(desk: Desk) -> None:
    lines = [text.replace("BTCUSDT", "NEWUSDT") for text in sound_capture()]
    write_capture(desk.landing / "a.gz", lines)
    done = desk.ingest()
    assert done.exit_code == 0
    assert "binance_usdm:NEWUSDT is not in the catalog: tick 0.1 and lot 0.01" in done.stderr
    units = read_units(desk.lake, "b")["binance_usdm", "NEWUSDT"]
    assert units.instrument.inferred
    assert str(units.instrument.tick) == "0.1"
    further = [text.replace("BTCUSDT", "NEWUSDT") for text in continued_capture()]
    further[2] = further[2].replace("100.2", "100.25")
    write_capture(desk.landing / "b.gz", further)
    second = desk.ingest()
    assert "not in the catalog" not in second.stderr
    reasons = desk.read(DATA.quarantine)["reason"].to_list()
    assert [reason.split(",")[0] for reason in reasons] == [
        "price must be a multiple of the tick 0.1",
        "volume must be a multiple of the lot 0.01",
    ]


def test_changed_units_are_refused(desk: Desk) -> None:
    write_capture(desk.landing / "a.gz", sound_capture())
    desk.ingest()
    write_capture(desk.landing / "b.gz", continued_capture())
    finer = desk.catalog(CATALOG.replace("tick: 0.1", "tick: 0.01"))
    done = desk.ingest(desk.landing, "--catalog", finer)
    assert done.exit_code == 2
    assert "with tick 0.1, now it is 0.01" in done.json["error"]
    assert desk.read(DATA.bronze).height == 7


def test_the_clock_offset_is_measured_on_request(desk: Desk) -> None:
    lines = [line(100, usdm_trade(500, 1, "1.0", "1.000"))]
    write_capture(desk.landing / "a.gz", [*lines, line(130, usdm_trade(520, 2, "1.0", "1.000"))])
    early = desk.ingest()
    assert "400000000ns or more" in early.json["remedy"]
    done = desk.ingest(desk.landing, "--infer-clock-offset")
    assert done.exit_code == 0
    assert "binance_usdm: clock offset 401000000 ns, measured" in done.stderr
    gold = desk.read(DATA.gold)
    assert (gold["ts_recv_ns"] - gold["ts_exch_ns"]).to_list() == [1_000_000, 11_000_000]
    write_capture(desk.landing / "b.gz", [line(160, usdm_trade(550, 3, "1.0", "1.000"))])
    assert desk.ingest().exit_code == 0
    kept = read_units(desk.lake, "b")["binance_usdm", "BTCUSDT"]
    assert (kept.clock_offset_ns, kept.is_measured_offset) == (401_000_000, True)


def test_time_running_backwards_is_counted(desk: Desk) -> None:
    lines = sound_capture()
    lines[5] = line(1020, usdm_depth(1015, 105, 106, 104, [("99.8", "0.000")]))
    write_capture(desk.landing / "a.gz", lines)
    done = desk.ingest()
    assert (done.exit_code, done.json["backwards"], done.json["gaps"]) == (0, 1, 0)
    gold = desk.read(DATA.gold)
    assert (gold["ts_exch_ns"].diff().drop_nulls() >= 0).all()
    assert (gold["ts_recv_ns"] >= gold["ts_exch_ns"]).all()


def test_numbered_depth_that_comes_too_late_is_refused(desk: Desk) -> None:
    write_capture(desk.landing / "b.gz", [*sound_capture(), *continued_capture()][:-1])
    desk.ingest()
    early = line(900, usdm_depth(890, 91, 92, 90, [("99.8", "3.000")]))
    write_capture(desk.landing / "a.gz", [early])
    done = desk.ingest()
    assert done.exit_code == 2
    assert "must come in order of time" in done.json["error"]
    assert desk.read(FILES).height == 1


def test_a_place_that_cannot_be_written_is_named(desk: Desk) -> None:
    write_capture(desk.landing / "a.gz", sound_capture())
    (desk.root / "lake").write_text("a file")
    done = desk.ingest()
    assert done.exit_code == 2
    assert str(desk.root / "lake") in done.stderr


@pytest.mark.parametrize("arguments", [["nowhere"], ["."]])
def test_a_path_without_files_is_an_error(desk: Desk, arguments: Sequence[str]) -> None:
    desk.landing.mkdir()
    done = desk.ingest(*(desk.landing / name for name in arguments))
    assert done.exit_code == 2
    assert str(desk.landing) in done.json["error"]


def test_a_corrupt_table_is_an_error(desk: Desk) -> None:
    write_capture(desk.landing / "a.gz", sound_capture())
    desk.ingest()
    log = Path(desk.lake.uri(DATA.gold)) / "_delta_log" / f"{0:020d}.json"
    log.write_text("{broken")
    write_capture(desk.landing / "b.gz", continued_capture())
    done = desk.ingest()
    assert done.exit_code == 2
    assert "gold/b" in done.json["error"]
    assert done.json["remedy"]


def test_silver_columns_of_a_newer_version_evolve(desk: Desk) -> None:
    write_capture(desk.landing / "a.gz", sound_capture())
    desk.ingest()
    extra = desk.read(DATA.bronze).head(1).with_columns(collector=pl.lit("tokyo"))
    desk.lake.append(DATA.bronze, extra, transaction="another tool")
    write_capture(desk.landing / "b.gz", continued_capture())
    assert desk.ingest().exit_code == 0
    assert desk.read(DATA.bronze)["collector"].null_count() == 10


def test_random_damage_never_ends_in_a_traceback(desk: Desk) -> None:
    rng = random.Random(7)
    original = "\n".join(sound_capture()).encode()
    for index in range(25):
        damaged = bytearray(original)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        own = Desk(desk.root / str(index))
        own.landing.mkdir(parents=True)
        (own.landing / "a.txt").write_bytes(bytes(damaged))
        done = own.ingest(own.landing, "--infer-clock-offset")
        assert done.exit_code in (0, 2)
        assert "unexpected" not in done.stderr, done.stderr
        if done.exit_code == 2:
            assert own.lake.tables() == []
