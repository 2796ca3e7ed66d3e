"""Trade signs told from prices, against the aggressors that real tapes name."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.catalog import load_catalog
from framework.lake.formats.lobster import LobsterFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake
from framework.replay import open_streams
from research.tca import gold_market, market_quality

pytestmark = [pytest.mark.captures, pytest.mark.slow]
_CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"


def test_lee_and_ready_know_most_aggressors_of_nasdaq(captures: Path, tmp_path: Path) -> None:
    source = captures / "lobster" / "LOBSTER_SampleFile_GOOG_2012-06-21_1.zip"
    catalog = load_catalog(_CATALOG)
    report = ingest(Lake(tmp_path), "lobster_goog", LobsterFormat(), [source], catalog)
    assert not report.failures
    streams = open_streams(tmp_path, "lobster_goog", catalog=catalog)
    instruments = [stream.instrument for stream in streams]
    (row,) = market_quality(gold_market(streams, instruments), instruments).iter_rows(named=True)
    print(f"tick rule {row['tick_rule_right']:.3f}, Lee and Ready {row['lee_ready_right']:.3f}")
    assert row["trades"] > 10_000
    assert row["lee_ready_right"] > 0.97
    assert 0.8 < row["tick_rule_right"] < row["lee_ready_right"]
    # Buyers move the price up, and trades inside the spread make it narrower than quoted.
    assert row["lambda_bps"] > 5 * row["lambda_error_bps"]
    assert row["effective_bps"] < row["quoted_bps"]
