"""`crossbook tables` on real Delta tables."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from framework.core.events import GOLD_SCHEMA, EventKind
from framework.core.instrument import Instrument
from framework.lake.formats.base import BRONZE_SCHEMA, DEPTH_SCHEMA, REJECT_SCHEMA
from framework.lake.ledger import COUNTS, FILES, FILES_SCHEMA
from framework.lake.store import Lake, TableName
from framework.lake.units import Units, record_units

_INSTRUMENT = Instrument(
    venue="here", symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1), inferred=True
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["tables", *arguments])


def as_json(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def gold_rows(first_ns: int, kinds: list[EventKind], venue: str = "here") -> pl.DataFrame:
    count = len(kinds)
    rows = pl.DataFrame(
        {
            "venue": [venue] * count,
            "symbol": ["ABC"] * count,
            "ts_exch_ns": [first_ns + i for i in range(count)],
            "ts_recv_ns": [first_ns + i for i in range(count)],
            "seq": list(range(count)),
            "kind": [int(kind) for kind in kinds],
            "side": [1] * count,
            "flags": [1] * count,
            "px_ticks": [100] * count,
            "qty_lots": [1] * count,
            "order_id": [0] * count,
        }
    )
    return pl.DataFrame(pl.from_arrow(rows.to_arrow().cast(GOLD_SCHEMA)))


def ledger_row(values: dict[str, Any]) -> pl.DataFrame:
    counts = dict.fromkeys(COUNTS, 0) | {"bronze_rows": 2, "duplicates": 7}
    row = {"table": "ticks", "sha256": "0", "format": "binance", "state": "{}"}
    return pl.DataFrame([row | counts | values], schema=FILES_SCHEMA)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A dataset ``ticks`` of two files, three gaps and two refused rows; another, ``other``."""
    root = tmp_path / "lake"
    store = Lake(root)
    bronze = pl.DataFrame(
        {"source_file": ["a.gz", "a.gz"], "source_row": [1, 2], "payload": ["{}", "{}"]},
        schema=BRONZE_SCHEMA,
    )
    store.append(TableName("bronze", "ticks"), bronze, transaction="a")
    later = bronze.with_columns(source_file=pl.lit("b.gz"))
    store.append(TableName("bronze", "ticks"), later, transaction="b")
    depth = pl.DataFrame(schema=DEPTH_SCHEMA).clear(3)
    store.append(TableName("silver", "ticks_depth"), depth, transaction="a")
    rejects = pl.DataFrame(
        {
            "source_file": ["b.gz"] * 2,
            "source_row": [1, 2],
            "reason": ["bad"] * 2,
            "payload": [""] * 2,
        },
        schema=REJECT_SCHEMA,
    )
    store.append(TableName("quarantine", "ticks"), rejects, transaction="b")
    gold = TableName("gold", "ticks")
    partition = ("venue", "symbol")
    first = gold_rows(1_000_000_000, [EventKind.GAP, EventKind.DEPTH])
    store.append(gold, first, transaction="a", partition_by=partition)
    second = pl.concat(
        [
            gold_rows(2_000_000_000, [EventKind.DEPTH, EventKind.GAP]),
            gold_rows(3_000_000_000, [EventKind.GAP], venue="there"),
        ]
    )
    store.append(gold, second, transaction="b", partition_by=partition)
    for ordinal, name in enumerate(("a.gz", "b.gz")):
        row = ledger_row({"source_file": name, "ordinal": ordinal, "gaps": 1 - ordinal})
        store.append(FILES, row, transaction=name)
    unit = Units(instrument=_INSTRUMENT, clock_offset_ns=5)
    record_units(store, "ticks", [unit], transaction="a")
    store.append(TableName("gold", "other"), first, transaction="a", partition_by=partition)
    return root


def test_lists_every_table_from_the_log(lake: Path) -> None:
    answer = as_json("--lake", str(lake))
    found = {f"{t['layer']}/{t['name']}": (t["version"], t["rows"]) for t in answer["tables"]}
    assert found == {
        "bronze/ticks": (1, 4),
        "silver/ticks_depth": (0, 3),
        "gold/other": (0, 2),
        "gold/ticks": (1, 5),
        "quarantine/ticks": (0, 2),
        "reference/files": (1, 2),
        "reference/instruments": (0, 1),
    }
    gold = next(t for t in answer["tables"] if t["layer"] == "gold" and t["name"] == "ticks")
    data = list((lake / "gold" / "ticks").rglob("*.parquet"))
    data = [path for path in data if "_delta_log" not in path.parts]
    assert (gold["files"], gold["bytes"]) == (len(data), sum(p.stat().st_size for p in data))
    assert answer["unreadable"] == []


