"""A study: which parameters of a strategy do best, found batch by batch."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from experiments.spec.strategy_class import source_of
from experiments.sweep.available import OPTUNA_VERSION
from experiments.sweep.ledger import Ledger
from experiments.sweep.metrics import METRICS, measure
from experiments.sweep.objectives import Objective, as_objectives
from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.pruning import Looks, Pruning
from experiments.sweep.replays import Outcome, Replays
from experiments.sweep.sampling import (
    Batch,
    MakeSampler,
    ask_batch,
    batch_seed,
    quiet,
    sampler_named,
)
from experiments.sweep.space import Wanted, search_space
from experiments.sweep.trials import attributes
from framework.core.errors import CrossbookError, SpecError, StrategyError
from framework.engine import BacktestConfig, Prune, Result
from framework.replay import GoldStream
from framework.strategy.base import Strategy
from research.validation import Span

BATCH: Final = 10
"""Trials that are asked for together: what a sampler learns from comes this late."""

OnTrials = Callable[[int, int, FrozenTrial | None], None]
"""Called with trials done, trials in all and the best so far."""


class Study:
    """A search for the parameters of a strategy that do best over a market.

    Trials are asked for in batches and each batch is replayed together. A study in a storage may
    be killed at any instant and run again: it goes on where it was, and ends as it would have
    ended. The first trial is the strategy as it was given.

    Parameters
    ----------
    strategy
        A strategy whose values are where the search begins, or its class for the defaults. A class
        of a notebook's cell will do.
    streams
        Gold streams, as `open_streams` gives them.
    trials
        How many in all, those of an earlier run of the study included.
    objectives
        Names of measures, or `Objective`; more than one gives a Pareto front.
    ranges
        What is searched; all parameters with a range of their own where None.
    sampler
        ``"tpe"``, ``"nsga2"``, ``"random"``, or what makes one of Optuna's from a seed.
    seed
        Of the sampler.
    batch
        Trials asked for together.
    storage
        URL such as ``sqlite:///study.db``, or a storage of Optuna's; None keeps the study in
        memory.
    name
        In the storage; the strategy's where empty.
    pruning
        Ends trials early; for one objective and one span of time.
    config
        Models and settings of every run.
    spans
        Spans of time to run on, each begun flat; the streams' own period where empty.
    bar
        Length of the bars that ratios and drawdown are measured in; see `profit_bars`.
    currency
        Which books count; may be left out where they share one.
    workers
        Processes for an interpreted strategy.
    fresh
        True to forget what the storage holds of this study.

    Raises
    ------
    SpecError
        Where space, objectives or settings do not fit.
    CrossbookError
        Where the storage cannot be used, or holds a study begun with other settings.

    Examples
    --------
    ::

        study = Study(TakeTheCross(size=10), open_streams("lake", "demo"), trials=50)
        outcome = study.run()
        outcome.best.parameters, outcome.deflated
    """

    def __init__(
        self,
        strategy: Strategy | type[Strategy],
        streams: Sequence[GoldStream],
        *,
        trials: int = 100,
        objectives: str | Objective | Sequence[str | Objective] = "pnl",
        ranges: Mapping[str, Wanted] | None = None,
        sampler: str | MakeSampler = "tpe",
        seed: int = 0,
        batch: int = BATCH,
        storage: str | BaseStorage | None = None,
        name: str = "",
        pruning: Pruning | None = None,
        config: BacktestConfig | None = None,
        spans: Sequence[Span] = (),
        bar: str | int | None = None,
        currency: str | None = None,
        workers: int = 1,
        fresh: bool = False,
    ) -> None:
        self.begin = strategy() if isinstance(strategy, type) else strategy
        self.objectives = as_objectives(objectives)
        for objective in self.objectives:
            objective.of(dict.fromkeys(METRICS, 0.0))  # a wrong name is told before anything runs
        self.space = search_space(type(self.begin), ranges)
        self.trials = trials
        self._batch = batch
        if trials < 1 or batch < 1:
            raise SpecError(
                f"a sweep needs one trial or more in batches of one or more, got {trials} and "
                f"{batch}",
                remedy="correct trials or batch",
            )
        if pruning and (len(self.objectives) > 1 or len(spans) > 1):
            raise SpecError(
                "trials are pruned by one objective on one span of time, got "
                f"{len(self.objectives)} objectives and {max(len(spans), 1)} spans",
                remedy="drop the pruner, or all objectives but one",
            )
        self._make: MakeSampler = sampler_named(sampler) if isinstance(sampler, str) else sampler
        self._seed = seed
        self._pruning = pruning
        self._currency = currency
        self._replays = Replays(
            streams=streams,
            config=config or BacktestConfig(),
            spans=tuple(spans),
            workers=workers,
        )
        self._bar_ns = self._replays.bar_ns(bar)
        self.ledger = Ledger(
            storage,
            name or type(self.begin).__name__,
            [objective.toward for objective in self.objectives],
            self._definition(sampler),
            fresh=fresh,
        )

    def run(self, on_trials: OnTrials | None = None) -> SweepOutcome:
        """Run what is not yet done, and say what was found.

        Raises
        ------
        CrossbookError
            Where data or settings do not allow the runs, or every trial of a batch fails.
        """
        while (done := len(self.ledger.trials)) < self.trials:
            if on_trials:
                on_trials(done, self.trials, self.outcome().best_trial)
            self._run_batch(done // self._batch)
        outcome = self.outcome()
        if on_trials:
            on_trials(len(self.ledger.trials), self.trials, outcome.best_trial)
        return outcome

    def outcome(self) -> SweepOutcome:
        """Say what was found so far."""
        return SweepOutcome(
            study=self.ledger.study,
            trials=tuple(self.ledger.trials),
            objectives=self.objectives,
            bar_ns=self._bar_ns,
        )

    def strategy_of(self, parameters: Mapping[str, object]) -> Strategy:
        """Make the strategy a trial ran: its parameters, the rest as the study began."""
        return type(self.begin)(**{**self.begin.parameters(), **parameters})

    def _run_batch(self, number: int) -> None:
        """Ask for a batch, run what of it is not stored yet, and store it."""
        start = number * self._batch
        earlier = self.ledger.trials[:start]
        batch = ask_batch(
            earlier,
            self.space,
            [objective.toward for objective in self.objectives],
            self._sampler(number),
            size=min(self._batch, self.trials - start),
            first=self._first() if number == 0 else None,
        )
        stored = self.ledger.trials[start:]
        _same(batch, stored)
        asked = batch.asked[len(stored) :]
        looks = self._looks(earlier, [trial.params for trial in asked])
        outcomes = self._evaluated([trial.params for trial in asked], looks)
        if outcomes and all(isinstance(outcome, StrategyError) for outcome in outcomes):
            assert isinstance(outcomes[0], StrategyError)
            raise outcomes[0]
        for row, (trial, outcome) in enumerate(zip(asked, outcomes, strict=True)):
            if looks:
                for step, value in looks.values[row].items():
                    trial.report(value, step)
            self.ledger.add(self._told(batch, trial.number, outcome))

    def _evaluated(
        self, parameters: Sequence[Mapping[str, object]], looks: Looks | None
    ) -> list[Outcome]:
        """Run trials; parameters that a strategy refuses fail without a run."""
        made: list[Strategy | StrategyError] = []
        for values in parameters:
            try:
                made.append(self.strategy_of(values))
            except StrategyError as error:
                made.append(error)
        rows = [row for row, one in enumerate(made) if isinstance(one, Strategy)]
        strategies = [one for one in made if isinstance(one, Strategy)]

        def looking(places: Sequence[int]) -> Prune:
            assert looks is not None
            return looks.prune([rows[place] for place in places])

        ran = iter(self._replays.run(strategies, looking if looks else None))
        return [next(ran) if isinstance(one, Strategy) else one for one in made]

    def _told(self, batch: Batch, number: int, outcome: Outcome) -> FrozenTrial:
        """Tell the shadow study how a trial ended, and take it from there as it is to be stored."""
        with quiet():
            if isinstance(outcome, StrategyError):
                trial = batch.shadow.tell(number, state=TrialState.FAIL)
                trial.user_attrs = {"note": outcome.message}
                return trial
            measured = measure(outcome, self._bar_ns, self._currency)
            values = [objective.of(measured.metrics) for objective in self.objectives]
            if outcome[0].ended_ns is not None and self._pruning:
                trial = batch.shadow.tell(number, state=TrialState.PRUNED)
            else:
                trial = batch.shadow.tell(number, values)
        trial.user_attrs = attributes(measured, outcome)
        return trial

    def _looks(
        self, earlier: Sequence[FrozenTrial], parameters: Sequence[Mapping[str, object]]
    ) -> Looks | None:
        if self._pruning is None:
            return None
        (objective,) = self.objectives

        def value(so_far: Result) -> float:
            return objective.of(measure([so_far], self._bar_ns, self._currency).metrics)

        with quiet():
            return Looks(self._pruning, earlier, objective.toward, parameters, self.space, value)

    def _sampler(self, batch: int) -> BaseSampler:
        return self._make(batch_seed(self._seed, batch))

    def _first(self) -> Mapping[str, object] | None:
        """Values to begin with; None where they lie outside of what is searched."""
        values = {name: self.begin.parameters()[name] for name in self.space}
        for name, distribution in self.space.items():
            try:
                if not distribution._contains(distribution.to_internal_repr(values[name])):
                    return None
            except ValueError:  # none of the choices
                return None
        return values

    def _definition(self, sampler: str | MakeSampler) -> dict[str, str]:
        """What makes this study what it is; trials and workers do not."""
        kind = type(self.begin)
        source = source_of(kind) or _cell(kind)
        config = self._replays.config
        settings = {name: getattr(config, name) for name in config.__slots__ if name != "threads"}
        return {
            "strategy": kind.__name__,
            "strategy source": hashlib.sha256(source.encode()).hexdigest()[:12],
            "parameters": str(self.begin.parameters()),
            "ranges": str(self.space),
            "objectives": ", ".join(f"{o.metric} {o.direction}" for o in self.objectives),
            "sampler": sampler if isinstance(sampler, str) else type(sampler(0)).__name__,
            "seed": str(self._seed),
            "optuna": OPTUNA_VERSION,
            "batch": str(self._batch),
            "bar_ns": str(self._bar_ns),
            "data": ", ".join(
                sorted(
                    f"{s.instrument.name} of {s.table} version {s.version} "
                    f"[{s.start_ns}, {s.end_ns}) feed {s.feed_ns}"
                    for s in self._replays.streams
                )
            ),
            "instruments": _short(sorted(repr(s.instrument) for s in self._replays.streams)),
            "spans": ", ".join(map(str, self._replays.spans)),
            "settings": str(settings),
            "pruning": "none" if self._pruning is None else _pruner(self._pruning),
        }


def _same(batch: Batch, stored: Sequence[FrozenTrial]) -> None:
    """Check that a batch of which a part is stored was asked for as it is asked for now."""
    for asked, trial in zip(batch.asked, stored, strict=False):
        if asked.params != trial.params:
            raise CrossbookError(
                f"trial {trial.number} must be asked for as it was before the study was "
                f"interrupted, {trial.params}, but comes out as {asked.params}",
                remedy="another version of Optuna or a sampler that keeps something to itself: "
                "go on with what it was begun with, or begin anew with --fresh",
            )


def _cell(kind: type[Strategy]) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return ""


def _short(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _pruner(pruning: Pruning) -> str:
    settings = {k: v for k, v in vars(pruning.pruner).items() if isinstance(v, int | float | str)}
    return f"{type(pruning.pruner).__name__} {settings} every {pruning.every}"
