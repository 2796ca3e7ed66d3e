"""Run many backtests on all cores, in processes, with the results of running them in turn.

A job's result depends on nothing but the job, so neither the number of workers nor which of them
was faster can be seen in it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import cloudpickle

from framework.core.errors import CrossbookError, EngineError, SpecError
from framework.engine.backtest import run_backtest, run_trials
from framework.engine.config import BacktestConfig
from framework.engine.cores import usable_cores
from framework.engine.jobs import Job
from framework.engine.result import Result
from framework.engine.shipping import Notebook, carried_along
from framework.engine.warm import warm_up
from framework.strategy.compiled import compile_strategy

JobsDone = Callable[[int, int], None]
_Answer = tuple[bool, bytes]
"""Whether the job failed, and its results or its failure."""


def run_parallel(
    jobs: Sequence[Job], *, workers: int | None = None, progress: JobsDone | None = None
) -> list[list[Result]]:
    """Run jobs in processes of their own.

    Strategies may be defined in a notebook. A script must call this under
    ``if __name__ == "__main__":``, since every worker imports the script.

    Parameters
    ----------
    jobs
        What to run, e.g. from `by_day`, `by_symbol` or `by_trials`.
    workers
        Processes; as many as there are cores where None. With 1 all runs in this process.
    progress
        Called with jobs done and jobs in all.

    Returns
    -------
    results
        One list a job, in the order given, each equal to `run_trials`.

    Raises
    ------
    CrossbookError
        What the first of the failing jobs, in the order given, raised, with its remedy.
    SpecError
        Where a strategy cannot be sent to another process, or `workers` is not positive.
    EngineError
        Where a worker process ended without an answer.
    """
    if workers is not None and workers < 1:
        raise SpecError(
            f"a parallel run needs one worker or more, got {workers}",
            remedy="leave workers out to use all cores",
        )
    count = min(len(jobs), workers or usable_cores())
    if count <= 1:
        return _in_turn(jobs, progress)
    parcels = [_packed(job) for job in jobs]
    _compile_first(jobs)
    with _pool(count) as pool:
        futures = [pool.submit(_carry_out, parcel) for parcel in parcels]
        _await(futures, progress)
        answers = [_opened(future) for future in futures if not future.cancelled()]
    return [
        [replace(result, again=partial(_again, job, k)) for k, result in enumerate(results)]
        for job, results in zip(jobs, answers, strict=True)
    ]


def _in_turn(jobs: Sequence[Job], progress: JobsDone | None) -> list[list[Result]]:
    results = []
    for job in jobs:
        results.append(run_trials(job.strategies, job.streams, job.config))
        if progress:
            progress(len(results), len(jobs))
    return results


@contextmanager
def _pool(workers: int) -> Generator[ProcessPoolExecutor]:
    """Start processes; an error or an interrupt lets no further job begin."""
    # Not forked: a fork of a process with threads, Arrow's for one, may hang.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool
    except BrokenProcessPool as error:
        raise EngineError(
            "every worker must answer, but one ended before it did: it was killed, ran out of "
            "memory or could not import the program that started it",
            remedy='in a script, call run_parallel under if __name__ == "__main__"; where memory '
            "is short, ask for fewer workers",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _await(futures: Sequence[Future[_Answer]], progress: JobsDone | None) -> None:
    """Wait for the jobs; after a failure, only for those that have begun."""
    done = 0
    for future in as_completed(futures):
        if future.cancelled():
            continue
        done += 1
        if progress:
            progress(done, len(futures))
        failed, _ = future.result()
        if failed:
            for other in futures:
                other.cancel()


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error of a worker, in parts: not every error survives being pickled."""

    kind: type[CrossbookError]
    state: Mapping[str, object]
    trace: str


def _packed(job: Job) -> bytes:
    try:
        return cloudpickle.dumps((job, carried_along(job.strategies)))
    except Exception as error:
        names = ", ".join(sorted({type(strategy).__name__ for strategy in job.strategies}))
        raise SpecError(
            f"a job must be sent to a worker process, but {names} cannot be: {error}",
            remedy="let the class use no open files, locks or connections from outside it, or "
            "give workers=1",
        ) from error


def _carry_out(parcel: bytes) -> _Answer:
    """Run one job in a worker."""
    try:
        job, notebook = cloudpickle.loads(parcel)
        assert isinstance(notebook, Notebook)
        notebook.restore()
        config = job.config or BacktestConfig()
        if config.threads == 0:  # the workers share the cores already
            config = replace(config, threads=1)
        return False, cloudpickle.dumps(run_trials(job.strategies, job.streams, config))
    except CrossbookError as error:
        failure = _Failure(type(error), dict(vars(error)), traceback.format_exc())
        return True, cloudpickle.dumps(failure)


def _opened(future: Future[_Answer]) -> list[Result]:
    answer = cloudpickle.loads(future.result()[1])
    if isinstance(answer, _Failure):
        error = answer.kind.__new__(answer.kind, str(answer.state["message"]))
        vars(error).update(answer.state)
        error.add_note(f"In the worker process:\n{answer.trace}")
        raise error
    assert isinstance(answer, list)
    return answer


def _again(job: Job, k: int, order_id: int) -> Result:
    """Run one of a job's trials again and trace an order."""
    config = replace(job.config or BacktestConfig(), trace_order=order_id)
    return run_backtest(job.strategies[k], job.streams, config)


def _compile_first(jobs: Sequence[Job]) -> None:
    """Compile here what workers would otherwise compile all at once."""
    warm_up()
    compiled = [job for job in jobs if job.config is not None and job.config.compiled]
    for owner in dict.fromkeys(type(s) for job in compiled for s in job.strategies):
        compile_strategy(owner)
