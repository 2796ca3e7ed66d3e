"""Write a scan down: a Delta table of episodes, a summary, and a page of figures."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import orjson
from deltalake import write_deltalake

from framework.core.errors import DataError
from research.scan.plots import scan_figures
from research.scan.ranking import summary
from research.scan.scan import ScanFound


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """Where a scan was written."""

    episodes: Path
    summary: Path
    page: Path


def write_scan(found: ScanFound, folder: Path, described: dict[str, object]) -> ScanFiles:
    """Write a scan into a folder; one that is there already becomes an older version.

    Parameters
    ----------
    described
        The tables read, with their versions, and the rules.

    Raises
    ------
    DataError
        Where the folder cannot be written.
    """
    files = ScanFiles(folder / "episodes", folder / "summary.json", folder / "scan.html")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_deltalake(
            str(files.episodes), found.episodes, mode="overwrite", schema_mode="overwrite"
        )
        told = {**described, **summary(found)}
        files.summary.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        files.page.write_text(_page(found), encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"a scan must be written to {folder}, it cannot be: {error}",
            remedy="pass another folder with --out",
        ) from error
    return files


def _page(found: ScanFound) -> str:
    figures = scan_figures(found.episodes)
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=index == 0)
        for index, figure in enumerate(figures.values())
    ]
    title = escape(f"{found.episodes.height:,} crossed episodes in {found.quotes:,} quotes")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Crossed markets</title>'
        f"</head><body><h1>{title}</h1>{''.join(parts)}</body></html>"
    )
