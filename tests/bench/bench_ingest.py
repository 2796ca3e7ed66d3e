"""Print how many Binance messages a second one process ingests into bronze, silver and gold."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from framework.catalog import load_catalog
from framework.lake.formats.binance import BinanceFormat
from framework.lake.ingest import IngestReport, ingest
from framework.lake.store import Lake

ROUNDS = 7
CHECKOUT = Path(__file__).resolve().parents[2]


def measure(folder: Path) -> tuple[IngestReport, list[float]]:
    """Ingest a folder into a new lake a few times; return the last report and the seconds."""
    catalog = load_catalog()
    seconds = []
    for _ in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory() as root:
            start = time.perf_counter()
            report = ingest(Lake(root), "bench", BinanceFormat(), [folder], catalog)
            seconds.append(time.perf_counter() - start)
    return report, seconds[1:]  # the first round loads the libraries


def main() -> None:
    default = CHECKOUT.parent / "shared" / "data"
    captures = Path(os.environ.get("CROSSBOOK_TEST_DATA", default)) / "binance"
    if not captures.is_dir():
        print(f"skipped: no captures at {captures}, set CROSSBOOK_TEST_DATA to their folder")
        return
    print(f"{'market':8} {'messages':>9} {'gold rows':>9} {'best msg/s':>11} {'median msg/s':>13}")
    for folder in sorted(captures.iterdir()):
        report, seconds = measure(folder)
        if report.failures:
            sys.exit(report.failures[0].message)
        best, median = (report.rows / s for s in (min(seconds), statistics.median(seconds)))
        print(
            f"{folder.name:8} {report.rows:9,} {report.gold_rows:9,} {best:11,.0f} {median:13,.0f}"
        )


if __name__ == "__main__":
    main()
