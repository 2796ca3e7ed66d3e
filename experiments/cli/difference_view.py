"""How a terminal shows where two journals part."""

from __future__ import annotations

from experiments.cli.output import Output
from experiments.golden import Difference

_SHOWN = ("time", "venue", "order", "event", "side", "price", "quantity", "leaves")
_MORE = ("queue_ahead", "fee_micro", "liquidity", "reason", "bid", "ask")


def show_difference(output: Output, difference: Difference) -> None:
    """Print the first differing event, its neighbours and the account around it."""
    _show_columns(output, difference)
    output.text(f"  {difference.event}")
    if difference.row is not None:
        _show_events(output, difference)
        _show_states(output, difference)


def _show_columns(output: Output, difference: Difference) -> None:
    if difference.added:
        output.text(f"  new columns: {', '.join(difference.added)}")
    if difference.dropped:
        output.text(f"  columns gone: {', '.join(difference.dropped)}")


def _show_events(output: Output, difference: Difference) -> None:
    names = [*_SHOWN, *(name for name in _MORE)]
    assert difference.row is not None
    first = difference.row - difference.before.height
    rows = [["", first + n, *row] for n, row in enumerate(difference.before.select(names).rows())]
    for side, events in (("baseline", difference.baseline), ("now", difference.now)):
        for n, row in enumerate(events.select(names).rows()):
            rows.append([side, difference.row + n, *row])
        if events.is_empty():
            rows.append([side, difference.row, "(ended)", *[None] * (len(names) - 1)])
    output.table(
        f"The first difference, in {', '.join(difference.columns)}", ["", "row", *names], rows
    )


def _show_states(output: Output, difference: Difference) -> None:
    sides = (
        ("before, on both", difference.state_before),
        ("after it, baseline", difference.state_baseline),
        ("after it, now", difference.state_now),
    )
    rows = [[label, *row] for label, state in sides for row in state.rows()]
    output.table(
        "The account around it (lots, fees in millionths of tick times lot)",
        ["", *difference.state_now.columns],
        rows,
    )
