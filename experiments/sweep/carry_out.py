"""Carry a sweep out: run the study, write its page, log its trials to MLflow."""

from __future__ import annotations

import textwrap
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from optuna.trial import FrozenTrial

from experiments.record.provenance import origin_of
from experiments.run import OUT, RunOptions
from experiments.spec.load import Plan, as_yaml
from experiments.sweep.from_spec import SweptMarket, study_of, swept_market
from experiments.sweep.logged import SweepLog
from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.plots import deflation_text, write_page
from experiments.sweep.study import OnTrials, Study
from experiments.sweep.validation import OnSplit, Validation, validate
from experiments.tracking import Tracker
from framework.core.errors import CrossbookError

STUDY_FILE: Final = "study.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What became of a sweep.

    Attributes
    ----------
    outcome
        Trials and the best of them.
    folder, page, best_spec
        Where things are: Optuna's plots, and the spec with the best parameters.
    resumed
        Trials that were there already from an earlier run of the sweep.
    validation
        What splits in time say; None where none was asked for.
    run_id, tracking_uri, experiment
        Where it was logged; ``""`` where it was not.
    """

    outcome: SweepOutcome
    folder: Path
    page: Path
    best_spec: Path | None
    resumed: int
    validation: Validation | None
    run_id: str = ""
    tracking_uri: str = ""
    experiment: str = ""


def sweep(
    plan: Plan,
    options: RunOptions,
    *,
    on_trials: OnTrials | None = None,
    on_split: OnSplit | None = None,
    fresh: bool = False,
) -> Swept:
    """Run a spec's sweep from data to page; one that was interrupted goes on where it was.

    Parameters
    ----------
    plan, options
        As for `experiments.run.carry_out`; the folder is ``out/NAME`` where none is given.
    on_trials, on_split
        Called as trials are done, and as splits of time are.
    fresh
        True to forget an earlier sweep of the same name.

    Raises
    ------
    CrossbookError
        Where data, spec, strategy or the places written to do not allow it.
    """
    spec = plan.spec
    folder = options.out or OUT / spec.name
    market = swept_market(plan, options)
    storage = _storage(folder)
    study = study_of(spec, market, storage=storage, fresh=fresh)
    resumed = len(study.ledger.trials)
    log = _log(plan, options, market) if options.track else None
    with log.running(study.ledger) if log else nullcontext():
        outcome = _run(study, log, on_trials)
        validation = None
        if spec.sweep is not None and spec.sweep.validate is not None:
            validation = validate(
                spec, market, storage=storage, outcome=outcome, on_split=on_split, fresh=fresh
            )
        more = {} if validation is None else {"Validation": validation.as_html()}
        page = write_page(outcome, folder / "sweep.html", spec.name, more)
        best_spec = _best_spec(plan, study, outcome, folder)
        if log:
            log.log_outcome(outcome, [page, *([best_spec] if best_spec else [])], validation)
    return Swept(
        outcome=outcome,
        folder=folder,
        page=page,
        best_spec=best_spec,
        resumed=resumed,
        validation=validation,
        run_id=log.run_id if log else "",
        tracking_uri=log.tracker.public_uri if log else "",
        experiment=(spec.tracking.experiment or spec.name) if log else "",
    )


def _log(plan: Plan, options: RunOptions, market: SweptMarket) -> SweepLog:
    tracker = Tracker(plan.spec.tracking.experiment or plan.spec.name, OUT)
    origin = origin_of(market.strategy, market.catalog, options.lake)
    return SweepLog(tracker, plan, market, origin)


def _run(study: Study, log: SweepLog | None, on_trials: OnTrials | None) -> SweepOutcome:
    """Run the study; what is finished is logged before each batch and at the end."""

    def watch(done: int, total: int, best: FrozenTrial | None) -> None:
        if on_trials:
            on_trials(done, total, best)
        if log:
            log.log_trials(study)

    return study.run(watch)


def _storage(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CrossbookError(
            f"the sweep's folder {folder} must be writable: {error.strerror or error}",
            remedy="choose another with --out",
        ) from error
    return f"sqlite:///{(folder / STUDY_FILE).resolve()}"


def _best_spec(plan: Plan, study: Study, outcome: SweepOutcome, folder: Path) -> Path | None:
    """Write the best trial as a spec of its own."""
    if not outcome.front:
        return None
    held = yaml.safe_load(plan.runs[0].text)
    held["name"] = f"{plan.spec.name}_best"
    held["parameters"] = dict(study.strategy_of(outcome.best.parameters).parameters())
    path = folder / "best.yaml"
    told = textwrap.fill(deflation_text(outcome), 98, initial_indent="# ", subsequent_indent="# ")
    path.write_text(f"{told}\n{as_yaml(held)}", encoding="utf-8")
    return path
