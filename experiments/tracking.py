"""Log runs to MLflow.

Everything goes through one `MlflowClient`, so no global MLflow state changes. MLflow is imported
when a `Tracker` is made and not before: the import alone takes seconds.
"""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiments.record.addresses import without_credentials
from experiments.record.files import RunRecord
from experiments.report import DataVersion
from experiments.report.decimate import thin
from experiments.report.figures.equity import currencies
from framework.core.errors import CrossbookError
from research.performance import account

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric
    from mlflow.tracking import MlflowClient

URI_VARIABLE: Final = "MLFLOW_TRACKING_URI"
PARENT_TAG: Final = "mlflow.parentRunId"
_MAX_VALUE: Final = 6_000  # characters of a parameter, MLflow's own limit
_BATCH: Final = 100  # parameters in one call, MLflow's own limit
_CURVE_POINTS: Final = 200
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A run below another: its id, whether it has ended, its tags."""

    run_id: str
    finished: bool
    tags: dict[str, str]


class Tracker:
    """An MLflow experiment that runs are logged to.

    Parameters
    ----------
    experiment
        Name; made where it does not exist.
    folder
        Where the default store lies (``mlflow.db`` and ``mlartifacts/``), used where the
        environment's MLFLOW_TRACKING_URI names no other.

    Raises
    ------
    CrossbookError
        Where MLflow is not installed or its store cannot be opened.
    """

    def __init__(self, experiment: str, folder: Path) -> None:
        self.uri = store_uri(folder)
        self._client = open_client(self.uri)
        local = None if os.environ.get(URI_VARIABLE) else folder.resolve() / "mlartifacts"
        with explained(self.uri):
            folder.mkdir(parents=True, exist_ok=True)
            self._experiment_id = self._experiment(experiment, local)

    @property
    def public_uri(self) -> str:
        """The store's address without credentials."""
        return without_credentials(self.uri)

    @contextmanager
    def run(self, name: str, parent: str = "") -> Iterator[str]:
        """Open a run and yield its id; it ends FINISHED, or FAILED where the body raises.

        Parameters
        ----------
        name
            Shown in MLflow's list.
        parent
            Id of the run this one is a variant of.
        """
        run_id = self.begin(name, parent)
        status = "FAILED"
        try:
            yield run_id
            status = "FINISHED"
        finally:
            self.end(run_id, status)

    def begin(self, name: str, parent: str = "") -> str:
        """Open a run, below another where one is given, and return its id."""
        tags = {PARENT_TAG: parent} if parent else {}
        with explained(self.uri):
            run = self._client.create_run(self._experiment_id, run_name=name, tags=tags)
        run_id: str = run.info.run_id
        return run_id

    def end(self, run_id: str, status: str) -> None:
        """End a run: ``"FINISHED"`` or ``"FAILED"``."""
        with explained(self.uri):
            self._client.set_terminated(run_id, status)

    def reopen(self, run_id: str) -> bool:
        """Go on with a run; False where it is gone or deleted."""
        from mlflow.exceptions import MlflowException

        try:
            if self._client.get_run(run_id).info.lifecycle_stage == "deleted":
                return False
        except MlflowException:
            return False
        with explained(self.uri):
            self._client.update_run(run_id, status="RUNNING")
        return True

    def children(self, run_id: str) -> list[ChildRun]:
        """List the runs below one."""
        found: list[ChildRun] = []
        token: str | None = None
        with explained(self.uri):
            while token is None or token:
                page = self._client.search_runs(
                    [self._experiment_id],
                    f"tags.`{PARENT_TAG}` = '{run_id}'",
                    max_results=_PAGE,
                    page_token=token,
                )
                found += [
                    ChildRun(r.info.run_id, r.info.status != "RUNNING", dict(r.data.tags))
                    for r in page
                ]
                token = page.token or ""
        return found

    def delete(self, run_id: str) -> None:
        """Delete a run."""
        with explained(self.uri):
            self._client.delete_run(run_id)

    def log_values(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log parameters, metrics and tags to an open run."""
        from mlflow.entities import Metric, Param, RunTag

        now_ms = time.time_ns() // 1_000_000
        given = [Param(k, v[:_MAX_VALUE]) for k, v in sorted((parameters or {}).items())]
        measured = [Metric(_safe(k), v, now_ms, 0) for k, v in (metrics or {}).items()]
        with explained(self.uri):
            for start in range(0, len(given), _BATCH):
                self._client.log_batch(run_id, params=given[start : start + _BATCH])
            told = [RunTag(k, v) for k, v in (tags or {}).items()]
            self._client.log_batch(run_id, metrics=measured, tags=told)

    def log_at(self, run_id: str, metrics: Mapping[str, float | None], ts_ns: int) -> None:
        """Log a point of curves whose horizontal is market time; what is None is left out."""
        from mlflow.entities import Metric

        at_ms = ts_ns // 1_000_000
        points = [Metric(_safe(k), v, at_ms, at_ms) for k, v in metrics.items() if v is not None]
        with explained(self.uri):
            self._client.log_batch(run_id, metrics=points)

    def log_data(self, run_id: str, data: Sequence[DataVersion], context: str = "backtest") -> None:
        """Log which table versions were read, and what for."""
        with explained(self.uri):
            self._client.log_inputs(run_id, datasets=_datasets(data, context))

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Log a text as a file."""
        with explained(self.uri):
            self._client.log_text(run_id, text, name)

    def log_file(self, run_id: str, path: Path) -> None:
        """Log a file."""
        with explained(self.uri):
            self._client.log_artifact(run_id, str(path))

    def log(self, run_id: str, record: RunRecord, artifacts: Sequence[Path]) -> None:
        """Log a record's parameters, data versions, code, metrics and files to an open run."""
        self.log_values(run_id, parameters=record.settings, tags=_tags(record))
        with explained(self.uri):
            self._client.log_batch(run_id, metrics=_metrics(record))
        self.log_data(run_id, record.data)
        for path in artifacts:
            self.log_file(run_id, path)

    def add(
        self, run_id: str, metrics: Mapping[str, float], artifacts: Sequence[Path], folder: str
    ) -> bool:
        """Add metrics and files to a run that has ended; tell whether the store knows such a run.

        Parameters
        ----------
        folder
            Where the files stand among the run's artifacts.
        """
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        with explained(self.uri):
            try:
                ended_ms = self._client.get_run(run_id).info.end_time
            except MlflowException:
                return False
            values = [Metric(_safe(name), v, ended_ms or 0, 0) for name, v in metrics.items()]
            self._client.log_batch(run_id, metrics=values)
            for path in artifacts:
                self._client.log_artifact(run_id, str(path), folder)
        return True

    def _experiment(self, name: str, local: Path | None) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            location = None if local is None else (local / name).as_uri()
            made: str = self._client.create_experiment(name, artifact_location=location)
            return made
        if found.lifecycle_stage == "deleted":
            raise CrossbookError(
                f"MLflow experiment {name!r} is deleted",
                remedy="restore it, or name another under tracking.experiment",
            )
        experiment_id: str = found.experiment_id
        return experiment_id


def store_uri(folder: Path) -> str:
    """Give the address of the store: MLFLOW_TRACKING_URI, or a file in a folder."""
    return os.environ.get(URI_VARIABLE) or f"sqlite:///{folder.resolve() / 'mlflow.db'}"


def open_client(uri: str) -> MlflowClient:
    """Open a store.

    Raises
    ------
    CrossbookError
        Where MLflow is not installed or the store cannot be opened.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # MLflow reports usage unless told
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # A server that is down is told in seconds; MLflow's own seven retries take minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise CrossbookError(
            "MLflow must be installed to log runs",
            remedy="pip install 'crossbook[ml]', or run with --no-track",
        ) from error
    for name in ("mlflow", "alembic"):  # after the import, which sets levels of its own
        logging.getLogger(name).setLevel(logging.ERROR)
    with explained(uri):
        return MlflowClient(tracking_uri=uri)


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn what MLflow raises into an error with a remedy."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = str(error).splitlines()[0].replace(uri, without_credentials(uri))
        raise CrossbookError(
            f"MLflow's store {without_credentials(uri)} must be usable: {reason}",
            remedy=f"correct {URI_VARIABLE}, or run with --no-track",
        ) from error


def _tags(record: RunRecord) -> dict[str, str]:
    tags = {
        "strategy": record.result.strategy,
        "journal_hash": record.result.journal_hash,
        "code.commit": record.code.commit or "unknown",
        "code.dirty": str(record.code.dirty).lower(),
    }
    tags |= {f"version.{name}": text for name, text in record.versions.items()}
    return tags | {f"delta.{d.table}": str(d.version) for d in record.data}


def _metrics(record: RunRecord) -> list[Metric]:
    from mlflow.entities import Metric

    result = record.result
    last_ms = int(result.samples["ts_ns"][-1]) // 1_000_000 if result.samples.height else 0
    flat = _flatten(result.summary()) | _flatten({"counter": result.counters})
    if result.seconds:
        flat["events_per_s"] = result.events / result.seconds
    metrics = [Metric(_safe(name), value, last_ms, 0) for name, value in flat.items()]
    for currency in currencies(result):
        total = account(result, currency)
        points = total[thin(total.height, _CURVE_POINTS)]
        metrics += [
            Metric(_safe(f"equity_{currency}".rstrip("_")), net, ts_ns // 1_000_000, step)
            for step, (ts_ns, net) in enumerate(points.select("ts_ns", "net_pnl").iter_rows())
        ]
    return metrics


def _flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            flat[f"{prefix}{name}"] = float(value)
    return flat


def _safe(name: str) -> str:
    # MLflow allows these characters in names and no others
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)


def _datasets(data: Sequence[DataVersion], context: str) -> list[DatasetInput]:
    from mlflow.data.delta_dataset_source import DeltaDatasetSource
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = {}
    for stream in data:
        path = without_credentials(stream.location or stream.table)
        source = DeltaDatasetSource(path=path, delta_table_version=stream.version)
        dataset = Dataset(
            name=stream.table,
            digest=f"v{stream.version}",
            source_type=source._get_source_type(),
            source=source.to_json(),
        )
        inputs[(stream.table, stream.version)] = DatasetInput(
            dataset, [InputTag("mlflow.data.context", context)]
        )
    return list(inputs.values())
