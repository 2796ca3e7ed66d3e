"""The truth as tables: who sent what, at which true price, and what was planted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_MS
from framework.synthetic.planted.model import Regime
from framework.synthetic.planted.plan import EpisodeKind
from framework.synthetic.planted.state import NOBODY, Agent

TRUTH_SCHEMA: Final = pl.Schema(
    {
        "venue": pl.String,
        "seq": pl.Int64,
        "ts_exch_ns": pl.Int64,
        "agent": pl.String,
        "episode": pl.Int32,
        "is_lost": pl.Boolean,
        "price_ticks": pl.Float64,
    }
)
"""One row per message, as ``(venue, seq)`` numbers them in gold: who sent it (of an execution: the
aggressor), for which episode (null: none), whether we never got it, and the efficient price."""

PATH_SCHEMA: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "price_ticks": pl.Float64,
        "volatility_ticks": pl.Float64,
        "regime": pl.String,
        "heat": pl.Float64,
    }
)
"""The latent state every 10 ms: efficient price, its volatility per root second, the regime and
the heat of news."""

CROSSES_SCHEMA: Final = pl.Schema(
    {
        "start_ns": pl.Int64,
        "end_ns": pl.Int64,
        "duration_ms": pl.Float64,
        "buy": pl.String,
        "sell": pl.String,
        "max_edge_ticks": pl.Int64,
        "mean_edge_ticks": pl.Float64,
        "lots": pl.Int64,
        "episode": pl.Int32,
        "is_complete": pl.Boolean,
    }
)
"""Every spell in which a venue bid above another's ask, on the venues' clock, those included that
nobody planted (``episode`` null: venues saw the price at different times). ``lots`` is the smaller
of the two displayed sizes when the edge was first largest."""

EPISODES_SCHEMA: Final = pl.Schema(
    {
        "episode": pl.Int32,
        "kind": pl.String,
        "venue": pl.String,
        "side": pl.Int8,
        "start_ns": pl.Int64,
        "end_ns": pl.Int64,
        "actual_end_ns": pl.Int64,
        "is_live": pl.Boolean,
        "size": pl.Float64,
        "lots": pl.Int64,
        "layers": pl.Int64,
        "count": pl.Int64,
        "regime": pl.String,
    }
)
"""What was planted; `framework.synthetic.planted.plan` says what the columns mean for each kind.
``is_live`` is false where an episode found no room, for example a quote whose way was blocked, or
the market ended before."""

_AGENTS: Final = [agent.name.lower() for agent in Agent]
_KINDS: Final = [kind.name.lower() for kind in EpisodeKind]
_REGIMES: Final = [regime.name.lower() for regime in Regime]
_INSTANT: Final = (EpisodeKind.JUMP, EpisodeKind.REGIME)


def truth_frame(rows: np.ndarray, venues: Sequence[str]) -> pl.DataFrame:
    """Turn `TRUTH_DTYPE` into `TRUTH_SCHEMA`."""
    return pl.DataFrame(
        {
            "venue": _named(rows["venue"], venues),
            "seq": _whole(rows["seq"]),
            "ts_exch_ns": _whole(rows["ts_exch_ns"]),
            "agent": _named(rows["agent"], _AGENTS),
            "episode": _or_none(rows["episode"]),
            "is_lost": rows["is_lost"] != 0,
            "price_ticks": _whole(rows["price_ticks"]),
        },
        schema=TRUTH_SCHEMA,
    )


def path_frame(rows: np.ndarray) -> pl.DataFrame:
    """Turn `PATH_DTYPE` into `PATH_SCHEMA`."""
    return pl.DataFrame(
        {
            "ts_ns": _whole(rows["ts_ns"]),
            "price_ticks": _whole(rows["price_ticks"]),
            "volatility_ticks": _whole(rows["volatility_ticks"]),
            "regime": _named(rows["regime"], _REGIMES),
            "heat": _whole(rows["heat"]),
        },
        schema=PATH_SCHEMA,
    )


def crosses_frame(rows: np.ndarray, venues: Sequence[str]) -> pl.DataFrame:
    """Turn `CROSS_DTYPE` into `CROSSES_SCHEMA`."""
    span_ns = rows["end_ns"] - rows["start_ns"]
    return pl.DataFrame(
        {
            "start_ns": _whole(rows["start_ns"]),
            "end_ns": _whole(rows["end_ns"]),
            "duration_ms": span_ns / NS_PER_MS,
            "buy": _named(rows["buy"], venues),
            "sell": _named(rows["sell"], venues),
            "max_edge_ticks": _whole(rows["max_edge_ticks"]),
            "mean_edge_ticks": rows["edge_ns_ticks"] / np.maximum(span_ns, 1),
            "lots": _whole(rows["lots"]),
            "episode": _or_none(rows["episode"]),
            "is_complete": rows["is_complete"] != 0,
        },
        schema=CROSSES_SCHEMA,
    )


def episodes_frame(rows: np.ndarray, venues: Sequence[str]) -> pl.DataFrame:
    """Turn `EPISODE_DTYPE` into `EPISODES_SCHEMA`."""
    kind = rows["kind"]
    is_regime = kind == EpisodeKind.REGIME
    ended = np.where(np.isin(kind, _INSTANT), rows["end_ns"], rows["actual_end_ns"])
    return pl.DataFrame(
        {
            "episode": np.arange(len(rows)),
            "kind": [_KINDS[k] for k in kind],
            "venue": [None if v == NOBODY else venues[v] for v in rows["venue"]],
            "side": _whole(rows["side"]),
            "start_ns": _whole(rows["start_ns"]),
            "end_ns": _whole(rows["end_ns"]),
            "actual_end_ns": pl.Series(ended).replace(0, None),
            "is_live": rows["is_live"] != 0,
            "size": _whole(rows["size"]),
            "lots": np.where(is_regime, 0, rows["lots"]),
            "layers": _whole(rows["layers"]),
            "count": _whole(rows["count"]),
            "regime": [
                _REGIMES[k] if r else None for k, r in zip(rows["lots"], is_regime, strict=True)
            ],
        },
        schema=EPISODES_SCHEMA,
        strict=False,
    )


def _whole(column: np.ndarray) -> np.ndarray:
    """Copy a column, since the chunk's memory is used again."""
    return np.array(column)


def _or_none(episode: np.ndarray) -> pl.Series:
    return pl.Series(_whole(episode), dtype=pl.Int32).replace(NOBODY, None)


def _named(codes: np.ndarray, names: Sequence[str]) -> pl.Series:
    """Name codes without making a string of each."""
    table = pl.Series(list(names), dtype=pl.String)
    return table.gather(_whole(codes).astype(np.uint32))
