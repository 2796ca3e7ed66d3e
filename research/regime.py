"""A simple detector of regimes: how restless the mid is, and whether it goes one way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.events import F64Array, I64Array
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream
from framework.signals import SIGNAL_SCHEMA, write_signal
from framework.state.desk import REGIMES
from research.basis import basis

_NORMAL, _TREND, _CRISIS = range(len(REGIMES))
_FLOOR: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """Settings of the detector.

    With returns r of the mid over `step_ns`, v is the exponential average of r² over `fast_ns`, u
    that over `slow_ns` and d that of r over `drift_ns`, with a standard error from r² over as long.
    It is a crisis while sqrt(v / u) > `crisis_ratio`; a trend while |d| is more than `trend_t`
    standard errors from zero; else normal, as it is during the first `drift_ns`. A new regime is
    told once it has held for `hold_ns`. Returns beyond `clip` deviations are cut: one jump is no
    crisis.

    Parameters
    ----------
    step_ns
        Spacing of the samples.
    fast_ns, slow_ns, drift_ns
        Time constants.
    crisis_ratio, trend_t
        Bounds. Those of leaving a regime are `ease` times those of entering.
    ease
        Below 1, so that a regime does not flicker at its bound.
    clip
        Deviations beyond which a return is cut.
    hold_ns
        How long a new regime must hold before it counts.
    """

    step_ns: int = NS_PER_S
    fast_ns: int = 8 * NS_PER_S
    slow_ns: int = 300 * NS_PER_S
    drift_ns: int = 45 * NS_PER_S
    crisis_ratio: float = 1.6
    trend_t: float = 2.0
    ease: float = 0.7
    clip: float = 4.0
    hold_ns: int = 2 * NS_PER_S


def detect(mid: F64Array, detector: Detector) -> I64Array:
    """Say for every sample which regime was known to hold then, as a place in `REGIMES`.

    Parameters
    ----------
    mid
        Shape ``(n,)``, spaced by `Detector.step_ns`. Sample i depends on the first i + 1 only.

    Returns
    -------
    shape (n,)
    """
    returns = np.diff(np.log(mid), prepend=np.log(mid[0]))
    weights = [
        -math.expm1(-detector.step_ns / tau_ns)
        for tau_ns in (detector.fast_ns, detector.slow_ns, detector.drift_ns)
    ]
    fast = slow = drift = around = 0.0
    effective = max(1.0, 2.0 * detector.drift_ns / detector.step_ns)
    known, candidate, since = _NORMAL, _NORMAL, 0
    out = np.zeros(mid.size, np.int64)
    for i, value in enumerate(returns.tolist()):
        most = detector.clip * math.sqrt(slow) if i * detector.step_ns >= detector.drift_ns else 1.0
        r = min(max(value, -most), most)
        young = 1.0 / (i + 1)  # until an average has its span it is the plain one
        fast += max(weights[0], young) * (r * r - fast)
        slow += max(weights[1], young) * (r * r - slow)
        drift += max(weights[2], young) * (r - drift)
        around += max(weights[2], young) * (r * r - around)
        ratio = math.sqrt(fast / max(slow, _FLOOR))
        t = abs(drift) / math.sqrt(max(around, _FLOOR) / effective)
        found = _state(ratio, t, known, detector)
        if i * detector.step_ns < detector.drift_ns:
            found = _NORMAL  # too few samples to say otherwise
        if found != candidate:
            candidate, since = found, i
        if candidate != known and (i - since) * detector.step_ns >= detector.hold_ns:
            known = candidate
        out[i] = known
    return out


def _state(ratio: float, t: float, known: int, detector: Detector) -> int:
    crisis = detector.crisis_ratio * (detector.ease if known == _CRISIS else 1.0)
    trend = detector.trend_t * (detector.ease if known == _TREND else 1.0)
    if ratio > crisis:
        return _CRISIS
    return _TREND if t > trend else _NORMAL


def regimes_of(
    stream: GoldStream, detector: Detector | None = None, *, scope: str = ""
) -> pl.DataFrame:
    """Detect a stream's regimes: one row a change, `SIGNAL_SCHEMA`.

    A regime is valid and recorded at the sample that showed it.

    Parameters
    ----------
    scope
        What the signal is about; the stream's symbol where left out.
    """
    detector = detector or Detector()
    sampled = basis([stream], detector.step_ns)
    regime = detect(sampled["mid_0"].to_numpy(), detector)
    changed = np.flatnonzero(np.diff(regime, prepend=-1))
    ts_ns = sampled["ts_ns"].to_numpy()[changed]
    return pl.DataFrame(
        {
            "scope": [scope or stream.instrument.symbol] * changed.size,
            "valid_ns": ts_ns,
            "recorded_ns": ts_ns,
            "value": regime[changed].astype(np.float64),
            "state": [REGIMES[state] for state in regime[changed]],
        },
        schema=SIGNAL_SCHEMA,
    )


def write_regimes(
    lake: Lake, table: TableName, stream: GoldStream, detector: Detector | None = None
) -> int | None:
    """Detect a stream's regimes and append them to a signal table, once for each such detection.

    Returns
    -------
    int or None
        The version written, None where it was there already.
    """
    detector = detector or Detector()
    transaction = f"{stream.table}@{stream.version}:{stream.instrument.name}:{detector!r}"
    return write_signal(lake, table, regimes_of(stream, detector), transaction=transaction)
