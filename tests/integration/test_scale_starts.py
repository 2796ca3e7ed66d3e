"""A stream whose worker came up too late is started again; any other failure is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.catalog import load_catalog
from framework.core.errors import DataError
from framework.lake.formats.binance import BinanceFormat
from framework.lake.store import Lake
from framework.scale import medallion

CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"


class Query:
    """Stands in for a running query: fails as told, then ends."""

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        self.starts = 0

    def start(self, *_: object, **__: object) -> Query:
        self.starts += 1
        return self

    def awaitTermination(self) -> None:  # noqa: N802
        if self.failures:
            raise RuntimeError(self.failures.pop(0))


LATE = "[STREAM_FAILED] Python worker failed to connect back. SQLSTATE: XXKST"


def run(query: Query, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(medallion, "start_stream", query.start)
    job = medallion.StreamJob(
        table="b",
        landing=folder,
        source_format=BinanceFormat(),
        catalog=load_catalog(CATALOG),
    )
    medallion.ingest_available(None, Lake(folder / "lake"), job)  # type: ignore[arg-type]


def test_a_late_worker_gets_two_more_chances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query([LATE, LATE])
    run(query, tmp_path, monkeypatch)
    assert query.starts == 3


@pytest.mark.parametrize(("failures", "starts"), [([LATE] * 3, 3), (["disk full"], 1)])
def test_what_does_not_pass_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: list[str], starts: int
) -> None:
    query = Query(failures)
    with pytest.raises(DataError, match="must end by itself, it failed"):
        run(query, tmp_path, monkeypatch)
    assert query.starts == starts
