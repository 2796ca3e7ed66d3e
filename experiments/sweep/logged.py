"""A sweep in MLflow: one run for the study, one below it for each trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from experiments.record.provenance import RECORD, Origin, Provenance, as_json, without_diffs
from experiments.spec.load import Plan, as_yaml
from experiments.sweep.from_spec import SweptMarket, sweep_of
from experiments.sweep.ledger import Ledger
from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.study import Study
from experiments.sweep.trials import SweptTrial, read_trial
from experiments.sweep.validation import Validation
from experiments.tracking import Tracker

_NOTE: Final = "mlflow"
_TRIAL: Final = "trial"


class SweepLog:
    """Logs a study and its trials, each trial once, however often the sweep was interrupted.

    Parameters
    ----------
    tracker
        The experiment.
    plan, market
        What is swept.
    origin
        Where it comes from.
    """

    def __init__(self, tracker: Tracker, plan: Plan, market: SweptMarket, origin: Origin) -> None:
        self.tracker = tracker
        self.run_id = ""
        self._plan = plan
        self._market = market
        self._origin = origin
        self._logged: set[int] = set()

    @contextmanager
    def running(self, ledger: Ledger) -> Iterator[None]:
        """Open the study's run, or open it again; it ends as the body does."""
        store, _, run_id = ledger.note(_NOTE).rpartition(" ")
        if store == self.tracker.public_uri and self.tracker.reopen(run_id):
            self.run_id = run_id
            self._logged = self._finished()
        else:
            self.run_id = self.tracker.begin(self._plan.spec.name)
            ledger.keep_note(_NOTE, f"{self.tracker.public_uri} {self.run_id}")
        run = self._plan.runs[0]
        self.tracker.log_values(
            self.run_id,
            parameters=run.settings,
            tags={
                "sweep.sampler": sweep_of(self._plan.spec).sampler.kind.value,
                "strategy": type(run.strategy).__name__,
                "code.commit": self._origin.code.commit or "unknown",
                "code.dirty": str(self._origin.code.dirty).lower(),
            },
        )
        self.tracker.log_data(self.run_id, self._market.data)
        self.tracker.log_text(self.run_id, self._plan.text, "spec.yaml")
        status = "FAILED"
        try:
            yield
            status = "FINISHED"
        finally:
            self.tracker.end(self.run_id, status)

    def log_trials(self, study: Study) -> None:
        """Log what is finished and not yet logged."""
        for stored in study.ledger.trials:
            if stored.number not in self._logged:
                self._log(study, read_trial(stored))
                self._logged.add(stored.number)

    def log_outcome(
        self, outcome: SweepOutcome, files: Sequence[Path], validation: Validation | None
    ) -> None:
        """Log what was found, the page and the best trial's spec."""
        metrics: dict[str, float] = {"trials": len(outcome.trials)}
        if outcome.front:
            metrics |= {f"best.{k}": v for k, v in outcome.best.metrics.items()}
            metrics["best.trial"] = outcome.best.number
        if outcome.deflated is not None:
            metrics["best.deflated_sharpe"] = outcome.deflated.probability
            metrics["expected_best_sharpe_per_bar"] = outcome.deflated.expected_best
        if outcome.overfitting is not None:
            metrics["overfitting_probability"] = outcome.overfitting.probability
        if validation is not None:
            metrics |= {
                f"validation.{name}": float(value)
                for name, value in validation.summary().items()
                if isinstance(value, int | float) and math.isfinite(value)
            }
        self.tracker.log_values(self.run_id, metrics=metrics)
        for file in files:
            self.tracker.log_file(self.run_id, file)

    def _finished(self) -> set[int]:
        """Number the trials logged as a whole; a run that was cut off is deleted."""
        whole = set()
        for child in self.tracker.children(self.run_id):
            if child.finished and child.tags.get(_TRIAL, "").isdigit():
                whole.add(int(child.tags[_TRIAL]))
            else:
                self.tracker.delete(child.run_id)
        return whole

    def _log(self, study: Study, trial: SweptTrial) -> None:
        hashes = "+".join(trial.journal_hashes)
        tags = {_TRIAL: str(trial.number), "state": trial.state, "journal_hash": hashes}
        child = self.tracker.begin(f"trial {trial.number:03d}", self.run_id)
        self.tracker.log_values(
            child,
            parameters={name: str(value) for name, value in trial.parameters.items()},
            metrics=dict(trial.metrics),
            tags=tags | ({"note": trial.note} if trial.note else {}),
        )
        self.tracker.log_data(child, self._market.data)
        if trial.journal_hashes:
            self.tracker.log_text(child, as_json(self._record(study, trial)), RECORD)
        self.tracker.end(child, "FAILED" if trial.state == "fail" else "FINISHED")

    def _record(self, study: Study, trial: SweptTrial) -> Provenance:
        held = yaml.safe_load(self._plan.runs[0].text)
        parameters = study.strategy_of(trial.parameters).parameters()
        held["parameters"] = dict(parameters)
        spec = self._plan.spec
        return Provenance(
            name=f"{spec.name}, trial {trial.number}",
            spec=as_yaml(held),
            parameters=parameters,
            seeds={"run": spec.seed, "sampler": sweep_of(spec).sampler.seed},
            data=self._market.data,
            journal_hash=trial.journal_hashes[0],
            ended_ns=trial.ended_ns,
            origin=without_diffs(self._origin),
        )
