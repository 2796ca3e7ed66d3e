"""Trained models in MLflow: runs, versions, and the one that is in use."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from experiments.models.learning import Learnt, Source
from experiments.record.code_state import CodeState, package_versions
from experiments.tracking import Tracker, explained, open_client
from framework.core.clock import NS_PER_S
from framework.core.errors import CrossbookError, DataError
from research.drift import Baseline, baseline, read_baseline
from research.volatility import Comparison, diebold_mariano, feature_names
from research.volatility.models import VolatilityModel
from research.volatility.store import load_model, save_model

CHAMPION: Final = "champion"
"""Alias of the version in use."""
_FOLDER: Final = "model"
_SAMPLE: Final = "training_sample.json"
_OURS: Final = "forecaster"  # MLflow puts it into a folder `data` of its own
_LOSSES: Final = "losses.parquet"
_LOADER: Final = "experiments.models.loading"
_EXAMPLE_ROWS: Final = 5
_PACKAGES: Final = ("arch", "scipy", "xgboost-cpu", "torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A version of a registered model.

    Attributes
    ----------
    name, version, run_id, kind
        Which.
    metrics
        What its evaluation found.
    is_champion
        Whether it is in use.
    losses
        ``ts_ns`` and ``qlike`` of its forecasts out of sample.
    """

    name: str
    version: int
    run_id: str
    kind: str
    metrics: Mapping[str, float]
    is_champion: bool
    losses: pl.DataFrame


