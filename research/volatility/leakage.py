"""Proof that features do not look ahead: alter what comes later, and nothing before may change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from research.volatility.table import TARGET

Build = Callable[[pl.DataFrame, pl.DataFrame | None], pl.DataFrame]
"""Makes the volatility table of quotes and news."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature that knew what came later.

    Attributes
    ----------
    column
        Its name; ``rows`` where rows themselves came or went.
    ts_ns
        The first row that changed.
    altered_ns
        From when on the sources were altered.
    """

    column: str
    ts_ns: int
    altered_ns: int


def find_leaks(
    build: Build,
    quotes: pl.DataFrame,
    cuts_ns: Sequence[int],
    *,
    news: pl.DataFrame | None = None,
    horizon_ns: int = 0,
    seed: int = 0,
) -> list[Leak]:
    """Alter quotes and news after each instant and compare all features at or before it.

    Prices are redrawn and headlines that were not available yet are dropped. The outcome of a row
    must not change either where it was known by then.

    Parameters
    ----------
    build
        Makes the table.
    quotes
        `READING_SCHEMA`.
    cuts_ns
        Instants.
    horizon_ns
        How long after a row its outcome is known; 0 leaves outcomes unchecked.

    Returns
    -------
    One leak a column and instant, none where features are clean.
    """
    rng = np.random.default_rng(seed)
    original = build(quotes, news)
    found = []
    for cut_ns in cuts_ns:
        later = quotes.filter(pl.col("ts_ns") > cut_ns)
        factor = np.exp(np.cumsum(0.001 * rng.standard_normal(later.height)))
        altered = later.with_columns(
            mid_ticks=pl.col("mid_ticks") * factor,
            spread_pct=pl.col("spread_pct") * 3.0 + 1.0,
            mid_deviation_ticks=pl.col("mid_deviation_ticks") * 5.0 + 1.0,
        )
        before = quotes.filter(pl.col("ts_ns") <= cut_ns)
        known = None if news is None else news.filter(pl.col("available_ns") <= cut_ns)
        found += _changes(original, build(pl.concat([before, altered]), known), cut_ns, horizon_ns)
    return found


def _changes(was: pl.DataFrame, now: pl.DataFrame, cut_ns: int, horizon_ns: int) -> list[Leak]:
    was, now = (frame.filter(pl.col("ts_ns") <= cut_ns) for frame in (was, now))
    if not was["ts_ns"].equals(now["ts_ns"]):
        return [Leak("rows", cut_ns, cut_ns)]
    leaks = []
    for name in was.columns:
        left, right = was[name], now[name]
        if name == TARGET:
            is_known = (was["ts_ns"] + horizon_ns <= cut_ns) & (horizon_ns > 0)
            left, right = left.filter(is_known), right.filter(is_known)
        changed = (left.ne_missing(right)).arg_true()
        if changed.len():
            leaks.append(Leak(name, int(was["ts_ns"][int(changed[0])]), cut_ns))
    return leaks
