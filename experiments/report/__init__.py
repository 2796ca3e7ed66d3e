"""One self-contained HTML report of a run."""

from experiments.report.content import DataVersion, ReportContent
from experiments.report.figures.vary import Variant
from experiments.report.html import write_report
from experiments.report.of_result import report

__all__ = ["DataVersion", "ReportContent", "Variant", "report", "write_report"]
