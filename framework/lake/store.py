"""Delta tables under one root: ``ROOT/<layer>/<table>``, each source committed exactly once.

A commit carries its source's name as a Delta application transaction. A source that the table's
log already names is not written again, so a run that was killed anywhere can be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from framework.catalog.validation import did_you_mean
from framework.core.errors import DataError
from framework.lake.encoding import writer_properties
from framework.lake.lock import sole_writer
from framework.lake.schema_check import schema_to_write

LAYERS: Final = ("bronze", "silver", "gold", "quarantine", "reference")
_CONFIGURATION: Final = {"delta.checkpointInterval": "20"}

Rows: TypeAlias = pl.DataFrame | pa.Table | pa.RecordBatchReader


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's place in the lake.

    >>> str(TableName("gold", "binance"))
    'gold/binance'
    """

    layer: str
    name: str

    def __str__(self) -> str:
        return f"{self.layer}/{self.name}"


class Lake:
    """The Delta tables of one root folder (or object store prefix).

    Parameters
    ----------
    root
        Folder, or a URI deltalake understands.
    storage_options
        What deltalake needs to reach a remote root.
    on_commit
        Called with the table's name after each commit; a progress display may hook in here.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        storage_options: Mapping[str, str] | None = None,
        on_commit: Callable[[TableName, int], None] | None = None,
    ) -> None:
        self.root = str(root)
        self._options = dict(storage_options) if storage_options else None
        self._on_commit = on_commit

    def uri(self, table: TableName) -> str:
        """Return the table's location."""
        return f"{self.root.rstrip('/')}/{table.layer}/{table.name}"

    def exists(self, table: TableName) -> bool:
        """Tell whether the table has been written to."""
        with _explained(table, self.uri(table)):
            return DeltaTable.is_deltatable(self.uri(table), self._options)

    def tables(self) -> list[TableName]:
        """List the tables of a local root, in the order of the layers."""
        found = []
        for layer in LAYERS:
            folder = Path(self.root) / layer
            if folder.is_dir():
                names = sorted(p.name for p in folder.iterdir() if (p / "_delta_log").is_dir())
                found += [TableName(layer, name) for name in names]
        return found

    def open(self, table: TableName, version: int | None = None) -> DeltaTable:
        """Open a table, at a version where one is given.

        Raises
        ------
        DataError
            Where there is no such table or version, or its log cannot be read.
        """
        with _explained(table, self.uri(table)):
            if not DeltaTable.is_deltatable(self.uri(table), self._options):
                raise self._missing(table)
            return DeltaTable(self.uri(table), version=version, storage_options=self._options)

    def _missing(self, table: TableName) -> DataError:
        known = [str(other) for other in self.tables() if other.layer == table.layer]
        hint = did_you_mean(str(table), known) or "ingest it first"
        return DataError(
            f"table {table} must exist, there is none at {self.uri(table)}",
            remedy=f"check --lake and the table's name: {hint}",
        )

    def version(self, table: TableName) -> int | None:
        """Return the latest version, None where there is no table."""
        return self.open(table).version() if self.exists(table) else None

    def scan(self, table: TableName, version: int | None = None) -> pl.LazyFrame:
        """Read lazily; filters on columns with statistics skip whole files and row groups."""
        delta = self.open(table, version)
        with _explained(table, self.uri(table)):
            return pl.scan_delta(delta, storage_options=self._options)

    def scan_before(
        self, table: TableName, transaction: str, version: int | None
    ) -> pl.LazyFrame | None:
        """Read lazily what a table held before a transaction, None where that was nothing.

        Parameters
        ----------
        version
            Version to go back to where the transaction has been committed; None: there was none.
        """
        if not self.exists(table):
            return None
        delta = self.open(table)
        with _explained(table, self.uri(table)):
            if delta.transaction_version(transaction) is not None:
                if version is None:
                    return None
                delta.load_as_version(version)
            return pl.scan_delta(delta, storage_options=self._options)

    def committed(self, table: TableName, transaction: str) -> bool:
        """Tell whether the table already holds what this transaction wrote."""
        return self.exists(table) and self.open(table).transaction_version(transaction) is not None

    def append(
        self,
        table: TableName,
        rows: Rows,
        *,
        transaction: str,
        partition_by: Sequence[str] = (),
    ) -> int | None:
        """Append rows in one commit, unless the transaction has been committed before.

        Parameters
        ----------
        rows
            Rows, or a reader, which is read to its end first. They are held in memory at once:
            only then do the files keep their order.
        transaction
            Name of the source, unique within the table.
        partition_by
            Partition columns of a table that is made by this write.

        Returns
        -------
        int or None
            The version written, None where the transaction was there already.

        Raises
        ------
        DataError
            Where a column would be narrowed, or the table cannot be written.
        """
        uri = self.uri(table)
        with _explained(table, uri):
            target = self.open(table) if self.exists(table) else None
            if target is not None and target.transaction_version(transaction) is not None:
                return None
            stored = None if target is None else pa.schema(target.schema().to_arrow())
            data = _to_write(rows, stored, str(table))
            if target is None:
                self._make_folder(uri)
            write_deltalake(
                uri if target is None else target,
                data,
                mode="append",
                schema_mode="merge",
                partition_by=list(partition_by) or None,
                name=str(table) if target is None else None,
                configuration=_CONFIGURATION if target is None else None,
                storage_options=self._options,
                writer_properties=writer_properties(data.schema),
                commit_properties=CommitProperties(app_transactions=[Transaction(transaction, 1)]),
            )
        version = 0 if target is None else target.version()
        if self._on_commit is not None:
            self._on_commit(table, version)
        return version

    def replace(
        self,
        table: TableName,
        rows: pl.DataFrame,
        *,
        column: str,
        value: str,
        content: int,
        partition_by: Sequence[str] = (),
    ) -> int | None:
        """Put rows in the place of those whose column has a value, in one commit.

        Parameters
        ----------
        rows
            All of them with that value; there may have been none before.
        column, value
            What they replace: letters, digits and ``-_.:`` only.
        content
            Fingerprint of the rows, 0 to 2**62: the same ones are not written again.
        partition_by
            Partition columns of a table that is made by this write.

        Returns
        -------
        int or None
            The version written, None where the table held these very rows already.

        Raises
        ------
        DataError
            Where a column would be narrowed, or the table cannot be written.
        """
        uri, transaction = self.uri(table), f"{column}={value}"
        assert re.fullmatch(r"[\w.:\-]+", value), value  # it goes into a predicate as it is
        with _explained(table, uri):
            target = self.open(table) if self.exists(table) else None
            if target is not None and target.transaction_version(transaction) == content:
                return None
            stored = None if target is None else pa.schema(target.schema().to_arrow())
            data = _to_write(rows, stored, str(table))
            if target is None:
                self._make_folder(uri)
            write_deltalake(
                uri if target is None else target,
                data,
                mode="overwrite",
                predicate=None if target is None else f"{column} = '{value}'",
                partition_by=list(partition_by) or None,
                name=str(table) if target is None else None,
                configuration=_CONFIGURATION if target is None else None,
                storage_options=self._options,
                writer_properties=writer_properties(data.schema),
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(transaction, content)]
                ),
            )
        version = 0 if target is None else target.version()
        if self._on_commit is not None:
            self._on_commit(table, version)
        return version

    def compact(self, table: TableName, z_order: Sequence[str] = ()) -> None:
        """Merge small files, sorted along a space-filling curve where columns are given.

        Raises
        ------
        DataError
            For a gold table, whose rows must keep the order they were written in.
        """
        if table.layer == "gold":
            raise DataError(
                f"the rows of {table} must keep their order, compaction would mix them",
                remedy="compact bronze or silver; gold files are one a day and stream already",
            )
        delta = self.open(table)
        with _explained(table, self.uri(table)):
            if z_order:
                delta.optimize.z_order(list(z_order))
            else:
                delta.optimize.compact()

    @contextmanager
    def sole_writer(self, name: str) -> Iterator[None]:
        """Hold the right to write a dataset; remote roots rely on Delta's conflict check."""
        if "://" in self.root:
            yield
            return
        with sole_writer(Path(self.root) / ".locks", name):
            yield

    def _make_folder(self, uri: str) -> None:
        if "://" not in uri:
            Path(uri).mkdir(parents=True, exist_ok=True)


def _to_write(rows: Rows, stored: pa.Schema | None, table: str) -> pa.Table:
    """Return rows in the table's types and as one chunk: the writer reorders several."""
    if isinstance(rows, pl.DataFrame):
        rows = rows.rechunk().to_arrow()
    elif isinstance(rows, pa.RecordBatchReader):
        rows = rows.read_all()
    schema = schema_to_write(rows.schema, stored, table)
    return (rows if rows.schema.equals(schema) else rows.cast(schema)).combine_chunks()


@contextmanager
def _explained(table: TableName, uri: str) -> Iterator[None]:
    """Turn what deltalake and the file system raise into the project's error."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"table {table} must be readable and writable, {uri} is not: {error}",
            remedy="pass another folder with --lake, or correct its permissions and free space",
        ) from error
    except CommitFailedError as error:
        raise DataError(
            f"table {table} must have one writer at a time, another wrote to {uri}: {error}",
            remedy="run the command again; what was committed is kept",
        ) from error
    except (DeltaError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"table {table} must have a sound Delta log and files, {uri} has not: {error}",
            remedy="restore the table's folder from a copy, or delete it and ingest again",
        ) from error
