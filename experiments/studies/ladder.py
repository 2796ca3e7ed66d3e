"""The fidelity ladder: one spec under every assumption that could be doubted.

What a resting order earns depends on things price-level data does not say: who is ahead in the
queue, and how fast we are. The ladder runs the spec with every queue model and with its latencies
scaled, and reports what came out as an interval instead of a point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import polars as pl

from experiments.run import backtest_config
from experiments.sources import open_signals, open_sources, with_assumptions
from experiments.spec import QueueModel
from experiments.spec.load import Plan
from framework.catalog import Catalog
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.errors import SpecError
from framework.core.instrument import Instrument
from framework.core.links import LatencyModel
from framework.engine.backtest import run_backtest
from framework.engine.result import Result
from framework.lake.store import Lake
from framework.replay.stream import GoldStream
from research.tca import Market, analyse, from_journal, gold_market, hold_quotes
from research.tca.groups import weighted

ESTIMATES: Final = tuple(
    model for model in QueueModel if model not in (QueueModel.AUTO, QueueModel.L3_EXACT)
)
"""Models that any data will do for; the exact one needs data that names its orders."""
SCALES: Final = (Decimal(0), Decimal(1), Decimal(2))
"""Latencies as the spec has them, without any, and doubled."""

HORIZONS_NS: Final = {"100ms": 100 * NS_PER_MS, "1s": NS_PER_S, "10s": 10 * NS_PER_S}
"""Name and length of the markouts' horizons."""
_MARKOUTS: Final = tuple(f"markout_{name}_bps" for name in HORIZONS_NS)
RUNG_SCHEMA: Final = pl.Schema(
    {
        "queue_model": pl.String,
        "latency_scale": pl.Float64,
        "orders": pl.Int64,
        "fills": pl.Int64,
        "maker_fills": pl.Int64,
        "fill_ratio": pl.Float64,
        "pnl": pl.Float64,
        "currency": pl.String,
        **dict.fromkeys(_MARKOUTS, pl.Float64),
        "journal_hash": pl.String,
    }
)
"""One row a run. Markouts are means over passive fills, weighted by notional, null without any;
``pnl`` is null where the streams do not share one currency."""
MEASURES: Final = ("pnl", "fill_ratio", *_MARKOUTS)
"""Columns whose interval the ladder reports."""

OnRung = Callable[[str, int, int], None]
"""Called with what is running, events done and events in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What a ladder found.

    Parameters
    ----------
    rungs
        `RUNG_SCHEMA`, queue model after queue model, latency rising.
    """

    rungs: pl.DataFrame

    def intervals(self) -> dict[str, tuple[float, float] | None]:
        """Smallest and largest value of each measure; None where no rung has one."""
        found: dict[str, tuple[float, float] | None] = {}
        for name in MEASURES:
            values = self.rungs[name].drop_nulls().to_list()
            found[name] = (min(values), max(values)) if values else None
        return found


def climb(
    plan: Plan,
    lake: Lake,
    catalog: Catalog,
    *,
    queue_models: Sequence[QueueModel] = ESTIMATES,
    scales: Sequence[Decimal] = SCALES,
    on_progress: OnRung | None = None,
) -> Ladder:
    """Run a plan under every queue model and latency scale.

    Parameters
    ----------
    plan
        A plan of one run.
    lake, catalog
        Where its data lies.
    queue_models, scales
        What is combined; the spec's own queue power and exchange model hold throughout.
    on_progress
        For a progress display.

    Raises
    ------
    SpecError
        Where the plan varies something itself, or a scale is negative.
    """
    if len(plan.runs) > 1:
        raise SpecError(
            f"a ladder climbs one run, the spec asks for {len(plan.runs)}",
            remedy="leave vary out of the spec",
        )
    for scale in scales:
        if scale < 0:
            raise SpecError(
                f"a latency scale must not be negative, got {scale}", remedy="write 0, 1, 2, …"
            )
    (run,) = plan.runs
    streams = with_assumptions(open_sources(run.spec, lake, catalog), run.spec)
    instruments = sorted(
        (s.instrument for s in streams), key=lambda item: (item.venue, item.symbol)
    )
    market = hold_quotes(gold_market(streams, instruments), len(instruments))
    config = backtest_config(run.spec, open_signals(run.spec, lake, catalog))
    rows: list[dict[str, object]] = []
    for model in queue_models:
        for scale in scales:
            rung = f"{model.value}, latency x{scale}"
            progress = None if on_progress is None else _named(on_progress, rung)
            result = run_backtest(
                run.strategy,
                [_scaled(stream, scale) for stream in streams],
                replace(config, queue_model=model.value),
                progress,
            )
            name = {"queue_model": model.value, "latency_scale": float(scale)}
            rows.append(name | _figures(result, market))
    return Ladder(rungs=pl.DataFrame(rows, schema=RUNG_SCHEMA))


def scaled_links(instrument: Instrument, scale: Decimal) -> Instrument:
    """Return the instrument with every latency of its links multiplied.

    >>> from framework.synthetic import demo_instruments
    >>> alpha = demo_instruments()[0]
    >>> scaled_links(alpha, Decimal(2)).order_entry_ns == 2 * alpha.order_entry_ns
    True
    """

    def times(value_ns: int) -> int:
        return round(value_ns * scale)

    def model(link: LatencyModel) -> LatencyModel:
        return replace(link, factor=link.factor * float(scale))

    cancel_ns, replace_ns = instrument.cancel_entry_ns, instrument.replace_entry_ns
    return replace(
        instrument,
        order_entry_ns=times(instrument.order_entry_ns),
        cancel_entry_ns=None if cancel_ns is None else times(cancel_ns),
        replace_entry_ns=None if replace_ns is None else times(replace_ns),
        response_ns=times(instrument.response_ns),
        entry_model=model(instrument.entry_model),
        response_model=model(instrument.response_model),
    )


def _scaled(stream: GoldStream, scale: Decimal) -> GoldStream:
    return replace(stream, instrument=scaled_links(stream.instrument, scale))


def _named(on_progress: OnRung, rung: str) -> Callable[[int, int], None]:
    return lambda done, total: on_progress(rung, done, total)


def _figures(result: Result, market: Market) -> dict[str, object]:
    summary = result.summary()
    trading = from_journal(
        result.journal,
        result.instruments,
        journal_hash=result.journal_hash,
        strategy=result.strategy,
    )
    fills = analyse(trading, market, horizons_ns=HORIZONS_NS).fills
    passive = fills.filter(pl.col("liquidity") == "maker")
    names = ("orders", "fills", "maker_fills", "fill_ratio", "pnl", "currency")
    figures = {name: summary[name] for name in names}
    figures |= {name: passive.select(weighted(name)).item() for name in _MARKOUTS}
    return figures | {"journal_hash": result.journal_hash}
