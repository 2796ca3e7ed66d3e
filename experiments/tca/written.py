"""An analysis as files and metrics, for a run's record."""

from __future__ import annotations

from pathlib import Path

from experiments.tca.opening import Analysed
from experiments.tca.sections import WORST
from framework.core.errors import CrossbookError


def write_tables(analysed: Analysed, folder: Path) -> list[Path]:
    """Write costs of every fill and order as Parquet, and what is told of them as CSV.

    Raises
    ------
    CrossbookError
        Where the folder cannot be written.
    """
    found = analysed.found
    tables = {
        "costs_by_regime.csv": found.fills_by("venue", "symbol", "regime"),
        "shortfall.csv": found.orders_by("strategy", "order_type", "liquidity"),
        "markouts.csv": found.markouts("liquidity"),
        "worst_fills.csv": found.worst(WORST),
        "market.csv": analysed.quality,
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in tables.items():
            frame.write_csv(folder / name)
            written.append(folder / name)
        for name, frame in (("fills", found.fills), ("orders", found.orders)):
            frame.write_parquet(folder / f"{name}.parquet")
            written.append(folder / f"{name}.parquet")
    except OSError as error:
        raise CrossbookError(
            f"the analysis cannot be written to {folder}: {error.strerror or error}",
            remedy="choose a writable folder with --out",
        ) from error
    return written


def metrics(analysed: Analysed) -> dict[str, float]:
    """Name the headline costs as a run's metrics: ``tca.slippage_bps`` and so on."""
    return {f"tca.{name}": value for name, value in analysed.found.figures().items()}
