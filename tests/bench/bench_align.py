"""Print how fast streams are aligned and markets scanned, locally and on Spark.

Sizes may be given: ``bench_align.py local spark scan=10000000 stages=1000000``. ``scan`` keeps its
market in a folder that ``CROSSBOOK_BENCH_DIR`` names, so that a second run only scans it;
``stream=FOLDER`` takes a folder of FX zips, named by its venue.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from framework.align import AsOf, PolarsAligner
from framework.lake.store import Lake, TableName
from research.scan import PlantedMarket, ScanRules, TableQuotes, scan

ROUNDS = 5
SPEC = AsOf(on="ts", by=("symbol",), sequence="seq")
QUOTES = TableName("silver", "market_quotes")


def sides(left_rows: int, right_rows: int, symbols: int = 8) -> tuple[pl.DataFrame, pl.DataFrame]:
    random = np.random.default_rng(1)

    def side(rows: int, **columns: np.ndarray) -> pl.DataFrame:
        return pl.DataFrame(
            {"ts": np.sort(random.integers(0, 86_400 * 10**9, rows)), **columns}
        ).with_columns(symbol=pl.Series(random.integers(0, symbols, rows)).cast(pl.String))

    left = side(left_rows, price=random.random(left_rows))
    bid, ask = random.random(right_rows), random.random(right_rows)
    return left, side(right_rows, seq=np.arange(right_rows), bid=bid, ask=ask)


def compared(name: str, bare: Callable[[], object], ours: Callable[[], object]) -> None:
    """Time both in turn, so that both see the same moods of the machine: wall and processor."""
    bare(), ours()
    rounds = [[_timed(bare), _timed(ours)] for _ in range(ROUNDS)]
    told = []
    for place, what in enumerate(("wall", "processor")):
        theirs = statistics.median(pair[0][place] for pair in rounds)
        mine = statistics.median(pair[1][place] for pair in rounds)
        ratio = statistics.median(pair[1][place] / pair[0][place] for pair in rounds)
        told.append(f"{what} bare {theirs:.2f} s, ours {mine:.2f} s, ratio {ratio:.2f}")
    print(f"{name}: {'; '.join(told)}", flush=True)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    start, cpu = time.perf_counter(), tree_cpu_s()
    work()
    return time.perf_counter() - start, tree_cpu_s() - cpu


def local() -> None:
    left, right = sides(10_000_000, 1_000_000)

    def bare() -> pl.DataFrame:
        return left.join_asof(right, on="ts", by="symbol", coalesce=False, check_sortedness=False)

    def ours() -> pl.DataFrame:
        return PolarsAligner().asof(left, right, SPEC)

    assert bare().equals(ours())
    compared("as-of join, 10 M × 1 M, Polars", bare, ours)


def spark(left_rows: int = 10_000_000, right_rows: int = 1_000_000) -> None:
    from tempo import TSDF

    from framework.scale import SparkConfig, spark_session
    from framework.scale.aligner import SparkAligner

    with tempfile.TemporaryDirectory() as folder:
        for name, frame in zip(("left", "right"), sides(left_rows, right_rows), strict=True):
            frame.write_parquet(f"{folder}/{name}.parquet")
        session = spark_session(SparkConfig(driver_memory="3g"))
        left, right = (session.read.parquet(f"{folder}/{n}.parquet") for n in ("left", "right"))

        def bare() -> None:
            one = TSDF(left, "ts", ["symbol"])
            other = TSDF(right, "ts", ["symbol"], sequence_col="seq")
            one.asofJoin(other).df.write.format("noop").mode("overwrite").save()

        def ours() -> None:
            joined = SparkAligner().asof(left, right, SPEC)
            joined.write.format("noop").mode("overwrite").save()

        compared(f"as-of join, {left_rows:,} × {right_rows:,}, Spark", bare, ours)
        session.stop()


def scanned(rows: int) -> None:
    folder = os.environ.get("CROSSBOOK_BENCH_DIR")
    with tempfile.TemporaryDirectory() as fallback:
        root = Path(folder or fallback) / f"market_{rows}"
        lake = Lake(root)
        market = PlantedMarket(pairs=2000, venues=15, rows=rows)
        truth = root / "truth.parquet"
        if not truth.exists():
            _made(market, lake).write_parquet(truth)
        start, cpu = time.perf_counter(), time.process_time()
        found = scan(TableQuotes(lake, QUOTES, lake.open(QUOTES).version()), ScanRules())
        wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
        planted = pl.read_parquet(truth).drop("is_dust").sort("pair", "start_ns")
        assert found.episodes.select(planted.columns).equals(planted)
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"scan, {found.quotes:,} quotes, 15 venues × 2,000 pairs: {wall_s:.0f} s wall, "
            f"{cpu_s:.0f} s of processor, {found.quotes / cpu_s / 1e3:.0f} k quotes a core-second, "
            f"peak {peak_gb:.2f} GB"
        )


def _made(market: PlantedMarket, lake: Lake) -> pl.DataFrame:
    truths, parts = [], []
    for pair in market.generate():
        truths.append(pair.truth)
        parts.append(pair.quotes)
        if sum(part.height for part in parts) > 3_000_000:
            lake.append(QUOTES, pl.concat(parts), transaction=parts[0]["symbol"][0])
            parts = []
    if parts:
        lake.append(QUOTES, pl.concat(parts), transaction=parts[0]["symbol"][0])
    return pl.concat(truths)


def stages(rows: int) -> None:
    """Print core-seconds of each stage on Spark, one session, the JVM and its workers included."""
    from framework.align import BarKind, Bars, Fill, Grid, Smooth
    from framework.scale import SparkConfig, append_table, read_table, spark_session
    from framework.scale.aligner import SparkAligner
    from research.scan.on_spark import scan_on_spark

    session = spark_session(SparkConfig(driver_memory="3g"))
    align = SparkAligner()
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        _made(PlantedMarket(pairs=20, venues=15, rows=rows), lake)
        table = read_table(session, lake, QUOTES)
        columns = {"ts": "exchange_timestamp_ns", "sequence": "sequence", "by": ("symbol",)}
        half = table.where("sequence % 10 = 0").select("symbol", "exchange_timestamp_ns")
        join = AsOf(on="exchange_timestamp_ns", by=("symbol",), sequence="sequence")
        bars = Bars(
            size=60 * 10**9, price="bid_price", volume="bid_volume", side="sequence", **columns
        )
        works: dict[str, Callable[[], object]] = {
            "read": lambda: _noop(table),
            "as-of join": lambda: _noop(align.asof(half, table, join)),
            "time bars": lambda: _noop(align.bars(table, bars)),
            "volume bars": lambda: _noop(
                align.bars(table, replace(bars, kind=BarKind.VOLUME, size=1000.0))
            ),
            "grid": lambda: _noop(
                align.interpolate(
                    table,
                    Grid(step=60 * 10**9, columns=("bid_price",), fill=Fill.PREVIOUS, **columns),
                )
            ),
            "EMA, range": lambda: _noop(
                align.smooth(
                    table,
                    Smooth(ema_alpha=0.1, range_ns=60 * 10**9, price="bid_price", **columns),
                )
            ),
            "scan": lambda: scan_on_spark(
                session, TableQuotes(lake, QUOTES, lake.open(QUOTES).version())
            ),
            "append": lambda: append_table(
                table, lake, TableName("silver", "copy"), transaction=str(time.time_ns())
            ),
        }
        _noop(align.asof(half.limit(1000), table.limit(1000), join))  # start the workers
        for name, work in works.items():
            start, cpu = time.perf_counter(), tree_cpu_s()
            work()
            wall_s, cpu_s = time.perf_counter() - start, tree_cpu_s() - cpu
            print(
                f"{name:12} {rows:>12,} rows {cpu_s:8.1f} core-seconds ({wall_s:.1f} s wall), "
                f"{rows / cpu_s / 1e3:8.0f} k rows a core-second",
                flush=True,
            )
    session.stop()


def skewed(rows: int) -> None:
    """Compare an as-of join of even symbols with one in which one symbol has 95 % of the rows."""
    from framework.scale import SparkConfig, spark_session
    from framework.scale.aligner import SparkAligner

    with tempfile.TemporaryDirectory() as folder:
        for name, frame in zip(("left", "right"), sides(rows, rows // 10), strict=True):
            frame.write_parquet(f"{folder}/even_{name}.parquet")
            is_big = pl.int_range(pl.len()) % 20 != 0
            big = pl.when(is_big).then(pl.lit("0")).otherwise("symbol").alias("symbol")
            frame.with_columns(big).write_parquet(f"{folder}/skewed_{name}.parquet")
        session = spark_session(SparkConfig(driver_memory="2g"))

        def join(kind: str) -> Callable[[], object]:
            paths = [f"{folder}/{kind}_{side}.parquet" for side in ("left", "right")]
            left, right = (session.read.parquet(path) for path in paths)
            return lambda: _noop(SparkAligner().asof(left, right, SPEC))

        compared(f"as-of join, {rows:,} rows, even, then skewed", join("even"), join("skewed"))
        session.stop()


def streamed(folder: Path) -> None:
    """Print core-seconds of the streaming medallion over a folder of FX captures."""
    from framework.catalog import load_catalog
    from framework.lake.formats.base import SourceContext
    from framework.lake.formats.fx import FxFormat
    from framework.scale import spark_session
    from framework.scale.medallion import StreamJob, ingest_available

    session = spark_session()
    files = sorted(folder.iterdir())
    for count in (1, 1, len(files) // 2, len(files)):  # the first one starts the workers
        with tempfile.TemporaryDirectory() as scratch:
            landing, lake = Path(scratch) / "landing", Lake(Path(scratch) / "lake")
            landing.mkdir()
            for path in files[:count]:
                shutil.copy(path, landing)
            job = StreamJob(
                table="fx",
                landing=landing,
                source_format=FxFormat(),
                catalog=load_catalog(None),
                context=SourceContext(venue=folder.name, symbol="EURUSD"),
            )
            start, cpu = time.perf_counter(), tree_cpu_s()
            ingest_available(session, lake, job)
            wall_s, cpu_s = time.perf_counter() - start, tree_cpu_s() - cpu
            rows = lake.scan(TableName("bronze", "fx")).select(pl.len()).collect().item()
            print(
                f"stream {count} files, {rows:,} rows: {cpu_s:.1f} core-seconds ({wall_s:.1f} s "
                f"wall), {rows / cpu_s / 1e3:.0f} k rows a core-second",
                flush=True,
            )
    session.stop()


def _noop(frame: object) -> None:
    frame.write.format("noop").mode("overwrite").save()  # type: ignore[attr-defined]


def tree_cpu_s() -> float:
    """Sum the processor time of this process and all that descend from it, ended ones included."""
    seconds: dict[int, float] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            parents[int(folder.name)] = int(told[1])
            seconds[int(folder.name)] = sum(map(int, told[11:15])) / os.sysconf("SC_CLK_TCK")
    own = {os.getpid()}
    for _ in range(8):
        own |= {child for child, parent in parents.items() if parent in own}
    return sum(seconds.get(process, 0.0) for process in own)


def main() -> None:
    for wanted in sys.argv[1:] or ["local"]:
        name, _, size = wanted.partition("=")
        if name == "local":
            local()
        elif name == "spark":
            spark(int(size or 10_000_000), int(size or 10_000_000) // 10)
        elif name == "stages":
            stages(int(size or 1_000_000))
        elif name == "skew":
            skewed(int(size or 1_000_000))
        elif name == "stream":
            streamed(Path(size))
        else:
            scanned(int(size or 10_000_000))


if __name__ == "__main__":
    main()
