"""The network of a temporal fusion transformer, by darts: its training, quantiles and weights."""

from __future__ import annotations

import copy
import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from framework.core.events import F64Array
from research.volatility.forecast import LEVELS
from research.volatility.models.base import ModelError, OnProgress

if TYPE_CHECKING:
    import pytorch_lightning
    import torch
    from darts import TimeSeries
    from darts.models import TFTModel

F32Array: TypeAlias = NDArray[np.float32]

# The loss wants a median and levels that mirror each other; `LEVELS` do, but lack the median.
_LEVELS: Final = (*LEVELS[:5].tolist(), 0.5, *LEVELS[5:].tolist())
_KEPT: Final = [place for place, level in enumerate(_LEVELS) if level != 0.5]
_EXPLAINED: Final = 64  # forecasts whose variable selection is averaged
_HEADS: Final = 2
_PLAIN: Final = {"wanted": "error_of_start", "add_relative_index": "place"}
_THREADS: Final = 1  # two are slower: its steps are many and small
_MANY_ROWS: Final = 20_000  # from here on steps are plenty, and four times as large
_FORECAST_ROWS: Final = 1_024
_LIKELIHOODS: Final = "darts.utils.likelihood_models.torch"


@dataclass(frozen=True, slots=True)
class Sequence32:
    """What the network sees: bar by bar, a row of the table each.

    Attributes
    ----------
    wanted
        What each bar turned out to be, from the first row's own to that after the last row, shape
        ``(n_rows + 1,)``; without the last where that is not known.
    weights
        0 where an outcome must not be learnt from, shape of `wanted`.
    past
        What was known at the end of each row, shape ``(n_rows, n_past)``.
    ahead
        What is known of the bar to come, shape ``(n_rows + 1, n_ahead)``; None where nothing is.
    """

    wanted: F32Array
    weights: F32Array
    past: F32Array
    ahead: F32Array | None


