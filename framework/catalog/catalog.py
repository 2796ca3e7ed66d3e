"""The catalog: every instrument, venue and table Crossbook knows, and what is made from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from framework.catalog.entries import Layer, TableConfig
from framework.catalog.validation import did_you_mean
from framework.catalog.venue import VenueConfig
from framework.core.errors import CatalogError
from framework.core.instrument import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A table and, behind it, all it is made from.

    Parameters
    ----------
    name
        ``layer/dataset``.
    upstream
        Lineage of each table it is made from.
    """

    name: str
    upstream: tuple[Lineage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What `data_catalog.yaml` says.

    Parameters
    ----------
    path
        The file it was read from.
    instruments_by_name
        By ``(venue, symbol)``, in the order of the file, the venue's defaults filled in.
    venues, tables
        By name.
    """

    path: Path
    instruments_by_name: Mapping[tuple[str, str], Instrument]
    venues: Mapping[str, VenueConfig]
    tables: Mapping[str, TableConfig]

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Every instrument, in the order of the file."""
        return tuple(self.instruments_by_name.values())

    def instrument(self, venue: str, symbol: str) -> Instrument | None:
        """Return the instrument, or None where the catalog does not know it."""
        return self.instruments_by_name.get((venue, symbol))

    def venue(self, name: str) -> VenueConfig:
        """Return the venue; one the catalog lacks has default values and ``known=False``."""
        return self.venues.get(name) or VenueConfig(name=name)

    def table(self, name: str) -> TableConfig:
        """Return a table by ``layer/dataset``; a bare dataset name means its gold table.

        Raises
        ------
        CatalogError
            Where the catalog does not name it.
        """
        for candidate in (name, f"{Layer.GOLD}/{name}"):
            if candidate in self.tables:
                return self.tables[candidate]
        raise CatalogError(
            f"{self.path}: a table must be in the catalog, {name!r} is not",
            remedy=did_you_mean(name, list(self.tables)) or "add it under tables:",
        )

    def lineage(self, name: str) -> Lineage:
        """Return the tree of tables `name` is made from; a leaf where none are named.

        A bare dataset name means its gold table; a table the catalog lacks is a leaf.
        """
        table = self.tables.get(name) or self.tables.get(f"{Layer.GOLD}/{name}")
        if table is None:
            return Lineage(name=name)
        return Lineage(
            name=table.name,
            upstream=tuple(self.lineage(source) for source in table.upstream),
        )
