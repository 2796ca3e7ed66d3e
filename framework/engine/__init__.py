"""The engine: run strategies over a market and account for what they did."""

from framework.engine.backtest import run_backtest, run_trials
from framework.engine.config import BacktestConfig
from framework.engine.pruning import Prune
from framework.engine.result import Result
from framework.engine.run import StrategyFailedError

__all__ = [
    "BacktestConfig",
    "Prune",
    "Result",
    "StrategyFailedError",
    "run_backtest",
    "run_trials",
]