def test_describes_one_table(lake: Path) -> None:
    answer = as_json("ticks", "--lake", str(lake))
    assert (answer["layer"], answer["name"], answer["rows"]) == ("gold", "ticks", 5)
    assert [c["name"] for c in answer["schema"]] == GOLD_SCHEMA.names
    assert {c["name"]: c["type"] for c in answer["schema"]}["px_ticks"] == "long"
    assert [(v["version"], v["rows_added"]) for v in answer["versions"]] == [(1, 3), (0, 2)]
    assert answer["streams"] == [
        {
            "venue": "here",
            "symbol": "ABC",
            "rows": 4,
            "first_ns": 1_000_000_000,
            "last_ns": 2_000_000_001,
        },
        {
            "venue": "there",
            "symbol": "ABC",
            "rows": 1,
            "first_ns": 3_000_000_000,
            "last_ns": 3_000_000_000,
        },
    ]
    assert answer["integrity"] == {
        "gaps": 3,
        "quarantined": 2,
        "duplicates": 14,
        "backwards": 0,
    }
    assert [(f["source_file"], f["gaps"]) for f in answer["source_files"]] == [
        ("a.gz", 1),
        ("b.gz", 0),
    ]
    assert answer["units"] == [
        {
            "venue": "here",
            "symbol": "ABC",
            "tick": "0.01",
            "lot": "1",
            "inferred": True,
            "clock_offset_ns": 5,
            "is_measured_offset": False,
        }
    ]


def test_lineage_follows_the_layout_where_the_catalog_is_silent(lake: Path) -> None:
    lineage = as_json("gold/ticks", "--lake", str(lake))["lineage"]
    assert lineage == {
        "table": "gold/ticks",
        "upstream": [
            {
                "table": "silver/ticks_depth",
                "upstream": [{"table": "bronze/ticks", "upstream": []}],
            }
        ],
    }


def test_lineage_is_the_catalogs_where_it_speaks(lake: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(
        "version: 1\ntables:\n"
        "  gold/other: {schema: gold}\n"
        "  gold/ticks: {schema: gold, upstream: [gold/other]}\n",
        encoding="utf-8",
    )
    answer = as_json("ticks", "--lake", str(lake), "--catalog", str(catalog))
    assert answer["lineage"] == {
        "table": "gold/ticks",
        "upstream": [{"table": "gold/other", "upstream": []}],
    }


def test_silver_table_belongs_to_its_dataset(lake: Path) -> None:
    answer = as_json("silver/ticks_depth", "--lake", str(lake))
    assert answer["integrity"]["gaps"] is None
    assert answer["integrity"]["quarantined"] == 2
    assert [f["source_file"] for f in answer["source_files"]] == ["a.gz", "b.gz"]
    assert answer["streams"] == []


def test_plain_output_is_for_reading(lake: Path) -> None:
    listing = run("--lake", str(lake))
    assert listing.exit_code == 0
    assert "7 tables in" in listing.stdout
    one = run("ticks", "--lake", str(lake))
    assert one.exit_code == 0
    for text in (
        "px_ticks",
        "1970-01-01T00:00:03.000000000Z",
        "← silver/ticks_depth",
        "b.gz",
        "0.01",
    ):
        assert text in one.stdout


def test_missing_table_names_those_that_exist(lake: Path) -> None:
    result = run("gold/tick", "--lake", str(lake), "--json")
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert "gold/tick must exist" in answer["error"]
    assert "bronze/ticks" in answer["error"]
    assert "did you mean 'gold/ticks'" in answer["remedy"]


def test_missing_lake(tmp_path: Path) -> None:
    result = run("--lake", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    assert "remedy" in result.stderr


def test_empty_lake_has_no_tables(tmp_path: Path) -> None:
    assert as_json("--lake", str(tmp_path))["tables"] == []


def test_broken_catalog_is_named(lake: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text("version: 1\ntable: {}\n", encoding="utf-8")
    result = run("--lake", str(lake), "--catalog", str(catalog))
    assert result.exit_code == 2
    assert "catalog.yaml:2: table: unknown key" in result.stderr
    assert "did you mean 'tables'" in result.stderr


def test_one_unreadable_table_does_not_hide_the_others(lake: Path) -> None:
    (lake / "gold" / "other" / "_delta_log" / f"{0:020}.json").write_text("no JSON\n")
    result = run("--lake", str(lake), "--json")
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert [entry["table"] for entry in answer["unreadable"]] == ["gold/other"]
    assert {"gold/ticks", "bronze/ticks"} <= {f"{t['layer']}/{t['name']}" for t in answer["tables"]}
    assert "remedy" in result.stderr