class ModelRegistry:
    """Models of volatility in an MLflow store.

    Parameters
    ----------
    folder
        Where the default store lies; see `Tracker`.
    experiment
        Name of the MLflow experiment.
    """

    def __init__(self, folder: Path, experiment: str = "volatility") -> None:
        self._tracker = Tracker(experiment, folder)
        self.uri = self._tracker.uri
        self._client = open_client(self.uri)

    def record(self, source: Source, learnt: Learnt, *, seed: int, code: CodeState) -> Registered:
        """Log a training run, and register its model as its stream and horizon's next version."""
        name = model_name(source.stream, source.horizon_ns)
        kind = learnt.model.kind
        with self._tracker.run(f"{name} {kind}") as run_id, explained(self.uri):
            self._log(run_id, source, learnt, seed, code)
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch) / _FOLDER
                _write(folder, source, learnt, seed)
                self._client.log_artifacts(run_id, str(folder), _FOLDER)
                losses = Path(scratch) / _LOSSES
                rows = learnt.evaluation.rows.filter(pl.col("model") == kind)
                rows.select("ts_ns", "qlike").write_parquet(losses)
                self._client.log_artifact(run_id, str(losses))
            if not self._client.search_registered_models(f"name = '{name}'"):
                self._client.create_registered_model(name)
            place = f"{self._client.get_run(run_id).info.artifact_uri}/{_FOLDER}"
            made = self._client.create_model_version(
                name, place, run_id=run_id, tags={"kind": kind}
            )
        return self.version(name, int(made.version))

    def numbers(self, name: str) -> list[int]:
        """List the numbers of a model's versions, the oldest first.

        Raises
        ------
        CrossbookError
            Where there is none of that name.
        """
        with explained(self.uri):
            found = self._client.search_model_versions(f"name = '{name}'")
        if not found:
            with explained(self.uri):
                names = sorted(model.name for model in self._client.search_registered_models())
            raise CrossbookError(
                f"there is no registered model {name}",
                remedy=f"there are: {', '.join(names) or 'none yet; run crossbook model train'}",
            )
        return sorted(int(entry.version) for entry in found)

    def check(self, name: str, version: int) -> None:
        """Raise `CrossbookError` where a model has no such version."""
        if version not in (known := self.numbers(name)):
            raise CrossbookError(
                f"{name} has no version {version}",
                remedy=f"it has: {', '.join(map(str, known))}",
            )

    def versions(self, name: str) -> list[Registered]:
        """List the versions of a model, the oldest first.

        Raises
        ------
        CrossbookError
            Where there is none of that name.
        """
        return [self.version(name, number) for number in self.numbers(name)]

    def version(self, name: str, version: int) -> Registered:
        """Look one version up, with its losses."""
        with explained(self.uri):
            entry = self._client.get_model_version(name, str(version))
            run_id = str(entry.run_id)
            run = self._client.get_run(run_id)
            aliases = self._client.get_registered_model(name).aliases
            with tempfile.TemporaryDirectory() as scratch:
                path = self._client.download_artifacts(run_id, _LOSSES, scratch)
                losses = pl.read_parquet(path)
        return Registered(
            name=name,
            version=version,
            run_id=run_id,
            kind=entry.tags.get("kind", ""),
            metrics=dict(run.data.metrics),
            is_champion=str(aliases.get(CHAMPION, "")) == str(version),
            losses=losses,
        )

    def load(self, name: str, version: int) -> tuple[VolatilityModel, dict[str, object]]:
        """Load a version's model and what is told about it; no code of the store's is run.

        Raises
        ------
        ModelError
            Where the version holds anything that training did not write, a pickle above all.
        """
        self.check(name, version)
        with explained(self.uri), tempfile.TemporaryDirectory() as scratch:
            entry = self._client.get_model_version(name, str(version))
            found = self._client.download_artifacts(
                str(entry.run_id), f"{_FOLDER}/data/{_OURS}", scratch
            )
            return load_model(Path(found))

    def baseline(self, name: str, version: int) -> Baseline:
        """Read the training sample stored beside a version, for tests of drift.

        Raises
        ------
        ModelError
            Where the version was stored without one.
        """
        from mlflow.exceptions import MlflowException

        with explained(self.uri), tempfile.TemporaryDirectory() as scratch:
            entry = self._client.get_model_version(name, str(version))
            path = Path(scratch) / _SAMPLE
            with suppress(MlflowException, OSError):  # not there: reading says so
                self._client.download_artifacts(str(entry.run_id), f"{_FOLDER}/{_SAMPLE}", scratch)
                path = next(Path(scratch).rglob(_SAMPLE))
            return read_baseline(path)

    def in_use(self, name: str) -> int:
        """Return the version in use, the latest where none was promoted.

        Raises
        ------
        CrossbookError
            Where there is none of that name.
        """
        numbers = self.numbers(name)
        with explained(self.uri):
            aliases = self._client.get_registered_model(name).aliases
        return int(aliases.get(CHAMPION, numbers[-1]))

    def promote(self, name: str, version: int, *, reason: str = "") -> Comparison | None:
        """Make a version the champion, if a test says that it is better.

        It must beat the champion, or HAR where there is none yet, in QLIKE over the instants both
        forecast (Diebold and Mariano, p below 0.05). A reason given takes the test's place.

        Returns
        -------
        The comparison with the champion, None where there was none.

        Raises
        ------
        CrossbookError
            Where there is no such version, or it is not shown to be better.
        """
        self.check(name, version)
        entries = {entry.version: entry for entry in self.versions(name)}
        chosen = entries[version]
        champion = next((entry for entry in entries.values() if entry.is_champion), None)
        compared = None
        if champion is not None and champion.version != version:
            compared = compare(chosen, champion)
            is_better, against = compared.is_win(0.05), f"version {champion.version}"
            p_value = compared.p_value
        else:
            p_value = chosen.metrics.get("dm_p", 1.0)
            is_better = chosen.kind == "har" or chosen.is_champion or p_value < 0.05
            against = "har"
        if not is_better and not reason:
            raise CrossbookError(
                f"{name} version {version} must be better than {against} to be promoted, the test "
                f"does not show it (p = {p_value:.3g})",
                remedy="train on a longer period, or give --reason to promote it nevertheless",
            )
        if chosen.is_champion and not reason:
            return None
        is_reference = champion is None and chosen.kind == "har"
        told = "the reference" if is_reference else f"better than {against}: p={p_value:.3g}"
        with explained(self.uri):
            self._client.set_registered_model_alias(name, CHAMPION, str(version))
            self._client.set_model_version_tag(name, str(version), "promoted", reason or told)
        return compared

    def _log(self, run_id: str, source: Source, learnt: Learnt, seed: int, code: CodeState) -> None:
        client, model = self._client, learnt.model
        settings = dict(getattr(model, "settings", {}))
        settings |= {
            "kind": model.kind,
            "stream": source.stream,
            "horizon_s": source.horizon_ns / NS_PER_S,
            "seed": seed,
            "rows": source.table.height,
            "folds": learnt.evaluation.rows["fold"].n_unique(),
            "features": ", ".join(feature_names(source.table)),
        }
        for key, value in settings.items():
            client.log_param(run_id, key, value)
        tags = {f"delta.{item.table}": str(item.version) for item in source.data}
        tags |= {"code.commit": code.commit or "unknown", "code.dirty": str(code.dirty).lower()}
        tags |= {f"version.{name}": text for name, text in package_versions(*_PACKAGES).items()}
        self._tracker.log_data(run_id, source.data, "training")
        for key, text in tags.items():
            client.set_tag(run_id, key, text)
        for name, curve in model.curves.items():
            for step, value in enumerate(curve):
                client.log_metric(run_id, f"curve.{name}", value, step=step)
        summary = learnt.evaluation.summary().filter(pl.col("model") == model.kind)
        for name, value in summary.row(0, named=True).items():
            if isinstance(value, int | float):
                client.log_metric(run_id, name, float(value))
        regime = learnt.evaluation.coverage_by_regime().filter(pl.col("model") == model.kind)
        for name, _, share in regime.select("regime", "n", "coverage").iter_rows():
            client.log_metric(run_id, f"coverage.regime_{name}", share)
        client.log_dict(run_id, model.explain(source.table), "importances.json")


