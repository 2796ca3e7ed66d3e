"""What can be had from ``crossbook`` itself, and the module each name lives in."""

from __future__ import annotations

from typing import Final

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
        "experiments.lookahead": ("prove",),
        "experiments.golden": ("check", "accept", "read_golden_set"),
        "experiments.report": ("report",),
    }.items()
    for name in names
}
"""By name, the module."""
