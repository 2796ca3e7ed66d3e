"""Streams opened by a table's name, as in a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.catalog import load_catalog
from framework.core.errors import CatalogError, DataError, SpecError
from framework.lake.store import Lake
from framework.replay import open_streams
from framework.synthetic import write_demo_market


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=5_000, seed=2)
    return folder


def _rows(lake: Path, **choice: str) -> int:
    return sum(b.num_rows for s in open_streams(lake, "demo", **choice) for b in s.batches(1_000))


def test_a_folder_and_a_table_name_are_enough(lake: Path) -> None:
    catalog = load_catalog()
    streams = open_streams(str(lake), "gold/demo")
    assert [stream.instrument.name for stream in streams] == ["alpha:XYZ", "beta:XYZ"]
    assert streams == open_streams(Lake(lake), "demo", catalog=catalog)
    assert streams == open_streams(lake, "demo", catalog=catalog.path)
    assert {stream.version for stream in streams} == {0}


def test_streams_are_chosen_by_venue_and_symbol(lake: Path) -> None:
    assert _rows(lake, venue="alpha") + _rows(lake, venue="beta") == _rows(lake)
    assert _rows(lake, symbols="XYZ") == _rows(lake)
    for choice in ({"venue": "gamma"}, {"symbols": "XY"}, {"symbols": ["XYZ", "ABC"]}):
        with pytest.raises(DataError, match=r"must hold .* does not\n.*alpha:XYZ, beta:XYZ"):
            open_streams(lake, "demo", **choice)


def test_a_period_leaves_out_what_happens_from_its_end_on(lake: Path) -> None:
    files = open_streams(lake, "demo")[0].files()
    first_ns, last_ns = files["first_ns"][0].as_py(), files["last_ns"][-1].as_py()
    middle_ns = (first_ns + last_ns) // 2
    (stream,) = open_streams(lake, "demo", venue="alpha", end=middle_ns)
    times = [t for batch in stream.batches(1_000) for t in batch["ts_exch_ns"].to_pylist()]
    assert 0 < len(times) < _rows(lake, venue="alpha")
    assert max(times) < middle_ns


@pytest.mark.parametrize("period", [{"start": "2099-01-01"}, {"end": "1999-01-01"}])
def test_a_period_without_events_is_refused(lake: Path, period: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"between start and end, it holds 20"):
        open_streams(lake, "demo", **period)


def test_what_does_not_exist_is_named(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gold/dmo"):
        open_streams(lake, "dmo")
    with pytest.raises(DataError, match="version 7"):
        open_streams(lake, "demo", version=7)
    with pytest.raises(DataError, match=str(tmp_path / "none")):
        open_streams(tmp_path / "none", "demo")
    with pytest.raises(CatalogError, match=r"missing\.yaml"):
        open_streams(lake, "demo", catalog=tmp_path / "missing.yaml")
    with pytest.raises(SpecError, match="soon"):
        open_streams(lake, "demo", start="soon")