def compare(one: Registered, other: Registered) -> Comparison:
    """Test whether one version's losses are smaller than another's, where both forecast.

    Raises
    ------
    DataError
        Where they have too few instants in common.
    """
    both = one.losses.join(other.losses, on="ts_ns", suffix="_other").sort("ts_ns")
    if both.height < 10:
        raise DataError(
            f"versions are compared over instants both forecast, {one.version} and "
            f"{other.version} have {both.height} in common",
            remedy="train both on the same period",
        )
    return diebold_mariano(both["qlike"].to_numpy(), both["qlike_other"].to_numpy())


def model_name(stream: str, horizon_ns: int) -> str:
    """Name the registered model of a stream and horizon.

    >>> model_name("fxcm:EURUSD", 10_000_000_000)
    'volatility.fxcm.EURUSD.10s'
    """
    return f"volatility.{stream.replace(':', '.')}.{horizon_ns / NS_PER_S:g}s"


def _write(folder: Path, source: Source, learnt: Learnt, seed: int) -> None:
    """Write a model as MLflow stores it: our own files, our own loader, no pickle."""
    from mlflow.models import infer_signature
    from mlflow.pyfunc import save_model as save_pyfunc

    data = folder.parent / _OURS
    about: dict[str, object] = {
        "stream": source.stream,
        "horizon_ns": source.horizon_ns,
        "features": feature_names(source.table),
        "data": {item.table: item.version for item in source.data},
        "learnt_until_ns": source.learnt_until_ns,
        "seed": seed,
    }
    save_model(learnt.model, data, about=about)
    columns = ["ts_ns", *feature_names(source.table)]
    example = source.table.tail(_EXAMPLE_ROWS).select(columns).to_pandas()
    made = learnt.model.forecast(source.table.tail(_EXAMPLE_ROWS))
    low, high = made.interval()
    answer = pl.DataFrame({"mean_bps2": made.mean_bps2, "low_bps2": low, "high_bps2": high})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_pyfunc(
            path=str(folder),
            loader_module=_LOADER,
            data_path=str(data),
            signature=infer_signature(example, answer.to_pandas()),
            input_example=example,
            pip_requirements=[f"crossbook[{learnt.model.extra}]"],
        )
    (folder / "about.json").write_text(json.dumps(about, indent=1))
    tested = learnt.evaluation.rows.filter(pl.col("model") == learnt.model.kind)
    baseline(source.table, tested).write(folder / _SAMPLE)
