"""Cost analysis of runs and of a desk's own trading: where it is read, shown and written."""

from experiments.tca.opening import Analysed, analyse_desk, analyse_run, find_run
from experiments.tca.page import write_cost_report
from experiments.tca.written import metrics, write_tables

__all__ = [
    "Analysed",
    "analyse_desk",
    "analyse_run",
    "find_run",
    "metrics",
    "write_cost_report",
    "write_tables",
]
