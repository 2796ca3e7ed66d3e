"""What drift leaves behind: tables, metrics, and an entry in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from experiments.drift.drifted import Drifted
from experiments.record.code_state import CodeState
from experiments.tca.opening import plan_of
from experiments.tracking import Tracker
from framework.core.errors import CrossbookError
from research.drift import FORECASTS
from research.drift.plots import over_time

EXPERIMENT: Final = "drift"
_TESTS: Final = ("qlike", "bias", "coverage")
_CURVES: Final = ("qlike", "ratio", "coverage")


def write_tables(found: Drifted, folder: Path) -> list[Path]:
    """Write the tests, and what they rest on, as CSV.

    Raises
    ------
    CrossbookError
        Where the folder cannot be written.
    """
    tables = {"drift.csv": found.table}
    for model in found.models:
        tables |= {
            f"{model.of}.csv": model.errors,
            f"{model.of}_over_time.csv": over_time(model.errors),
        }
    if found.costs is not None:
        tables |= {"costs.csv": found.costs.found.orders}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in tables.items():
            frame.write_csv(folder / name)
    except OSError as error:
        raise CrossbookError(
            f"drift cannot be written to {folder}: {error.strerror or error}",
            remedy="choose a writable folder with --out",
        ) from error
    return [folder / name for name in tables]


def metrics(found: Drifted) -> dict[str, float]:
    """Name the tests as metrics: ``drift.qlike``, ``drift.psi.FEATURE``, ``drift.cost_bps.OF``."""
    told: dict[str, float] = {"drift.findings": float(found.findings.height)}
    for row in found.table.iter_rows(named=True):
        test, of = row["test"], row["of"]
        if test in _TESTS:
            name = f"drift.{test}" if of == FORECASTS else f"drift.{test}.{of}"
            named = {name: row["now"], f"{name}_was": row["was"], f"{name}_p": row["p_adjusted"]}
        elif test == "population":
            named = {f"drift.psi.{of}": row["effect"], f"drift.psi_p.{of}": row["p_adjusted"]}
        else:
            named = {f"drift.cost_bps.{of}": row["now"], f"drift.cost_p.{of}": row["p_adjusted"]}
            named[f"drift.cost_expected_bps.{of}"] = row["was"]
        told |= {name: value for name, value in named.items() if value is not None}
    return told


def record_drift(
    found: Drifted, files: Sequence[Path], out: Path, code: CodeState
) -> tuple[str, str]:
    """Log drift to MLflow: a run of the experiment ``drift``, and the backtest's own record too.

    Returns
    -------
    tuple of str
        Id of the run of its own, and of the backtest it was added to, ``""`` where MLflow knows
        none.
    """
    tracker = Tracker(EXPERIMENT, out)
    with tracker.run(found.title) as run_id:
        tracker.log_values(
            run_id, parameters=_parameters(found), metrics=metrics(found), tags=_tags(found, code)
        )
        for model in found.models:
            tracker.log_data(run_id, model.data, "monitoring")
            for row in over_time(model.errors).iter_rows(named=True):
                values = {f"over_time.{model.of}.{name}": row[name] for name in _CURVES}
                tracker.log_at(run_id, values, row["ts_ns"])
        for path in files:
            tracker.log_file(run_id, path)
    return run_id, _added(found, files, out)


def _added(found: Drifted, files: Sequence[Path], out: Path) -> str:
    if found.run is None:
        return ""
    spec = plan_of(found.run).spec
    tracker = Tracker(spec.tracking.experiment or spec.name, out)
    known = tracker.add(found.run.name, metrics(found), files, "drift")
    return found.run.name if known else ""


def _parameters(found: Drifted) -> dict[str, str]:
    limits = found.limits
    told = {
        f"limit.{name}": f"{getattr(limits, name):g}"
        for name in ("p", "qlike", "bias", "coverage", "psi", "cost_bps")
    }
    for model in found.models:
        place = "" if model.of == FORECASTS else f".{model.of}"
        told |= {f"model{place}": model.name, f"model_version{place}": str(model.version)}
    if (costs := found.costs) is not None:
        told |= {"trading": costs.key, "costs": costs.table, "costs_version": str(costs.version)}
    return told


def _tags(found: Drifted, code: CodeState) -> dict[str, str]:
    tests = sorted(set(found.findings["test"].to_list()))
    tags = {
        "drift": ", ".join(tests) or "none",
        "code.commit": code.commit or "unknown",
        "code.dirty": str(code.dirty).lower(),
    }
    data = [item for model in found.models for item in model.data]
    return tags | {f"delta.{item.table}": str(item.version) for item in data}
