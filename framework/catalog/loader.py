"""Read and check `data_catalog.yaml`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from framework.catalog.catalog import Catalog
from framework.catalog.document import Document, Location, read_document
from framework.catalog.entries import CatalogFile
from framework.catalog.validation import did_you_mean, mistakes_error, validate
from framework.core.errors import CatalogError

FILE_NAME: Final = "data_catalog.yaml"

_Mistake = tuple[Location, str, str]


def load_catalog(path: Path | None = None) -> Catalog:
    """Read a catalog.

    Parameters
    ----------
    path
        The file; None looks for `data_catalog.yaml` in the working directory, then beside the
        packages, then where the installed distribution keeps it.

    Raises
    ------
    CatalogError
        Where the file is missing, is no YAML or breaks a rule; names file and line of each mistake.
    """
    document = read_document(path or _default_path(), error=CatalogError, exact_decimals=True)
    named = replace(document, data=_with_names(document))
    file = validate(named, TypeAdapter(CatalogFile), error=CatalogError)
    mistakes = [*_instrument_mistakes(file), *_table_mistakes(file)]
    if mistakes:
        raise mistakes_error(document, mistakes, error=CatalogError)
    return Catalog(
        path=document.path,
        instruments_by_name={
            (entry.venue, entry.symbol): entry.at(file.venues[entry.venue])
            for entry in file.instruments
        },
        venues=file.venues,
        tables=file.tables,
    )


def _default_path() -> Path:
    places = (
        Path.cwd(),
        Path(__file__).resolve().parents[2],
        Path(sys.prefix) / "share" / "crossbook",
    )
    for folder in places:
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise CatalogError(
        f"a catalog must exist, no {FILE_NAME} in {', '.join(map(str, places))}",
        remedy="name one with --catalog FILE",
    )


def _with_names(document: Document) -> object:
    """Give venues and tables the name that their key is; what is not well formed stays as it is."""
    if not isinstance(document.data, dict):
        raise CatalogError(
            f"{document.path}:1: a catalog must be a mapping with version, venues, instruments "
            f"and tables, found {type(document.data).__name__}",
            remedy="begin with the line 'version: 1'",
        )
    data = {key: value for key, value in document.data.items() if value is not None}
    for section, given in (("venues", ("name", "known")), ("tables", ("name",))):
        entries = data.get(section)
        if not isinstance(entries, dict):
            continue
        taken = [
            ((section, key, word), "unknown key", f"remove {word!r}: an entry's key is its name")
            for key, entry in entries.items()
            if isinstance(entry, dict)
            for word in given
            if word in entry
        ]
        if taken:
            raise mistakes_error(document, taken, error=CatalogError)
        data[section] = {key: _named(section, key, entry) for key, entry in entries.items()}
    return data


def _named(section: str, key: str, entry: object) -> object:
    values = {} if entry is None else entry
    if not isinstance(values, dict):
        return values
    if section == "venues":
        return {**values, "name": key, "known": True}
    return {"location": key, **values, "name": key}


def _instrument_mistakes(file: CatalogFile) -> Iterator[_Mistake]:
    first: dict[tuple[str, str], int] = {}
    for index, entry in enumerate(file.instruments):
        place: Location = ("instruments", index)
        if entry.venue not in file.venues:
            yield (
                (*place, "venue"),
                f"an instrument's venue must stand under venues, {entry.venue!r} does not",
                did_you_mean(entry.venue, list(file.venues)),
            )
        name = (entry.venue, entry.symbol)
        if name in first:
            yield (
                place,
                f"{entry.venue}:{entry.symbol} stands twice, first as entry {first[name]}",
                "keep one of the two",
            )
        first.setdefault(name, index)
        if entry.quote_size < 0 or entry.quote_size % entry.lot:
            yield (
                (*place, "quote_size"),
                f"must be a multiple of the lot {entry.lot}, got {entry.quote_size}",
                "round quote_size to the lot",
            )


def _table_mistakes(file: CatalogFile) -> Iterator[_Mistake]:
    for name, table in file.tables.items():
        for index, source in enumerate(table.upstream):
            if source not in file.tables:
                yield (
                    ("tables", name, "upstream", index),
                    f"an upstream table must stand under tables, {source!r} does not",
                    did_you_mean(source, list(file.tables)),
                )
    edges = {name: table.upstream for name, table in file.tables.items()}
    for name in edges:
        if name in _ancestors(name, edges):
            yield ("tables", name, "upstream"), "a table is made from itself", "break the circle"


def _ancestors(name: str, edges: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = list(edges[name])
    while waiting:
        source = waiting.pop()
        if source not in found:
            found.add(source)
            waiting.extend(edges.get(source, ()))
    return found
