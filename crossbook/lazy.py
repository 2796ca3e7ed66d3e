"""What can be had from ``crossbook`` itself; each name is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

PLACES: Final = {
    name: module
    for module, names in {
        "framework.strategy": (
            *("Strategy", "Context", "param", "memory", "per_book"),
            *("OnTimer", "OnTrade", "OnBest", "OnCross", "OnFill", "OnOrder"),
            *("JournalEvent", "OrderType", "TimeInForce", "NO_PRICE"),
        ),
        "framework.engine": ("run_backtest", "run_trials", "BacktestConfig", "Result", "Prune"),
        "framework.replay": ("open_streams", "hold_market", "book_at", "GoldStream", "Market"),
        "framework.synthetic": ("write_demo_market",),
        "framework.signals": ("HeldSignal", "StoredSignal"),
        "framework.core.errors": ("CrossbookError",),
        "framework.core.clock": ("duration_ns", "instant_ns", "format_ns"),
        "research.performance": ("performance", "profit_bars", "intervals"),
        "experiments.sweep": ("Study", "Objective", "Pruning"),
        "experiments.lookahead": ("prove",),
        "experiments.compare": ("compare", "open_runs", "write_comparison"),
        "experiments.golden": ("check", "accept", "read_golden_set"),
        "experiments.report": ("report",),
    }.items()
    for name in names
}
"""By name, the module."""


def __getattr__(name: str) -> object:
    """Import what is asked for from where it lives; a module's own hook, see PEP 562."""
    if name not in PLACES:
        raise AttributeError(f"module 'crossbook' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    """Name everything, for completion at a prompt."""
    return sorted(PLACES)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add ``%%backtest`` to a notebook; called by ``%load_ext crossbook``."""
    from crossbook.notebook import install

    install(shell)