class Network:
    """A temporal fusion transformer that forecasts quantiles of the next bar.

    Parameters
    ----------
    settings
        ``seed``, ``epochs``, ``patience``, ``lookback_bars``, ``hidden_size``, ``dropout``,
        ``learning_rate``, ``batch_rows``.
    past, ahead
        Names of the columns of a `Sequence32`.

    References
    ----------
    Lim, B. et al. (2021), "Temporal Fusion Transformers for Interpretable Multi-horizon Time Series
    Forecasting", International Journal of Forecasting 37(4).
    """

    def __init__(
        self, settings: Mapping[str, float], past: Sequence[str], ahead: Sequence[str]
    ) -> None:
        self._settings = settings
        self._past, self._ahead = list(past), list(ahead)
        self._lookback = int(settings["lookback_bars"])
        self._model: TFTModel | None = None

    def train(
        self, learnt: Sequence32, held_out: Sequence32, on_progress: OnProgress | None
    ) -> dict[str, list[float]]:
        """Learn until what is held out no longer gains, and keep what was best.

        Returns
        -------
        The losses of every epoch, ``train`` and ``held_out``.
        """
        epochs = int(self._settings["epochs"])
        many = len(learnt.past) >= _MANY_ROWS
        with _quietly():
            curves: dict[str, list[float]] = {"train": [], "held_out": []}
            best: dict[str, torch.Tensor] = {}
            keeper = _keeper(epochs, curves, best, on_progress)
            stop = importlib.import_module("pytorch_lightning.callbacks").EarlyStopping(
                "val_loss", patience=int(self._settings["patience"])
            )
            self._model = self._untrained(epochs, [stop, keeper], enlarged=4 if many else 1)
            given = {f"val_{name}": value for name, value in self._series(held_out).items()}
            self._model.fit(
                **self._series(learnt),
                **given,
                sample_weight=_series(learnt.weights, ["wanted"]),
                val_sample_weight=_series(held_out.weights, ["wanted"]),
                verbose=False,
            )
            self._model.model.load_state_dict(best)
        if on_progress is not None:
            on_progress(epochs, epochs)
        return curves

    def quantiles(self, seen: Sequence32) -> F64Array:
        """Forecast every row that has enough before it, ``(n_rows − lookback + 1, n_levels)``."""
        assert self._model is not None
        with _quietly():
            made = self._model.historical_forecasts(
                **self._series(seen),
                forecast_horizon=1,
                retrain=False,
                overlap_end=True,
                last_points_only=True,
                predict_likelihood_parameters=True,
                predict_kwargs={"batch_size": _FORECAST_ROWS},
                verbose=False,
            )
        # Quantiles are learnt one by one and may cross: sorting them never makes them worse
        # (Chernozhukov, Fernández-Val and Galichon 2010).
        return np.sort(np.asarray(made.values()[:, _KEPT], np.float64), axis=1)

    def selected(self, seen: Sequence32) -> dict[str, float]:
        """Average the weights of the encoder's variable selection over rows evenly in time."""
        assert self._model is not None
        n_rows = len(seen.past)
        most = min(_EXPLAINED, int(self._settings["batch_rows"]))
        ends = np.unique(np.linspace(self._lookback, n_rows, most).astype(int))
        parts = [self._series(_cut(seen, end - self._lookback, end)) for end in ends]
        columns = {name: [part[name] for part in parts] for name in parts[0]}
        with _quietly():
            explainer = importlib.import_module("darts.explainability").TFTExplainer
            background = {f"background_{name}": value for name, value in columns.items()}
            found = explainer(self._model, **background).explain()
        shown = found.get_encoder_importance()
        shown = shown if isinstance(shown, list) else [shown]
        total: dict[str, float] = {}
        for frame in shown:
            for name, share in frame.iloc[0].items():
                plain = str(name).rsplit("_", 1)[0]  # darts adds what sort of input it is
                plain = _PLAIN.get(plain, plain)
                total[plain] = total.get(plain, 0.0) + float(share) / 100.0 / len(shown)
        return total

    def save(self, path: Path) -> None:
        """Write what was learnt as safetensors, which hold numbers and no code."""
        assert self._model is not None
        # The encoder and the decoder share some tensors, which the format takes for a mistake.
        weights = {name: part.clone() for name, part in self._model.model.state_dict().items()}
        path.write_bytes(importlib.import_module("safetensors.torch").save(weights))

    def load(self, path: Path) -> None:
        """Take back what `save` wrote."""
        rows = self._lookback + 1
        blank = Sequence32(
            wanted=np.zeros(rows, np.float32),
            weights=np.ones(rows, np.float32),
            past=np.zeros((rows - 1, len(self._past)), np.float32),
            ahead=np.zeros((rows, len(self._ahead)), np.float32) if self._ahead else None,
        )
        with _quietly():
            # darts makes the network when it sees the first series; no epoch learns from this one.
            self._model = self._untrained(0, [])
            self._model.fit(**self._series(blank), verbose=False)
            load = importlib.import_module("safetensors.torch").load
            self._model.model.load_state_dict(load(path.read_bytes()))

    def _untrained(self, epochs: int, callbacks: list[object], enlarged: int = 1) -> TFTModel:
        _torch()
        settings = self._settings
        likelihood = importlib.import_module(_LIKELIHOODS).QuantileRegression(list(_LEVELS))
        return importlib.import_module("darts.models").TFTModel(
            input_chunk_length=self._lookback,
            output_chunk_length=1,
            hidden_size=int(settings["hidden_size"]),
            hidden_continuous_size=max(int(settings["hidden_size"]) // 2, 1),
            num_attention_heads=_HEADS,
            dropout=float(settings["dropout"]),
            add_relative_index=True,
            use_static_covariates=False,
            likelihood=likelihood,
            batch_size=int(settings["batch_rows"]) * enlarged,
            n_epochs=epochs,
            optimizer_kwargs={"lr": float(settings["learning_rate"])},
            random_state=int(settings["seed"]),
            pl_trainer_kwargs={
                "accelerator": "cpu",
                "callbacks": callbacks,
                "enable_checkpointing": False,
                "enable_model_summary": False,
                "enable_progress_bar": False,
                "gradient_clip_val": 1.0,
                "logger": False,
                "num_sanity_val_steps": 0,
            },
        )

    def _series(self, seen: Sequence32) -> dict[str, TimeSeries]:
        named = {
            "series": _series(seen.wanted, ["wanted"]),
            "past_covariates": _series(seen.past, self._past),
        }
        if seen.ahead is not None:
            named["future_covariates"] = _series(seen.ahead, self._ahead)
        return named


def _cut(seen: Sequence32, start: int, end: int) -> Sequence32:
    """Keep some rows; the outcome of the last is not among what is wanted."""
    ahead = None if seen.ahead is None else seen.ahead[start : end + 1]
    part = slice(start, end)
    return Sequence32(seen.wanted[part], seen.weights[part], seen.past[part], ahead)


def _series(values: F32Array, names: Sequence[str]) -> TimeSeries:
    columns = values.reshape(len(values), len(names))
    return importlib.import_module("darts").TimeSeries.from_values(columns, columns=list(names))


def _keeper(
    epochs: int,
    curves: dict[str, list[float]],
    best: dict[str, torch.Tensor],
    on_progress: OnProgress | None,
) -> pytorch_lightning.Callback:
    """Make a callback that notes losses, tells progress, and copies the best weights."""
    lightning = importlib.import_module("pytorch_lightning")

    class Keeper(lightning.Callback):  # type: ignore[misc, name-defined]
        def on_train_epoch_end(
            self, trainer: pytorch_lightning.Trainer, pl_module: pytorch_lightning.LightningModule
        ) -> None:
            for name, key in (("train", "train_loss"), ("held_out", "val_loss")):
                curves[name].append(float(trainer.callback_metrics[key]))
            if curves["held_out"][-1] <= min(curves["held_out"]):
                best.update(copy.deepcopy(pl_module.state_dict()))
            if on_progress is not None:
                on_progress(len(curves["train"]), epochs)

    return Keeper()


@contextmanager
def _quietly() -> Iterator[None]:
    """Compute on one thread, and keep warnings and hints of the libraries to themselves."""
    torch = _torch()
    before = torch.get_num_threads()
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning", "darts")]
    levels = [logger.level for logger in loggers]
    torch.set_num_threads(_THREADS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("darts.models")
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
    finally:
        torch.set_num_threads(before)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _torch() -> ModuleType:
    try:
        importlib.import_module("darts")
        importlib.import_module("pytorch_lightning")
        return importlib.import_module("torch")
    except ImportError as error:
        raise ModelError(
            "this model needs darts, PyTorch and Lightning, which are not installed",
            remedy="pip install 'crossbook[transformer]'",
        ) from error
