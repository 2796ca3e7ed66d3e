"""First stage of the stream: files of the landing folder become typed rows, stream by stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlparse

import orjson
import polars as pl
import pyarrow as pa

from framework.core.errors import DataError
from framework.lake.discover import SourceFile, file_order
from framework.lake.formats.base import Parsed
from framework.lake.prepare import KINDS, Setting, read_file
from framework.scale.packed import pack, pack_schema

BRONZE: Final = "bronze"
REJECTS: Final = "rejects"
LINES: Final = "lines"
FAILURE: Final = "failure"

PART_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("venue", "symbol", "source_file", "sha256")),
        ("file_order", pa.string()),
        ("part", pa.string()),
        ("n_rows", pa.int64()),
        ("body", pa.binary()),
        ("body_schema", pa.binary()),
    ]
)


class Part(NamedTuple):
    """One row of `PART_SCHEMA`."""

    venue: str
    symbol: str
    source_file: str
    sha256: str
    file_order: str
    part: str
    n_rows: int
    body: bytes
    body_schema: bytes


def parts_of_files(batches: Iterator[pa.RecordBatch], setting: Setting) -> Iterator[pa.RecordBatch]:
    """Read the files named in ``path``; what is wrong with a file becomes its only part."""
    for batch in batches:
        for uri in batch.column(batch.schema.get_field_index("path")):
            path = Path(unquote(urlparse(uri.as_py()).path))
            rows = [part._asdict() for part in parts_of_file(path, setting)]
            yield from pa.Table.from_pylist(rows, schema=PART_SCHEMA).to_batches()


def parts_of_file(path: Path, setting: Setting) -> Iterator[Part]:
    """Yield a file's raw rows, its refused rows, and the typed rows of each of its streams."""
    content = path.read_bytes()
    file = SourceFile(path=path, n_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    order = orjson.dumps(file_order(file, setting.source_format)).decode()

    def part(stream: tuple[str, str], name: str, rows: pl.DataFrame) -> Part:
        named = (*stream, path.name, file.sha256, order)
        return Part(*named, name, rows.height, pack(rows), pack_schema(rows))

    nowhere = ("", "")
    try:
        bronze, parsed = read_file(file, setting)
    except DataError as error:
        yield part(nowhere, FAILURE, failure(path.name, error))
        return
    yield part(nowhere, BRONZE, bronze)
    if parsed.rejects.height:
        yield part(nowhere, REJECTS, parsed.rejects)
    for stream in _streams(parsed):
        yield from (part(stream, name, rows) for name, rows in _of_stream(parsed, bronze, stream))


def failure(source_file: str, error: DataError) -> pl.DataFrame:
    """Tell why nothing of a file was kept, as a row of the quarantine."""
    reason = error.message if source_file in error.message else f"{source_file}: {error.message}"
    return pl.DataFrame(
        [(source_file, 0, reason, "")],
        schema={
            "source_file": pl.String,
            "source_row": pl.Int64,
            "reason": pl.String,
            "payload": pl.String,
        },
        orient="row",
    )


def _streams(parsed: Parsed) -> list[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for kind in KINDS:
        found |= set(getattr(parsed, kind).select("exchange", "symbol").unique().iter_rows())
    return sorted(found)


def _of_stream(
    parsed: Parsed, bronze: pl.DataFrame, stream: tuple[str, str]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield one stream's rows by kind, and the lines they were read from."""
    here = (pl.col("exchange") == stream[0]) & (pl.col("symbol") == stream[1])
    told = []
    for kind in KINDS:
        rows = getattr(parsed, kind).filter(here)
        if rows.height:
            told.append(rows.select("source_row"))
            yield kind, rows
    lines = bronze.select("source_file", "source_row", "payload")
    yield LINES, lines.join(pl.concat(told).unique(), on="source_row", how="semi")
