"""The report of costs: one HTML file that needs no network."""

from __future__ import annotations

from pathlib import Path

from experiments.report.html import Tile, render_page, write_page
from experiments.report.text import number
from experiments.tca.opening import Analysed
from experiments.tca.sections import cost_sections


def write_cost_report(analysed: Analysed, path: Path) -> Path:
    """Write the report to `path`, making its folder.

    Raises
    ------
    CrossbookError
        Where the file cannot be written.
    """
    page = render_page(
        "tca.html",
        f"{analysed.title}: costs",
        _tiles(analysed),
        cost_sections(analysed),
        analysed=analysed,
    )
    return write_page(page, path)


def _tiles(analysed: Analysed) -> list[Tile]:
    found = analysed.found
    fills, orders = found.fills_by().row(0, named=True), found.orders_by().row(0, named=True)
    counts, horizon = found.counts(), found.reference_horizon
    told = (
        ("Slippage", fills["slippage_bps"], "bps against the mid at arrival"),
        ("Shortfall", orders["shortfall_bps"], "bps against the mid at decision, fees in"),
        ("Effective half spread", fills["effective_bps"], "bps against the mid met"),
        ("Realised half spread", fills[f"realised_{horizon}_bps"], f"bps, after {horizon}"),
        ("Impact", fills[f"impact_{horizon}_bps"], f"bps, after {horizon}"),
        ("Improvement", fills["improvement_bps"], "bps against the best price on arrival"),
        ("Fees", fills["fee_bps"], "bps of what was traded"),
    )
    tiles = [Tile(label=label, value=number(value, 2), note=note) for label, value, note in told]
    unpriced = counts["fills_without_mid"]
    return [
        *tiles,
        Tile(
            label="Fills",
            value=number(counts["fills"]),
            note=f"of {number(counts['orders'])} orders"
            + (f", {number(unpriced)} without a mid" if unpriced else ""),
        ),
    ]
