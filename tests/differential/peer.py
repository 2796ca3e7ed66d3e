"""What became of every order of a case on hftbacktest, run in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from framework.replay.stream import GoldStream
from tests.differential.cases import Case, grids
from tests.differential.export import peer_events
from tests.differential.ours import OUTCOME

ENVIRONMENT: Final = Path(__file__).resolve().parents[2] / ".venv-peers"
INSTALLED: Final = ENVIRONMENT / ".crossbook-installed"
"""Left by ``make peers`` once it has installed everything."""
_SCRIPT: Final = Path(__file__).with_name("peer_hftbacktest.py")
_EXPIRED, _FILLED, _CANCELLED = 2, 3, 4  # order states of hftbacktest 2.4.4


@dataclass(frozen=True, slots=True)
class PeerRun:
    """A case on hftbacktest.

    Attributes
    ----------
    outcomes
        Rows of `OUTCOME` by order id.
    stopped
        True where the run stops with an error unless its orders are trimmed; see
        `peer_hftbacktest.TRIM`.
    """

    outcomes: pl.DataFrame
    stopped: bool


def peer_runs(
    cases: Sequence[Case], streams: Sequence[GoldStream], folder: Path
) -> dict[str, PeerRun]:
    """Run cases, all in one process of the peers' environment, exchanging files in `folder`."""
    books: list[dict[str, object]] = []
    for stream, grid in zip(streams, grids(streams), strict=True):
        item = stream.instrument
        np.save(folder / f"{item.name}.npy", peer_events(stream))
        books.append(
            {"name": item.name, "tick": float(item.tick), "lot": float(item.lot), "grid": grid}
        )
    runs = [_described(case, streams) for case in cases]
    (folder / "job.json").write_text(json.dumps({"books": books, "runs": runs}), "utf-8")
    command = [ENVIRONMENT / "bin" / "python", _SCRIPT, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the peer's process failed:\n{done.stderr[-4000:]}")
    stopped = json.loads((folder / "stopped.json").read_text("utf-8"))
    with np.load(folder / "outcomes.npz") as found:
        return {
            case.name: PeerRun(_outcomes(found[case.name], case), stopped[case.name])
            for case in cases
        }


def _described(case: Case, streams: Sequence[GoldStream]) -> dict[str, object]:
    return {
        "name": case.name,
        "strategy": case.strategy,
        "books": case.books,
        "lots": case.lots,
        "queue": case.queue,
        "power": case.power,
        "exchange": case.exchange,
        "latency_ns": case.latency_ns,
        "interval_ns": case.interval_ns,
        "premium": case.premium,
        "start_ns": case.start_ns(case.streams(streams)),
    }


def _outcomes(rows: np.ndarray, case: Case) -> pl.DataFrame:
    # A post-only order that would take ends as expired there and is refused here.
    refused = "refused" if case.strategy == "join_best" else "expired"
    states = {_EXPIRED: refused, _FILLED: "filled", _CANCELLED: "cancelled"}
    lots = np.array(case.lots)[rows["book"]]
    return (
        pl.DataFrame({name: rows[name] for name in rows.dtype.names or ()})
        .with_columns(
            pl.Series("filled_lots", lots - rows["leaves_lots"]),
            state=pl.col("status").replace_strict(states, return_dtype=pl.String),
        )
        .with_columns(px_ticks=pl.when(pl.col("filled_lots") > 0).then("px_ticks").otherwise(0))
        .select(pl.col(name).cast(kind) for name, kind in OUTCOME.items())
        .sort("order_id")
    )
