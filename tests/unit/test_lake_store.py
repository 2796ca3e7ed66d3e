"""Delta tables: exactly once, schema checks before the write, errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from framework.core.errors import DataError
from framework.lake.dataset import Dataset
from framework.lake.schema_check import schema_to_write, widens
from framework.lake.store import Lake, TableName

TABLE = TableName("silver", "t_trades")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_a_source_is_committed_once(lake: Lake) -> None:
    rows = pl.DataFrame({"a": [1, 2]})
    assert lake.append(TABLE, rows, transaction="f1") == 0
    assert lake.append(TABLE, rows, transaction="f1") is None
    assert lake.append(TABLE, rows, transaction="f2") == 1
    assert lake.scan(TABLE).collect().height == 4
    assert lake.committed(TABLE, "f2")
    assert not lake.committed(TABLE, "f3")


def test_a_table_can_be_read_as_before_a_transaction(lake: Lake) -> None:
    assert lake.scan_before(TABLE, "f2", None) is None
    lake.append(TABLE, pl.DataFrame({"a": [1]}), transaction="f1")
    before = lake.scan_before(TABLE, "f2", 0)
    assert before is not None
    lake.append(TABLE, pl.DataFrame({"a": [2]}), transaction="f2")
    after = lake.scan_before(TABLE, "f2", 0)
    assert after is not None
    assert before.collect().equals(after.collect())
    assert lake.scan_before(TABLE, "f1", None) is None


def test_a_version_stays_readable(lake: Lake) -> None:
    lake.append(TABLE, pl.DataFrame({"a": [1]}), transaction="f1")
    lake.append(TABLE, pl.DataFrame({"a": [2]}), transaction="f2")
    assert lake.scan(TABLE, version=0).collect()["a"].to_list() == [1]


def test_new_columns_come_and_old_ones_may_be_missing(lake: Lake) -> None:
    lake.append(TABLE, pl.DataFrame({"a": [1]}), transaction="f1")
    lake.append(TABLE, pl.DataFrame({"a": [2], "b": ["x"]}), transaction="f2")
    lake.append(TABLE, pl.DataFrame({"b": ["y"]}), transaction="f3")
    rows = lake.scan(TABLE).collect().sort("a", nulls_last=True)
    assert rows.to_dict(as_series=False) == {"a": [1, 2, None], "b": [None, "x", "y"]}


def test_a_narrower_number_is_widened(lake: Lake) -> None:
    lake.append(TABLE, pl.DataFrame({"a": [2**40]}), transaction="f1")
    lake.append(TABLE, pl.DataFrame({"a": [3]}, schema={"a": pl.Int8}), transaction="f2")
    rows = lake.scan(TABLE).collect()
    assert rows.schema == {"a": pl.Int64}
    assert sorted(rows["a"]) == [3, 2**40]


@pytest.mark.parametrize(
    "narrowing",
    [
        pl.DataFrame({"a": [1.5]}),
        pl.DataFrame({"a": ["1"]}),
        pl.DataFrame({"a": [2**63]}, schema={"a": pl.UInt64}),
    ],
)
def test_a_narrowing_cast_is_refused_before_the_write(lake: Lake, narrowing: pl.DataFrame) -> None:
    lake.append(TABLE, pl.DataFrame({"a": [1]}), transaction="f1")
    with pytest.raises(DataError, match=r"silver/t_trades: column 'a' holds int64"):
        lake.append(TABLE, narrowing, transaction="f2")
    assert lake.version(TABLE) == 0
    assert lake.scan(TABLE).collect()["a"].to_list() == [1]


def test_a_required_column_must_be_there(lake: Lake) -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.int64())])
    lake.append(TABLE, pa.table({"a": [1], "b": [2]}, schema=schema), transaction="f1")
    with pytest.raises(DataError, match="every row must have a"):
        lake.append(TABLE, pl.DataFrame({"b": [1]}), transaction="f2")


@pytest.mark.parametrize(
    ("found", "stored", "fits"),
    [
        (pa.int8(), pa.int64(), True),
        (pa.uint32(), pa.int64(), True),
        (pa.uint64(), pa.int64(), False),
        (pa.int64(), pa.int32(), False),
        (pa.int32(), pa.float64(), True),
        (pa.int64(), pa.float64(), False),
        (pa.float32(), pa.float64(), True),
        (pa.float64(), pa.float32(), False),
        (pa.null(), pa.string(), True),
        (pa.bool_(), pa.int64(), False),
    ],
)
def test_what_fits_without_loss(found: pa.DataType, stored: pa.DataType, fits: bool) -> None:
    assert widens(found, stored) is fits


def test_text_is_one_type_however_it_is_held() -> None:
    found = pa.schema([("a", pa.string_view()), ("b", pa.large_string()), ("c", pa.int8())])
    stored = pa.schema([("a", pa.string()), ("b", pa.string()), ("c", pa.int64())])
    written = schema_to_write(found, stored, "t")
    assert written.types == [pa.string_view(), pa.large_string(), pa.int64()]


def test_a_missing_table_is_named(lake: Lake) -> None:
    with pytest.raises(DataError, match="table silver/t_trades must exist") as caught:
        lake.scan(TABLE)
    assert "ingest" in caught.value.remedy
    assert lake.version(TABLE) is None


def test_a_missing_version_is_an_error(lake: Lake) -> None:
    lake.append(TABLE, pl.DataFrame({"a": [1]}), transaction="f1")
    with pytest.raises(DataError):
        lake.open(TABLE, version=7)


def test_a_corrupt_log_is_an_error(lake: Lake) -> None:
    lake.append(TABLE, pl.DataFrame({"a": [1]}), transaction="f1")
    log = Path(lake.uri(TABLE)) / "_delta_log" / f"{0:020d}.json"
    log.write_text("{ this is no log\n")
    with pytest.raises(DataError) as caught:
        lake.open(TABLE)
    assert caught.value.remedy


def test_a_root_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.write_text("")
    lake = Lake(root)
    with pytest.raises(DataError, match="writable") as caught:
        lake.append(TABLE, pl.DataFrame({"a": [1]}), transaction="f1")
    assert "--lake" in caught.value.remedy
    with pytest.raises(DataError, match="writable"), lake.sole_writer("t"):
        pass


def test_only_one_process_writes_a_dataset(lake: Lake) -> None:
    refused = pytest.raises(DataError, match="only one process")
    with lake.sole_writer("t"), refused, lake.sole_writer("t"):
        pass
    with lake.sole_writer("t"), lake.sole_writer("other"):
        pass


def test_files_and_row_groups_are_skipped_by_time(lake: Lake) -> None:
    import pyarrow.parquet as pq

    times = np.arange(300_000, dtype=np.int64)
    for part in range(2):
        rows = pl.DataFrame({"symbol": ["X"] * times.size, "ts_ns": times + part * times.size})
        lake.append(TABLE, rows, transaction=f"f{part}", partition_by=("symbol",))
    delta = lake.open(TABLE)
    stats = pa.table(delta.get_add_actions(flatten=True))
    assert sorted(stats["min.ts_ns"].to_pylist()) == [0, 300_000]
    assert sorted(stats["max.ts_ns"].to_pylist()) == [299_999, 599_999]
    groups = pq.ParquetFile(delta.file_uris()[0]).metadata
    assert groups.num_row_groups == 3
    assert all(groups.row_group(i).column(0).statistics.has_min_max for i in range(3))


@pytest.mark.parametrize("chunks", [1, 2, 40])
@pytest.mark.parametrize("partition_by", [(), ("symbol",)])
def test_rows_keep_their_order(lake: Lake, chunks: int, partition_by: tuple[str, ...]) -> None:
    values = np.random.default_rng(3).permutation(400_000)
    parts = [
        pl.DataFrame({"a": part, "symbol": np.where(part % 2 == 0, "X", "Y")})
        for part in np.array_split(values, chunks)
    ]
    rows = pl.concat(parts, rechunk=False)
    table = rows.to_arrow()
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
    for index, data in enumerate((rows, table, reader)):
        name = TableName("gold", f"t{index}")
        lake.append(name, data, transaction="f1", partition_by=partition_by)
        read = lake.scan(name).collect()
        for symbol in ("X", "Y"):
            kept, given = (r.filter(pl.col("symbol") == symbol)["a"] for r in (read, rows))
            assert kept.equals(given)


def test_the_log_gets_checkpoints(lake: Lake) -> None:
    for index in range(21):
        lake.append(TABLE, pl.DataFrame({"a": [index]}), transaction=f"f{index}")
    pointer = Path(lake.uri(TABLE)) / "_delta_log" / "_last_checkpoint"
    assert json.loads(pointer.read_text())["version"] >= 19
    assert lake.committed(TABLE, "f0")


def test_compaction_keeps_rows_and_transactions(lake: Lake) -> None:
    for index in range(4):
        lake.append(TABLE, pl.DataFrame({"a": [index], "b": [-index]}), transaction=f"f{index}")
    lake.compact(TABLE, z_order=["a"])
    assert len(lake.open(TABLE).file_uris()) == 1
    assert sorted(lake.scan(TABLE).collect()["a"]) == [0, 1, 2, 3]
    assert lake.append(TABLE, pl.DataFrame({"a": [0], "b": [0]}), transaction="f0") is None


def test_gold_is_never_compacted(lake: Lake) -> None:
    gold = Dataset("x").gold
    lake.append(gold, pl.DataFrame({"a": [1]}), transaction="f")
    with pytest.raises(DataError, match="keep their order"):
        lake.compact(gold)


def test_tables_are_listed_by_layer(lake: Lake) -> None:
    for name in (Dataset("x").gold, Dataset("x").bronze, TABLE):
        lake.append(name, pl.DataFrame({"a": [1]}), transaction="f")
    assert [str(name) for name in lake.tables()] == ["bronze/x", "silver/t_trades", "gold/x"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_a_dataset_needs_a_plain_name(name: str) -> None:
    with pytest.raises(DataError, match="table's name"):
        Dataset(name)
