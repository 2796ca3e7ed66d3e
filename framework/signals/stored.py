"""Signals in a Delta table, read a stretch of time after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

import numpy as np
import polars as pl

from framework.catalog import did_you_mean
from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.lake.store import Lake, TableName
from framework.signals.base import Signal, SignalRows, check_rows, in_force
from framework.signals.link import WrittenAndTold
from framework.state.lag import StoreLink

SIGNAL_SCHEMA: Final = pl.Schema(
    {
        "scope": pl.String,
        "valid_ns": pl.Int64,
        "recorded_ns": pl.Int64,
        "value": pl.Float64,
        "state": pl.String,
    }
)
"""``scope`` is a symbol, an asset or whatever the signal is about; ``recorded_ns`` is when its
writer had it; ``state`` names the value where it stands for a state, else it is null."""

_STRETCH_NS: Final = 86_400 * NS_PER_S


class StoredSignal(Signal):
    """One scope of a signal table, at one version.

    Memory is bounded by a day of the table, not by its history.

    Parameters
    ----------
    name
        What strategies ask for.
    lake, table
        Where it stands, in `SIGNAL_SCHEMA`.
    scope
        What it is about; may be left out where the table has one scope only.
    states
        Names of its states in the order of their values; none where it is a number.
    link
        Lags from the writer's ``recorded_ns`` until we know.
    version
        Delta version; the latest where None, and kept from then on.
    seed
        Of drawn lags.

    Raises
    ------
    DataError
        Where there is no such table, version or scope, or it is no signal table.
    """

    schema: ClassVar[pl.Schema] = SIGNAL_SCHEMA
    about: ClassVar[str] = "scope"
    remedy: ClassVar[str] = "write signals with framework.signals.write_signal"

    def __init__(
        self,
        name: str,
        lake: Lake,
        table: TableName,
        *,
        scope: str = "",
        states: Sequence[str] = (),
        link: StoreLink | None = None,
        version: int | None = None,
        seed: int = 0,
    ) -> None:
        self.name = name
        self.states = tuple(states)
        self.table = table
        self.version = lake.open(table, version).version()
        self._lake = lake
        self._link = link or StoreLink()
        self._seed = seed
        self._check_columns()
        self.scope = self._the_scope(scope)

    def blocks(self, from_ns: int) -> Iterator[SignalRows]:
        """Yield the rows day by day, beginning with the last one recorded before `from_ns`."""
        own = self._own()
        spans = own.select(
            first=pl.col("recorded_ns").min(), last=pl.col("recorded_ns").max()
        ).collect()
        first_ns, last_ns = spans.row(0)
        before = own.filter(pl.col("recorded_ns") < from_ns - _STRETCH_NS)
        standing = before.sort("valid_ns", "recorded_ns").tail(1).collect()
        told = self._told()
        latest_ns = int(np.iinfo(np.int64).min)
        if standing.height:
            first_ns = from_ns - _STRETCH_NS
        for begin_ns in range(first_ns, last_ns + 1, _STRETCH_NS):
            within = pl.col("recorded_ns").is_between(begin_ns, begin_ns + _STRETCH_NS, "left")
            rows = own.filter(within).sort("recorded_ns", "valid_ns", maintain_order=True).collect()
            rows = pl.concat([standing, rows])
            standing = rows.clear()
            if rows.height:
                block = in_force(self._read(rows, told), latest_ns)
                latest_ns = int(block.valid_ns.max(initial=latest_ns))
                yield block

    def _read(self, rows: pl.DataFrame, told: WrittenAndTold) -> SignalRows:
        if self.states:
            rows = rows.with_columns(value=self._codes(rows["state"]))
        recorded_ns = rows["recorded_ns"].to_numpy()
        block = SignalRows(
            told.over(recorded_ns), rows["valid_ns"].to_numpy(), rows["value"].to_numpy()
        )
        # Checked by the writer's clock: a lag must not hide a value from the future.
        check_rows(block._replace(available_ns=recorded_ns), self.name, self.states)
        return block

    def _codes(self, states: pl.Series) -> pl.Series:
        unknown = sorted(set(states.fill_null("(none)")) - set(self.states))
        if unknown:
            raise DataError(
                f"signal {self.name}: states must be among {', '.join(self.states)}, "
                f"{self.table} has {', '.join(unknown)}",
                remedy="name all states of the table, in the order of the values wanted",
            )
        return states.replace_strict(
            list(self.states), [float(code) for code in range(len(self.states))]
        )

    def _told(self) -> WrittenAndTold:
        return WrittenAndTold(self._link, seed=self._seed, client=f"{self.name}:{self.scope}")

    def _own(self) -> pl.LazyFrame:
        """Read the rows of the scope, in `SIGNAL_SCHEMA`."""
        rows = self._lake.scan(self.table, self.version)
        return rows.filter(pl.col("scope") == self.scope).select(SIGNAL_SCHEMA.names())

    def _check_columns(self) -> None:
        found = self._lake.scan(self.table, self.version).collect_schema()
        wrong = [name for name, kind in self.schema.items() if found.get(name) != kind]
        if wrong:
            raise DataError(
                f"signal {self.name}: {self.table} must have the columns "
                f"{', '.join(self.schema)}, it lacks {', '.join(wrong)}",
                remedy=self.remedy,
            )

    def _the_scope(self, wanted: str) -> str:
        rows = self._lake.scan(self.table, self.version)
        scopes = sorted(rows.select(pl.col(self.about).unique()).collect()[self.about].to_list())
        if wanted in scopes or (not wanted and len(scopes) == 1):
            return wanted or str(scopes[0])
        raise DataError(
            f"signal {self.name}: {self.table} must have the {self.about} {wanted or 'asked for'}, "
            f"it has {', '.join(map(str, scopes)) or 'none'}",
            remedy=did_you_mean(wanted, scopes) or f"name one of them as {self.about}",
        )


def write_signal(
    lake: Lake, table: TableName, rows: pl.DataFrame, *, transaction: str
) -> int | None:
    """Append rows of `SIGNAL_SCHEMA` to a signal table, once a transaction.

    Raises
    ------
    DataError
        Where the columns are not those of the schema, or the table cannot be written.
    """
    if rows.schema != SIGNAL_SCHEMA:
        raise DataError(
            f"{table} must have the columns {dict(SIGNAL_SCHEMA)}, got {dict(rows.schema)}",
            remedy="select and cast them in that order",
        )
    return lake.append(table, rows, transaction=transaction)
