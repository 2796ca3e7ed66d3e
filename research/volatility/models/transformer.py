"""A temporal fusion transformer, on top of a log-linear start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import polars as pl

from framework.core.events import F64Array
from research.volatility.forecast import LEVELS, Forecast
from research.volatility.models.base import (
    OnProgress,
    State,
    VolatilityModel,
    log_target,
    matrix,
    shares,
    training_rows,
    unfitted,
)
from research.volatility.models.network import F32Array, Network, Sequence32
from research.volatility.models.start import fit_start, log_start, start_effects
from research.volatility.table import TARGET, feature_names

_HELD_OUT: Final = 0.2  # latest share of the rows, on which training stops
_AHEAD: Final = ("day_sin", "day_cos")
_SEEN_BY_LOOKING_BACK: Final = "log_rv_lag_"
_BOUND: Final = 5.0  # standard deviations; what lies beyond was hardly seen in training
_EXPLAINED_ROWS: Final = 2_000
_NETWORK: Final = "network.safetensors"


class Transformer(VolatilityModel):
    """A temporal fusion transformer of what a log-linear start leaves.

    The start is XGBoost's. The network looks at the latest bars' features and at how wrong the
    start was on them, and gives quantiles of how wrong it will be on the next, in logarithms. The
    mean is that of the variance: the quantiles stand for tenths of the distribution, so their
    exponentials are averaged, and scaled so that the latest fifth of the rows, on which training
    stops, is forecast without bias.

    Parameters
    ----------
    seed
        Of weights, dropout and the order of rows.
    epochs, patience
        Most passes over the rows, and passes without a gain after which training stops.
    lookback_bars
        Bars that the network sees.
    hidden_size, dropout, learning_rate
        Of the network and of Adam.
    batch_rows
        Rows of a step; four times as many where there are 20 000 rows or more.
    """

    kind: ClassVar[str] = "tft"
    needs: ClassVar[tuple[str, ...]] = ("torch", "darts", "pytorch_lightning", "safetensors")
    extra: ClassVar[str] = "transformer"

    def __init__(
        self,
        *,
        seed: int = 0,
        epochs: int = 40,
        patience: int = 6,
        lookback_bars: int = 12,
        hidden_size: int = 8,
        dropout: float = 0.1,
        learning_rate: float = 3e-3,
        batch_rows: int = 128,
    ) -> None:
        self.settings: dict[str, float] = {
            "seed": seed,
            "epochs": epochs,
            "patience": patience,
            "lookback_bars": lookback_bars,
            "hidden_size": hidden_size,
            "dropout": dropout,
            "learning_rate": learning_rate,
            "batch_rows": batch_rows,
        }
        self.curves = {}
        self._past: list[str] = []
        self._ahead: list[str] = []
        self._start: F64Array = np.zeros(0)
        self._centre: F64Array = np.zeros(0)
        self._spread: F64Array = np.zeros(0)
        self._scale = 1.0
        self._network: Network | None = None

    def fit(self, table: pl.DataFrame, *, on_progress: OnProgress | None = None) -> None:
        rows = training_rows(table)
        table = table[: int(table[TARGET].is_not_null().arg_true()[-1]) + 1]
        names = feature_names(rows)
        self._ahead = [name for name in _AHEAD if name in names]
        self._past = [
            name
            for name in names
            if name not in self._ahead and not name.startswith(_SEEN_BY_LOOKING_BACK)
        ]
        self._start = fit_start(rows)
        given = rows.select(pl.col(self._past).cast(pl.Float64).fill_nan(None))
        self._centre = given.mean().fill_null(0.0).to_numpy()[0]
        spread = given.std().fill_null(0.0).to_numpy()[0]
        self._spread = np.where(spread > 0.0, spread, 1.0)
        cut = table.height - max(int(_HELD_OUT * table.height), 1)
        lookback = int(self.settings["lookback_bars"])
        network = self._empty()
        # What is held out begins with the bars before it, to look back at.
        self.curves = network.train(
            self._learnt(table[:cut]),
            self._learnt(table[max(cut - lookback + 1, 0) :]),
            on_progress,
        )
        self._network = network
        held_out = table[cut:]
        is_known = held_out[TARGET].is_not_null().to_numpy()
        raw = self._quantiles(table)[cut:].mean(axis=1)[is_known]
        self._scale = float(np.mean(np.exp(log_target(held_out.filter(is_known))) / raw))

    def forecast(self, table: pl.DataFrame) -> Forecast:
        if self._network is None:
            raise unfitted(self.kind)
        quantiles = self._quantiles(table)
        mean = self._scale * quantiles.mean(axis=1)
        return Forecast(table["ts_ns"].to_numpy(), mean, quantiles)

    def explain(self, table: pl.DataFrame) -> dict[str, float]:
        """Share out the network's part by its variable selection, and the start's by its weights.

        Each part counts as much as it moves the logarithm of the mean. What the network makes of
        the start's own errors is ``error_of_start``; ``place`` is how far back a bar lies.
        """
        if self._network is None:
            raise unfitted(self.kind)
        rows = table.tail(_EXPLAINED_ROWS)
        moved = np.log(self._quantiles(rows).mean(axis=1)) - log_start(rows, self._start)
        effect = float(np.abs(moved - moved.mean()).mean())
        selected = self._network.selected(self._padded(rows))
        weights = {name: effect * share for name, share in selected.items()}
        for name, effect_of_start in start_effects(rows, self._start).items():
            weights[name] = weights.get(name, 0.0) + effect_of_start
        return shares(weights)

    def save(self, folder: Path) -> State:
        if self._network is None:
            raise unfitted(self.kind)
        self._network.save(folder / _NETWORK)
        return {
            "past": self._past,
            "ahead": self._ahead,
            "start": self._start.tolist(),
            "centre": self._centre.tolist(),
            "spread": self._spread.tolist(),
            "scale": self._scale,
            "settings": self.settings,
        }

    def load(self, folder: Path, state: State) -> None:
        past, ahead, settings = state["past"], state["ahead"], state["settings"]
        assert isinstance(past, list)
        assert isinstance(ahead, list)
        assert isinstance(settings, Mapping)
        self._past, self._ahead = [str(name) for name in past], [str(name) for name in ahead]
        self.settings = dict(settings)
        self._start = np.array(state["start"], np.float64)
        self._centre = np.array(state["centre"], np.float64)
        self._spread = np.array(state["spread"], np.float64)
        self._scale = float(str(state["scale"]))
        self._network = self._empty()
        self._network.load(folder / _NETWORK)

    def _empty(self) -> Network:
        return Network(self.settings, self._past, self._ahead)

    def _quantiles(self, table: pl.DataFrame) -> F64Array:
        """Forecast quantiles of the next bar's variance, shape ``(n_rows, n_levels)``."""
        assert self._network is not None
        if table.is_empty():
            return np.zeros((0, LEVELS.size))
        errors = self._network.quantiles(self._padded(table))
        return np.exp(log_start(table, self._start)[:, None] + errors)

    def _padded(self, table: pl.DataFrame) -> Sequence32:
        """Let the first row repeat before the table, so that every row has bars to look back at."""
        before = int(self.settings["lookback_bars"]) - 1
        seen = self._seen(table)
        return Sequence32(
            wanted=np.concatenate([np.zeros(before, np.float32), seen.wanted]),
            weights=np.concatenate([np.zeros(before, np.float32), seen.weights]),
            past=np.concatenate([np.repeat(seen.past[:1], before, axis=0), seen.past]),
            ahead=None
            if seen.ahead is None
            else np.concatenate([np.repeat(seen.ahead[:1], before, axis=0), seen.ahead]),
        )

    def _learnt(self, table: pl.DataFrame) -> Sequence32:
        """Return what is seen of a table, and the outcome of each row."""
        seen = self._seen(table)
        last = log_target(table[-1:]) - log_start(table[-1:], self._start)
        return Sequence32(
            wanted=np.concatenate([seen.wanted, np.nan_to_num(last).astype(np.float32)]),
            weights=self._weights(table),
            past=seen.past,
            ahead=seen.ahead,
        )

    def _weights(self, table: pl.DataFrame) -> F32Array:
        """Return 0 for bars that are the outcome of no row, shape ``(n_rows + 1,)``."""
        is_known = table[TARGET].is_not_null().to_numpy()
        return np.concatenate([[0.0], is_known]).astype(np.float32)

    def _seen(self, table: pl.DataFrame) -> Sequence32:
        """Return what is known at the end of a table's last row, no outcome among it."""
        columns = (matrix(table, self._past) - self._centre) / self._spread
        start = log_start(table, self._start)
        errors = matrix(table, ["log_rv"])[1:, 0] - start[:-1]
        clock = matrix(table, self._ahead)
        return Sequence32(
            wanted=np.concatenate([[0.0], errors]).astype(np.float32),
            weights=np.ones(table.height, np.float32),
            # What is missing counts as usual.
            past=np.nan_to_num(np.clip(columns, -_BOUND, _BOUND)).astype(np.float32),
            # The hour of the bar to come is that of the end of the latest one.
            ahead=np.concatenate([clock[:1], clock]).astype(np.float32) if self._ahead else None,
        )
