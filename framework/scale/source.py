"""Delta tables as a Spark data source that needs no jars, by deltalake.

``spark.read.format("crossbook").option("version", 3).load(uri)`` reads one version; filters on
partitions and on columns with statistics skip files, and row groups within them. Writing appends
in one commit, whatever the number of tasks: each task writes its files, the driver names them in
the log. A ``transaction`` that the log already has is not written again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyspark.sql.datasource import (
    DataSource,
    DataSourceArrowWriter,
    DataSourceReader,
    Filter,
    InputPartition,
)
from pyspark.sql.types import StructType

from framework.scale.files import table_files
from framework.scale.java import ScaleError
from framework.scale.pushdown import Condition, conditions, matching_files, row_filter
from framework.scale.writer import DeltaWriter

_UNREADABLE: Final = {"deletionVectors", "columnMapping"}


class DeltaSource(DataSource):
    """The data source ``crossbook``.

    Options: ``path``; when reading ``version``; when writing ``transaction`` and ``partition_by``
    (names, separated by commas) of a table that is made by this write.
    """

    @classmethod
    def name(cls) -> str:
        """Name the format; not ``delta``, which is that of the jars."""
        return "crossbook"

    def schema(self) -> StructType:
        """Read the schema of the version off the log."""
        return spark_schema(open_table(self._path, self._version))

    def reader(self, schema: StructType) -> DataSourceReader:
        """Open the version for reading."""
        return _Reader(self._path, self._version)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceArrowWriter:
        """Prepare an append."""
        if overwrite:
            raise ScaleError(
                "the crossbook data source appends, it was told to overwrite",
                remedy='write with .mode("append")',
            )
        named = self.options.get("partition_by", "")
        return DeltaWriter(
            self._path,
            transaction=self.options.get("transaction", ""),
            partition_by=tuple(name for name in named.split(",") if name),
        )

    @property
    def _path(self) -> str:
        path = self.options.get("path")
        if not path:
            raise ScaleError(
                "the crossbook data source needs a path", remedy="pass the table's URI to load()"
            )
        return str(path)

    @property
    def _version(self) -> int | None:
        version = self.options.get("version")
        return None if version is None else int(version)


def open_table(uri: str, version: int | None = None) -> DeltaTable:
    """Open a table's version; refuse features whose rows only the jars know how to read.

    Raises
    ------
    ScaleError
        Where the table has deletion vectors or mapped columns.
    """
    delta = DeltaTable(uri.removeprefix("file://"), version=version)
    features = set(delta.protocol().reader_features or ()) & _UNREADABLE
    if features:
        raise ScaleError(
            f"{uri} uses {', '.join(sorted(features))}, which can only be read with Delta's jars",
            remedy="pass the jars in SparkConfig, or rewrite the table without the feature",
        )
    return delta


def spark_schema(delta: DeltaTable) -> StructType:
    """Return a table's schema as Spark writes it."""
    from pyspark.sql.pandas.types import from_arrow_schema

    found = from_arrow_schema(pa.schema(delta.schema().to_arrow()), prefer_timestamp_ntz=False)
    for field in found.fields:
        field.nullable = True
    return found


class _File(InputPartition):
    """One file of a table and the values of its partition."""

    def __init__(self, path: str, partition: Mapping[str, object]) -> None:
        super().__init__(path)
        self.partition = dict(partition)


class _Reader(DataSourceReader):
    """Reads one version, a task a file."""

    def __init__(self, uri: str, version: int | None) -> None:
        delta = open_table(uri, version)
        self._uri = uri.removeprefix("file://")
        self._version = delta.version()
        self._schema = pa.schema(
            [
                field.with_type(_spark_type(field.type))
                for field in pa.schema(delta.schema().to_arrow())
            ]
        )
        self._partition_by = tuple(delta.metadata().partition_columns)
        self._wanted: list[Condition] = []

    def pushFilters(self, filters: list[Filter]) -> Iterator[Filter]:  # noqa: N802
        """Note the filters that can skip files; Spark applies all of them again."""
        self._wanted = conditions(filters)
        yield from filters

    def partitions(self) -> Sequence[InputPartition]:
        """List the files that may hold matching rows."""
        files = matching_files(table_files(open_table(self._uri, self._version)), self._wanted)
        return [
            _File(row["path"], {n: row[f"partition.{n}"] for n in self._partition_by})
            for row in files.iter_rows(named=True)
        ]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read one file's matching rows."""
        assert isinstance(partition, _File)
        file_system = pa.fs.PyFileSystem(DeltaStorageHandler(self._uri))
        data = ds.dataset(partition.value, format="parquet", filesystem=file_system)
        own = row_filter(data.schema, self._wanted)
        names = [n for n in self._schema.names if n in data.schema.names]
        for batch in data.to_batches(columns=names, filter=own):
            if batch.num_rows:
                yield self._completed(batch, partition.partition)

    def _completed(self, batch: pa.RecordBatch, values: Mapping[str, object]) -> pa.RecordBatch:
        """Add the partition's values, and nulls for columns younger than the file."""
        columns = []
        for field in self._schema:
            if field.name in batch.schema.names:
                columns.append(batch[field.name].cast(field.type))
            else:
                value = pa.scalar(values.get(field.name), type=field.type)
                columns.append(pa.repeat(value, batch.num_rows))
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


def _spark_type(dtype: pa.DataType) -> pa.DataType:
    """Spark knows one kind of text and one of bytes."""
    if pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return pa.string()
    if pa.types.is_large_binary(dtype) or pa.types.is_binary_view(dtype):
        return pa.binary()
    return dtype
