"""The desk's regime documents as a signal: what a strategy that watches them knows as of now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.signals import SIGNAL_SCHEMA, HeldSignal, available_ns
from framework.state.base import StateStore
from framework.state.desk.documents import Regime
from framework.state.desk.layout import HISTORY
from framework.state.lag import StoreLink

REGIMES: Final = ("normal", "trend", "crisis")
"""The regimes a desk tells apart, in the order of their values as a signal."""


def regime_history(store: StateStore, scope: str) -> tuple[Regime, ...]:
    """Read every version of a scope's regime, in the order in which they were recorded."""
    past = store.collection(HISTORY).find({"of": Regime.collection, "key": scope})
    now = store.collection(Regime.collection).get(scope)
    found = [Regime.from_document(document) for document in past]
    found += [] if now is None else [Regime.from_document(now)]
    by_revision = {regime.revision: regime for regime in found}
    return tuple(by_revision[revision] for revision in sorted(by_revision))


def regime_rows(regimes: Iterable[Regime]) -> pl.DataFrame:
    """Write regimes as rows of a signal table, `SIGNAL_SCHEMA`, for `StoredSignal` to read."""
    rows = [(r.scope, r.valid_ns, r.recorded_ns, float("nan"), r.name) for r in regimes]
    return pl.DataFrame(rows, schema=SIGNAL_SCHEMA, orient="row")


def regime_signal(
    regimes: Sequence[Regime],
    *,
    name: str = "regime",
    states: Sequence[str] = REGIMES,
    link: StoreLink | None = None,
    seed: int = 0,
) -> HeldSignal:
    """Turn one scope's regimes into a signal.

    Parameters
    ----------
    regimes
        In the order in which they were recorded; `recorded_ns` is when the store had them.
    link
        Of it the notify lag counts: from the record until the strategy knows.
    seed
        Of drawn lags.

    Raises
    ------
    DataError
        Where a regime is none of the states, or was recorded before it was valid.

    Examples
    --------
    >>> from framework.state import EmulatedStore, Lag
    >>> from framework.state.desk import DeskState
    >>> desk = DeskState(EmulatedStore())
    >>> desk.store.server.advance_to(40)
    >>> desk.set_regime(Regime(scope="BTC", name="crisis", confidence=0.7, valid_ns=30))
    >>> signal = regime_signal(
    ...     regime_history(desk.store, "BTC"), link=StoreLink(notify=Lag(ns=5))
    ... )
    >>> [column.tolist() for column in next(signal.blocks(0))]
    [[45], [30], [2.0]]
    """
    codes = {state: float(code) for code, state in enumerate(states)}
    unknown = sorted({regime.name for regime in regimes} - set(codes))
    if unknown:
        raise DataError(
            f"signal {name}: a regime must be one of {', '.join(states)}, got {', '.join(unknown)}",
            remedy="name all states, in the order of the values wanted",
        )
    link = link or StoreLink()
    recorded_ns = np.array([regime.recorded_ns for regime in regimes], np.int64)
    told = StoreLink(notify=link.notify)
    return HeldSignal(
        name,
        available_ns(recorded_ns, told, seed=seed, client=name),
        [regime.valid_ns for regime in regimes],
        [codes[regime.name] for regime in regimes],
        states,
    )
