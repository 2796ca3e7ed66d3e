"""The HTML report: complete in one file, escaped, bounded, and drawn by a real browser."""

from __future__ import annotations

import base64
import gzip
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from experiments.report import DataVersion, ReportContent, Variant, write_report
from experiments.report.decimate import decimate
from experiments.report.figures import price_figure, slippage_figure
from experiments.report.figures.style import MAX_MARKERS
from framework.core.clock import NS_PER_S
from framework.core.errors import CrossbookError
from research.crossed import QUOTE_SCHEMA, episodes, episodes_per_day
from research.tca import analyse, frame_market, from_journal
from research.tca.market import TICK_QUOTES
from tests.unit.made_result import START_NS, make_result, random_result

_FIVE_MB = 5_000_000


def _content(**changes: object) -> ReportContent:
    content = ReportContent(
        title="made by hand",
        result=make_result(),
        data=(DataVersion(table="demo", version=3, stream="alpha:XYZ", rows=10),),
        provenance={"seed": "7"},
    )
    return replace(content, **changes)  # type: ignore[arg-type]


def _page(tmp_path: Path, **changes: object) -> str:
    return write_report(_content(**changes), tmp_path / "report.html").read_text("utf-8")


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = _page(tmp_path)
    assert re.findall(r"(?:src|href)\s*=\s*[\"'](?!#|data:)[^\"']*", page) == []
    assert "@import" not in page
    assert re.findall(r"url\(", page) == []


def test_plotly_is_inside_once_and_whole(tmp_path: Path) -> None:
    blocks = re.findall(r'id="plotly">([^<]*)</script>', _page(tmp_path))
    assert len(blocks) == 1
    assert gzip.decompress(base64.b64decode(blocks[0])).decode() == get_plotlyjs()


def test_headlines_and_versions_are_on_the_page(tmp_path: Path) -> None:
    result = make_result()
    page = _page(tmp_path)
    assert result.journal_hash in page
    assert "demo <b>v3</b>" in page
    assert "66.7%" in page  # two of three orders were filled
    assert "0.1396" in page  # net profit, see test_result_tables


def test_costs_bring_markouts_and_the_parts_of_the_profit(tmp_path: Path) -> None:
    result = make_result()
    journal = from_journal(result.journal, result.instruments, journal_hash="made", strategy="made")
    market = [[(START_NS, bid, 5, bid + 2, 5)] for bid in (99, 101)]
    still = [pl.DataFrame(rows, schema=TICK_QUOTES, orient="row") for rows in market]
    costs = analyse(journal, frame_market(still), horizons_ns={"1s": NS_PER_S})
    assert "spread captured" not in _page(tmp_path)
    page = _page(tmp_path, costs=costs)
    for text in ('id="attribution"', 'id="markouts"', "adverse selection", "Sortino ratio"):
        assert text in page


def test_every_text_is_escaped(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    result = make_result()
    streams = tuple(replace(i, symbol=evil) for i in result.instruments)
    page = _page(
        tmp_path,
        title=evil,
        result=replace(result, strategy=evil, parameters={evil: evil}, instruments=streams),
        provenance={evil: evil},
        episodes=episodes_per_day(episodes(pl.DataFrame(schema=QUOTE_SCHEMA))),
        variants=(Variant(values={evil: evil}, result=result),),
    )
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page
    assert page.count("</script>") == 3


def test_a_hundred_thousand_fills_stay_small(tmp_path: Path) -> None:
    path = write_report(_content(result=random_result(100_000)), tmp_path / "report.html")
    assert path.stat().st_size < _FIVE_MB
    page = path.read_text("utf-8")
    assert f"{MAX_MARKERS:,} of 100,000 fills drawn" in page
    assert "first 200 of 100,000" in page


def test_markers_are_capped_and_counted() -> None:
    result = random_result(3 * MAX_MARKERS)
    figure, notice = price_figure(result, result.instruments)
    drawn = sum(len(trace.x) for trace in figure.data if trace.mode == "markers")
    assert drawn == MAX_MARKERS
    assert notice.startswith(f"{MAX_MARKERS:,} of {3 * MAX_MARKERS:,}")


def test_slippage_counts_every_fill_it_draws() -> None:
    figure, notice = slippage_figure(random_result(5_000))
    drawn = sum(int(trace.customdata.sum()) for trace in figure.data)
    outside = int(notice.split(" ")[0].replace(",", "")) if notice else 0
    assert drawn + outside == 5_000


def test_a_run_without_orders_has_a_report(tmp_path: Path) -> None:
    assert "none" in _page(tmp_path, result=make_result(orders=False))


def test_an_unwritable_place_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrossbookError, match="cannot be written") as caught:
        write_report(_content(), tmp_path / "file" / "report.html")
    assert "--out" in caught.value.remedy


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=400))
def test_thinning_keeps_the_extremes(values: list[float]) -> None:
    array = np.array(values)
    rows = decimate(array, 20)
    assert rows[0] == 0
    assert rows[-1] == array.size - 1
    assert rows.size <= 22
    assert np.all(np.diff(rows) > 0)
    if np.isfinite(array).any():
        assert np.nanmax(array[rows]) == np.nanmax(array)
        assert np.nanmin(array[rows]) == np.nanmin(array)


@pytest.mark.slow
def test_a_browser_draws_every_figure(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs chromium or google-chrome on the path")
    result = random_result(500)
    variants = tuple(Variant(values={"latency": v}, result=result) for v in ("0ms", "1ms"))
    path = write_report(_content(result=result, variants=variants), tmp_path / "report.html")
    done = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    boxes = done.stdout.count("data-figure=")
    assert boxes == 12
    assert len(re.findall(r'<svg class="main-svg"[^>]*style="background', done.stdout)) == boxes
    assert "This chart needs a browser" not in re.sub(
        r"<script.*?</script>", "", done.stdout, flags=re.DOTALL
    )
