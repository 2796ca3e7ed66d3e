"""A result shown at a notebook's prompt."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.unit.made_result import BETA, make_result


def test_the_text_shows_the_strategy_its_parameters_and_the_figures() -> None:
    result = make_result()
    summary = result.summary()
    lines = repr(result).splitlines()
    given = ", ".join(f"{name}={value}" for name, value in result.parameters.items())
    assert lines[0] == f"{result.strategy}({given})"
    shown = dict(line.split(maxsplit=1) for line in lines[1:])
    assert shown["fills"] == str(summary["fills"])
    assert shown["pnl"] == f"{summary['pnl']:,.6g}"
    assert shown["currency"] == "USD"
    assert "pnl_by_currency" not in shown


def test_money_of_two_currencies_is_shown_apart() -> None:
    result = make_result()
    mixed = replace(result, instruments=(result.instruments[0], replace(BETA, currency="EUR")))
    shown = dict(line.split(maxsplit=1) for line in repr(mixed).splitlines()[1:])
    assert "currency" not in shown
    assert re.fullmatch(r"USD \S+, EUR \S+", shown["pnl_by_currency"])


def test_html_has_a_row_for_each_line_of_the_text_and_escapes_names() -> None:
    result = replace(make_result(), strategy="A<b>")
    page = result._repr_html_()
    assert page.count("<tr>") == len(repr(result).splitlines()) - 1
    assert "A&lt;b&gt;(" in page
    assert "<b>" not in page
