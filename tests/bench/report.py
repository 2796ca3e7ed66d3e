"""The benchmark's results as a file, a table in the terminal and a table in the documentation."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from tests.bench.outcome import Outcome
from tests.bench.workers import CHECKOUT, PEERS

PAGE: Final = CHECKOUT / "docs" / "performance.md"
BEGIN: Final = "<!-- made by make bench: begin -->"
END: Final = "<!-- end -->"
_OURS: Final = ("numpy", "numba", "pyarrow", "polars", "deltalake")
_THEIRS: Final = ("hftbacktest", "nautilus_trader", "numpy", "numba")
_COLUMNS: Final = (
    "work",
    "M rows",
    "seconds",
    "peer",
    "peer's s",
    "ratio",
    "both in memory",
    "both from files",
    "fills",
    "MB",
    "bar",
)


def machine() -> dict[str, Any]:
    """Describe the machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(pages / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def versions() -> dict[str, str]:
    """List the versions of both environments; a peer's are marked as such."""
    found = {name: version(name) for name in _OURS}
    for folder in PEERS.glob("lib/python*/site-packages/*.dist-info"):
        name, _, number = folder.name.removesuffix(".dist-info").partition("-")
        if name in _THEIRS:
            found[f"peers:{name}"] = number
    return found


def write_json(path: Path, outcomes: Sequence[Outcome], settings: dict[str, Any]) -> None:
    """Write ``bench.json``."""
    document = {
        "machine": machine(),
        "versions": versions(),
        "settings": settings,
        "results": [outcome.as_json() for outcome in outcomes],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def cells(outcome: Outcome) -> tuple[str, ...]:
    """Lay out one line of the table."""
    bars = "; ".join(
        bar.told if bar.met is None else f"{bar.told} {'met' if bar.met else 'missed'}"
        for bar in outcome.bars
    )
    fills = {True: "equal", False: "differ", None: ""}[outcome.fills_equal]
    return (
        outcome.name,
        f"{outcome.rows / 1e6:,.3g}",
        f"{outcome.seconds:.3g}",
        outcome.peer or "",
        "" if outcome.peer_seconds is None else f"{outcome.peer_seconds:.3g}",
        _ratio(outcome.ratio),
        _ratio(outcome.more.get("ratio_in_memory")),
        _ratio(outcome.more.get("ratio_from_files")),
        fills,
        f"{outcome.peak_rss_mb:,.0f}",
        bars,
    )


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def terminal_table(outcomes: Sequence[Outcome]) -> Table:
    """Lay out the results for the terminal."""
    table = Table(*_COLUMNS)
    for outcome in outcomes:
        missed = any(bar.met is False for bar in outcome.bars)
        table.add_row(*cells(outcome), style="yellow" if missed else None)
    return table


def page_section(outcomes: Sequence[Outcome], settings: dict[str, Any]) -> str:
    """Lay out the results for the documentation."""
    here, found = machine(), versions()
    listed = ", ".join(f"{name.removeprefix('peers:')} {n}" for name, n in found.items())
    lines = [
        f"{here['cpu']}, {here['cores']} cores, {here['memory_gb']} GB, {here['system']}, Python "
        f"{here['python']}; medians of {settings['rounds']}. {listed}.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|{' --- |' * len(_COLUMNS)}",
        *(f"| {' | '.join(cells(outcome))} |" for outcome in outcomes),
    ]
    return "\n".join(lines) + "\n"


def write_page(outcomes: Sequence[Outcome], settings: dict[str, Any]) -> None:
    """Put the results into the documentation, between their markers."""
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    section = page_section(outcomes, settings)
    PAGE.write_text(f"{before}{BEGIN}\n\n{section}\n{END}{after}", "utf-8")
