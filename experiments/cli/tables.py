"""`crossbook tables`: what is in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from experiments.cli.layout_view import show_layout
from experiments.cli.output import EXIT_DONE, EXIT_ERROR, Output, lake_options, output_option
from experiments.cli.table_view import TableView
from framework.catalog import Catalog, Lineage, did_you_mean, load_catalog
from framework.core.errors import CatalogError, DataError, SpecError
from framework.lake import facts
from framework.lake.store import Lake, TableName
from framework.lake.units import read_units

_VERSIONS_SHOWN: Final = 20
_BARE_NAME_ORDER: Final = ("gold", "reference", "silver", "bronze", "quarantine")


@click.command()
@click.argument("name", required=False)
@click.option("--layout", is_flag=True, help="Show how NAME's files lie, and what they cost.")
@lake_options
@output_option
def tables(
    *, name: str | None, layout: bool, lake: Path, catalog: Path | None, output: Output
) -> None:
    """List the lake's tables, or describe table NAME.

    NAME is layer/table, such as silver/binance_spot_depth; a bare NAME means its gold table.
    """
    knowledge = load_catalog(catalog)
    if not lake.is_dir():
        raise DataError(
            f"a lake must exist, there is no folder {lake}",
            remedy="name it with --lake, or make one: crossbook ingest, or crossbook demo",
        )
    store = Lake(lake)
    if layout and name is None:
        raise SpecError(
            "--layout describes one table, no NAME was given",
            remedy="name one: crossbook tables silver/market_quotes --layout",
        )
    if layout and name is not None:
        show_layout(store, _resolve(store, name), output)
    if name is None:
        _list(store, output)
    else:
        view = _view(store, _resolve(store, name), knowledge)
        view.show(output)
        output.finish(view.as_json())


def _list(lake: Lake, output: Output) -> None:
    found: list[facts.TableFacts] = []
    broken: list[tuple[TableName, DataError]] = []
    for table in lake.tables():
        try:
            found.append(facts.table_facts(lake, table))
        except DataError as error:
            broken.append((table, error))
    output.table(
        f"{len(found)} tables in {lake.root}",
        ("layer", "table", "version", "rows", "files", "bytes", "last commit (UTC)"),
        [
            (
                *(f.table.layer, f.table.name, f.version, f.rows, f.files, f.size_bytes),
                f"{f.committed_at:%Y-%m-%d %H:%M:%S}",
            )
            for f in found
        ],
    )
    for _, failure in broken:
        output.note(f"error: {failure}")
    payload: dict[str, object] = {
        "lake": lake.root,
        "tables": [f.as_json() for f in found],
        "unreadable": [{"table": str(t), "error": e.message} for t, e in broken],
    }
    output.finish(payload, EXIT_ERROR if broken else EXIT_DONE)


def _resolve(lake: Lake, name: str) -> TableName:
    known = lake.tables()
    for table in known:
        if str(table) == name:
            return table
    for layer in _BARE_NAME_ORDER:
        if TableName(layer, name) in known:
            return TableName(layer, name)
    names = [str(table) for table in known]
    raise DataError(
        f"table {name} must exist in {lake.root}, which has {', '.join(names) or 'no tables'}",
        remedy=did_you_mean(name, names) if names else "ingest it first",
    )


def _view(lake: Lake, table: TableName, catalog: Catalog) -> TableView:
    known = lake.tables()
    dataset = facts.dataset_of(table, known)
    delta = lake.open(table)
    return TableView(
        facts=facts.table_facts(lake, table),
        location=lake.uri(table),
        columns=facts.columns(delta),
        commits=facts.commits(delta, _VERSIONS_SHOWN),
        streams=facts.streams(delta),
        units=list(read_units(lake, dataset).values()),
        gaps=facts.marked_gaps(lake, table),
        quarantined=facts.quarantined_rows(lake, dataset),
        lineage=_lineage(str(table), catalog, facts.upstream_by_layout(known)),
        files=facts.ingested_files(lake, dataset),
    )


def _lineage(name: str, catalog: Catalog, layout: Mapping[str, tuple[str, ...]]) -> Lineage:
    """Take the upstream the catalog states; where it states nothing, the lake's layout."""
    try:
        upstream = catalog.table(name).upstream
    except CatalogError:
        upstream = layout.get(name, ())
    return Lineage(name=name, upstream=tuple(_lineage(u, catalog, layout) for u in upstream))
