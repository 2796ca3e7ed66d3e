"""The report of a result at hand, from a notebook say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from experiments.report.content import ReportContent
from experiments.report.html import write_report
from framework.core.orders import JournalEvent
from framework.engine.result import Result
from framework.engine.summary import count_events
from framework.replay.stream import GoldStream
from research.tca import HORIZONS_NS, CostAnalysis, analyse, from_journal, gold_market

_NAMES: Final = ("10ms", "100ms", "1s", "10s", "60s")
REPORT_HORIZONS_NS: Final = {name: HORIZONS_NS[name] for name in _NAMES}
"""Horizons of a report's markouts."""


def report(
    result: Result,
    streams: Sequence[GoldStream] = (),
    path: str | Path = "report.html",
    *,
    title: str = "",
) -> Path:
    """Write the report of a result as one HTML file that needs no network.

    Parameters
    ----------
    result
        One trial.
    streams
        What it was run on; without them markouts and the parts of the profit are left out.
    path
        Where to.
    title
        Its heading; the strategy's name where empty.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CrossbookError
        Where the file cannot be written, or the streams are not the result's.
    """
    from experiments.sources import data_versions  # which needs this package

    content = ReportContent(
        title=title or result.strategy,
        result=result,
        data=data_versions(streams),
        costs=costs_of(result, streams) if streams else None,
    )
    return write_report(content, Path(path))


def costs_of(result: Result, streams: Sequence[GoldStream]) -> CostAnalysis | None:
    """Analyse a journal against its own market.

    None where nothing was filled, or the journal kept fills only: costs need orders' whole lives.
    """
    if result.fills.is_empty() or not count_events(result.journal, JournalEvent.SUBMITTED):
        return None
    trading = from_journal(
        result.journal,
        result.instruments,
        journal_hash=result.journal_hash,
        strategy=result.strategy,
    )
    return analyse(
        trading, gold_market(streams, result.instruments), horizons_ns=REPORT_HORIZONS_NS
    )
