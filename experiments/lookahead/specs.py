"""The proof for a spec: its strategy is imported anew in each world."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from experiments.lookahead.prove import POINTS, OnPoint, Proof, prove
from experiments.lookahead.tracing import is_own
from experiments.run import backtest_config
from experiments.sources import open_signals, open_sources, with_assumptions
from experiments.spec.load import load_plan
from framework.catalog import Catalog
from framework.core.errors import SpecError
from framework.lake.store import Lake
from framework.strategy import Strategy


def prove_spec(
    path: Path,
    lake: Lake,
    catalog: Catalog,
    *,
    overrides: Sequence[str] = (),
    points: int = POINTS,
    on_point: OnPoint | None = None,
) -> Proof:
    """Prove that a spec's strategy does not look ahead; see `prove`.

    What its modules compute as they are imported is computed anew in each world.

    Parameters
    ----------
    path
        The spec.
    lake, catalog
        Where its data lies.
    overrides
        ``path=value`` each.
    points, on_point
        As in `prove`.

    Raises
    ------
    SpecError
        Where the spec varies something itself, or there is nothing to prove.
    """
    path = path.resolve()
    with _modules_restored(path.parent) as forget:

        def load() -> Strategy:
            forget()
            return load_plan(path, overrides).runs[0].strategy

        plan = load_plan(path, overrides)
        if len(plan.runs) > 1:
            raise SpecError(
                f"{path.name}: a proof is of one run, the spec asks for {len(plan.runs)}",
                remedy="leave vary out of the spec, or write --set vary={} and what to set instead",
            )
        spec = plan.runs[0].spec
        streams = with_assumptions(open_sources(spec, lake, catalog), spec)
        config = backtest_config(spec, open_signals(spec, lake, catalog))
        return prove(load, streams, config, points=points, on_point=on_point)


@contextmanager
def _modules_restored(folder: Path) -> Iterator[Callable[[], None]]:
    """Yield what forgets the user's own modules; afterwards those of before stand again."""
    before = dict(sys.modules)
    homes = (str(folder), str(Path.cwd()))

    def is_users(module: ModuleType) -> bool:
        file = getattr(module, "__file__", None) or ""
        return bool(file) and is_own(file) and file.startswith(homes) and not _is_test(module)

    def forget() -> None:
        for name, module in list(sys.modules.items()):
            if is_users(module):
                del sys.modules[name]

    try:
        yield forget
    finally:
        for name, module in list(sys.modules.items()):
            if name not in before and is_users(module):
                del sys.modules[name]
        sys.modules.update(before)


def _is_test(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] in ("tests", "conftest", "__main__")
