"""Rows in memory and in files read the same, and leave no file behind."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest

from framework.engine.shelf import Shelf

SCHEMA = pa.schema([pa.field("n", pa.int64()), pa.field("kind", pa.int8())])


def _batch(begin: int, end: int) -> pa.RecordBatch:
    numbers = pa.array(range(begin, end), pa.int64())
    return pa.record_batch([numbers, numbers.cast(pa.int8())], schema=SCHEMA)


@pytest.mark.parametrize("room_bytes", [0, 100, 10**6])
def test_all_rows_come_back_in_order_wherever_they_were(
    room_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shelf = Shelf(SCHEMA, room_bytes)
    assert shelf.table().num_rows == 0
    for begin in range(0, 100, 10):
        shelf.append(_batch(begin, begin + 10))
        assert shelf.table()["n"].to_pylist() == list(range(begin + 10))
    assert list(tmp_path.iterdir()) == []
    table = shelf.table()
    del shelf
    assert table.equals(pa.Table.from_batches([_batch(0, 100)]))
    assert pickle.loads(pickle.dumps(table)).equals(table)


def test_what_is_filed_takes_no_memory() -> None:
    shelf = Shelf(SCHEMA, 1_000)
    before = pa.total_allocated_bytes()
    for begin in range(200):
        shelf.append(_batch(begin % 20, begin % 20 + 100))
    assert pa.total_allocated_bytes() - before < 3_000
    assert shelf.table().num_rows == 20_000
