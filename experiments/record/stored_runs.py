"""Finding the records of runs: in MLflow, or in the folder a run has left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from experiments.record.addresses import without_credentials
from experiments.record.provenance import RECORD, Provenance, from_json
from experiments.tracking import PARENT_TAG, explained, open_client, store_uri
from framework.core.errors import DataError

JOURNAL: Final = "journal.arrow"
SAMPLES: Final = "samples.parquet"
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run that can be repeated.

    Attributes
    ----------
    name
        MLflow's run id, or the folder.
    record
        Its record.
    journal
        File of its journal; None where only the hash was kept, as of a sweep's trials.
    samples
        File of its account over time; None where it was not kept.
    """

    name: str
    record: Provenance
    journal: Path | None
    samples: Path | None = None


def find_runs(run: str, store: Path, into: Path) -> list[StoredRun]:
    """Find a run by its MLflow id or its folder; where it has variants or trials, those.

    Parameters
    ----------
    run
        Id or folder.
    store
        Folder of the default MLflow store; see `store_uri`.
    into
        Where MLflow's files are fetched to.

    Raises
    ------
    DataError
        Where there is no such run, or it has left no record.
    """
    found = list(_in_folder(Path(run)) if Path(run).is_dir() else _in_mlflow(run, store, into))
    if not found:
        raise DataError(
            f"a run is repeated from its {RECORD}, {run} has none",
            remedy="run it once more: runs have been recorded since version 0.1",
        )
    return found


def _in_folder(folder: Path) -> Iterator[StoredRun]:
    parts = [folder, *sorted(part for part in folder.iterdir() if part.is_dir())]
    for part in parts:
        file = part / RECORD
        if file.is_file():
            record = from_json(file.read_text(encoding="utf-8"), str(file))
            journal, samples = _present(part / JOURNAL), _present(part / SAMPLES)
            yield StoredRun(name=str(part), record=record, journal=journal, samples=samples)


def _in_mlflow(run: str, store: Path, into: Path) -> Iterator[StoredRun]:
    uri = store_uri(store)
    client = open_client(uri)
    with explained(uri):
        from mlflow.exceptions import MlflowException

        try:
            parent = client.get_run(run)
        except MlflowException as error:
            raise DataError(
                f"{run} must be a run of MLflow's store {without_credentials(uri)} or a folder, "
                "it is neither",
                remedy="crossbook run prints the id; MLFLOW_TRACKING_URI names another store",
            ) from error
        of_parent = f"tags.`{PARENT_TAG}` = '{parent.info.run_id}'"
        children = client.search_runs(
            [parent.info.experiment_id], of_parent, max_results=_PAGE, order_by=["start_time ASC"]
        )
        for one in sorted(children, key=lambda r: r.info.start_time) or [parent]:
            run_id = one.info.run_id
            names = {item.path for item in client.list_artifacts(run_id)}
            if RECORD not in names:
                continue
            folder = into / run_id
            folder.mkdir(parents=True)
            text = Path(client.download_artifacts(run_id, RECORD, str(folder))).read_text("utf-8")
            kept = {
                name: Path(client.download_artifacts(run_id, name, str(folder)))
                for name in (JOURNAL, SAMPLES)
                if name in names
            }
            yield StoredRun(
                name=run_id,
                record=from_json(text, f"run {run_id}"),
                journal=kept.get(JOURNAL),
                samples=kept.get(SAMPLES),
            )


def _present(path: Path) -> Path | None:
    return path if path.is_file() else None
