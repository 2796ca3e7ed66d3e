"""A calibration as Markdown tables, as the documentation shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from research.queue.calibration import QueueCalibration

_COLUMNS: Final = {
    "bias, lots": ("bias_lots", "{:+.2f}"),
    "error, lots": ("mae_lots", "{:.2f}"),
    "error, of what was ahead": ("mae_share", "{:.1%}"),
    "bias per event, lots": ("event_bias_lots", "{:+.2f}"),
    "error per event, lots": ("event_mae_lots", "{:.2f}"),
    "at the front too early": ("early", "{:.1%}"),
    "too late": ("late", "{:.1%}"),
    "error of the time to the front, s": ("front_mae_s", "{:.2f}"),
}
_VERDICTS: Final = {
    "first": "the executed order was first",
    "anonymous_first": "an order from before the data was executed, and such stood first",
    "behind_anonymous": "quantity of unknown ids stood before it",
    "behind_orders": "other known orders stood before it",
    "unseen": "the executed order had joined unseen",
}


def as_markdown(calibration: QueueCalibration) -> str:
    """Write who stood first at executions, and every model's errors, as two tables."""
    rows = [
        [text, f"{calibration.verdicts()[name]:,}", _share(calibration, name)]
        for name, text in _VERDICTS.items()
    ]
    errors = [
        [row["model"], *(form.format(row[name]) for name, form in _COLUMNS.values())]
        for row in calibration.errors.to_dicts()
    ]
    return "\n\n".join(
        [
            _table(["visible executions", "", "share"], rows),
            _table(["model", *_COLUMNS], errors),
        ]
    )


def _share(calibration: QueueCalibration, verdict: str) -> str:
    total = calibration.executions.height
    return f"{calibration.verdicts()[verdict] / total:.2%}" if total else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in columns[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rule, *rows))
