"""The benchmark of cost analysis runs from end to end on a small market."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.bench_tca import Sizes, measured


@pytest.mark.slow
def test_every_fill_and_quote_is_read(tmp_path: Path) -> None:
    answer = measured(Sizes(quotes=80_000, fills=2_000), tmp_path)
    assert (answer["quotes"], answer["fills"], answer["orders"]) == (80_000, 2_000, 2_000)
    assert answer["fills_without_mid"] == 0
    assert answer["peak_mb"] > 0
