"""What a lag of the state store costs: one spec seen directly and through stores of several lags.

The difference in profit between the two views is attributed to what the lag did: crosses that were
captured for less or not at all, legs that missed, and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from experiments.run import backtest_config
from experiments.sources import open_signals, open_sources, with_assumptions
from experiments.spec.load import Plan
from framework.catalog import Catalog
from framework.core.errors import SpecError
from framework.engine import BacktestConfig, Result, run_backtest
from framework.lake.store import Lake
from framework.replay import GoldStream
from framework.state.lag import StoreLink
from framework.strategy import Strategy
from research.basis_gap import QUANTILES, decisions, gap_quantiles
from research.crossed import attempts

LAGS_NS: Final = (0, 1_000_000, 5_000_000, 20_000_000)
"""Write lags that are tried where none are named."""
DIRECT: Final = "direct"

_NAMES: Final = [
    f"{what}_p{round(q * 100)}_{unit}"
    for what, unit in (("gap", "bps"), ("age", "ms"))
    for q in QUANTILES
]
LAG_SCHEMA: Final = pl.Schema(
    {
        "view": pl.String,
        "lag_ms": pl.Float64,
        "orders": pl.Int64,
        "fills": pl.Int64,
        "tried": pl.Int64,
        "captured": pl.Int64,
        "pnl": pl.Float64,
        "to_direct": pl.Float64,
        "by_captures": pl.Float64,
        "by_legging": pl.Float64,
        "by_rest": pl.Float64,
        "currency": pl.String,
        **dict.fromkeys(_NAMES, pl.Float64),
        "is_direct": pl.Boolean,
        "journal_hash": pl.String,
    }
)
"""One row a run, the direct view first. ``tried`` counts pairs of legs at two venues, ``captured``
those of which both legs got something. ``to_direct`` is profit less the direct view's, and the sum
of ``by_captures`` (of what both legs got), ``by_legging`` (of what one leg got, and of closing it)
and ``by_rest`` (positions marked to mid, carry, other orders). Quantiles are of the size of the
basis gap and of the age of what was read, over requests with a price. ``is_direct``: the journal
is the direct view's, byte for byte."""

OnRun = Callable[[str, int, int], None]
"""Called with what is running, events done and events in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lagged:
    """One spec at several lags.

    Parameters
    ----------
    title
        The spec's name.
    direction
        What was lagged: ``"write"``, ``"notify"`` or ``"read"``.
    table
        `LAG_SCHEMA`.
    decisions
        What every request with a price was decided on, by run.
    """

    title: str
    direction: str
    table: pl.DataFrame
    decisions: Mapping[str, pl.DataFrame]


def run_lags(
    plan: Plan,
    lake: Lake,
    catalog: Catalog,
    *,
    direction: str = "write",
    lags_ns: Sequence[int] = LAGS_NS,
    on_progress: OnRun | None = None,
) -> Lagged:
    """Run a plan's first run directly, and through the store at every lag.

    Parameters
    ----------
    plan
        Its spec's ``store`` gives the other lags.
    lake, catalog
        Where its data lies.
    direction
        Which lag is set.
    lags_ns
        What it is set to.
    on_progress
        For a progress display.

    Raises
    ------
    SpecError
        Where no lag is named, or one twice.
    """
    if not lags_ns or len(set(lags_ns)) < len(lags_ns):
        raise SpecError(
            f"lags must be named, each once, got {', '.join(map(str, lags_ns)) or 'none'} (ns)",
            remedy="write for example --write 0,1ms,5ms",
        )
    run = plan.runs[0]
    streams = with_assumptions(open_sources(run.spec, lake, catalog), run.spec)
    config = backtest_config(run.spec, open_signals(run.spec, lake, catalog))
    settings = {DIRECT: replace(config, view=DIRECT)}
    for lag_ns in lags_ns:
        settings[_named(lag_ns)] = replace(
            config, view="store", store=_with(config.store, direction, lag_ns)
        )
    results = {
        name: _run(run.strategy, streams, one, name, on_progress) for name, one in settings.items()
    }
    first = results[DIRECT]
    lags = [None, *(lag_ns / 1e6 for lag_ns in lags_ns)]
    rows = [
        {"view": DIRECT if lag is None else "store", "lag_ms": lag} | _figures(result, first)
        for lag, result in zip(lags, results.values(), strict=True)
    ]
    return Lagged(
        title=run.spec.name,
        direction=direction,
        table=pl.DataFrame(rows, schema=LAG_SCHEMA),
        decisions={name: _priced(result) for name, result in results.items()},
    )


def _named(lag_ns: int) -> str:
    return f"{lag_ns / 1e6:g} ms"


def _with(link: StoreLink, direction: str, lag_ns: int) -> StoreLink:
    """Set one lag; the model it is drawn by stays."""
    return replace(link, **{direction: replace(getattr(link, direction), ns=lag_ns)})


def _run(
    strategy: Strategy,
    streams: Sequence[GoldStream],
    config: BacktestConfig,
    name: str,
    on_progress: OnRun | None,
) -> Result:
    progress = None
    if on_progress is not None:
        show = on_progress

        def progress(done: int, total: int) -> None:
            show(name, done, total)

    return run_backtest(strategy, streams, config, progress)


def _priced(result: Result) -> pl.DataFrame:
    return decisions(result).filter("is_priced")


def _figures(result: Result, direct: Result) -> dict[str, object]:
    summary = result.summary()
    own, base = _parts(result), _parts(direct)
    change = {name: own[name] - base[name] for name in own}
    return {
        **{name: summary[name] for name in ("orders", "fills", "pnl", "currency")},
        "tried": attempts(result).height,
        "captured": int(own["n"]),
        "to_direct": change["pnl"],
        "by_captures": change["captured"],
        "by_legging": change["legging"],
        "by_rest": change["pnl"] - change["captured"] - change["legging"],
        **gap_quantiles(_priced(result)),
        "is_direct": result.journal_hash == direct.journal_hash,
        "journal_hash": result.journal_hash,
    }


def _parts(result: Result) -> dict[str, float]:
    """Split a run's profit into that of pairs, that of legs left alone, and all of it."""
    tried = attempts(result)
    both = tried.filter((pl.col("bought") > 0) & (pl.col("sold") > 0))
    pnl = result.summary()["pnl"]
    if pnl is None:
        raise SpecError(
            "profits are compared in one currency, but the streams have several",
            remedy="read streams of one currency",
        )
    return {
        "n": float(both.height),
        "captured": float(tried["captured"].sum()),
        "legging": float(tried["legging"].sum()),
        "pnl": float(str(pnl)),
    }
