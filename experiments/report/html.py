"""Write a report as one HTML file that needs no network."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from experiments.report.content import ReportContent
from experiments.report.figures import with_notional
from experiments.report.sections import Section, sections
from experiments.report.text import money, number
from framework.core.errors import CrossbookError
from framework.engine.result import Result
from research.performance import account, max_drawdown


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One headline figure: what it is, how much, and a remark; `tone` colours it."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


def write_report(content: ReportContent, path: Path) -> Path:
    """Write the report to `path`, making its folder.

    Raises
    ------
    CrossbookError
        Where the file cannot be written.
    """
    page = render_page(
        "report.html", content.title, _tiles(content), sections(content), content=content
    )
    return write_page(page, path)


def write_page(text: str, path: Path) -> Path:
    """Write a page to `path`, making its folder; raises `CrossbookError` where it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CrossbookError(
            f"the report cannot be written to {path}: {error.strerror}",
            remedy="choose a writable folder with --out",
        ) from error
    return path


def render_page(
    template: str, title: str, tiles: Sequence[Tile], chapters: Sequence[Section], **header: object
) -> str:
    """Fill in a page that extends ``base.html``: its figures and tables need no network.

    Parameters
    ----------
    template
        File in the folder ``page``.
    title, tiles, chapters
        Name of the page, headline figures, and sections in reading order.
    header
        What the template's own header asks for.
    """
    environment = Environment(
        loader=PackageLoader("experiments.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = ",".join(f.to_json() for chapter in chapters for f in chapter.figures)
    return environment.get_template(template).render(
        title=title,
        tiles=tiles,
        sections=chapters,
        # "</" would end the script element; JSON reads "<\/" as the same text
        figures=Markup("[" + figures.replace("</", "<\\/") + "]"),
        plotly=Markup(_compressed_plotly()),
        style=Markup(_page_file("report.css")),
        script=Markup(_page_file("report.js")),
        **header,
    )


def _tiles(content: ReportContent) -> list[Tile]:
    result = content.result
    summary = result.summary()
    fills, makers = int(str(summary["fills"])), int(str(summary["maker_fills"]))
    share = f"{makers / fills:.0%} passive" if fills else "none"
    rate = result.events / result.seconds if result.seconds else 0.0
    return [
        *_money_tiles(summary),
        *_cost_tiles(result, summary),
        *_turnover_tiles(result, summary),
        Tile(label="Fills", value=number(fills), note=share),
        Tile(
            label="Orders",
            value=number(summary["orders"]),
            note=f"{number(summary['rejected'])} rejected",
        ),
        Tile(
            label="Fill ratio",
            value=f"{float(str(summary['fill_ratio'])):.1%}",
            note="orders filled at least in part",
        ),
        Tile(
            label="Market events",
            value=number(result.events),
            note=f"{number(rate / 1e6, 2)} M/s",
        ),
    ]


def _money_tiles(summary: dict[str, object]) -> list[Tile]:
    by_currency = summary["pnl_by_currency"]
    assert isinstance(by_currency, dict)
    tiles = []
    for currency, net in by_currency.items():
        tone = "good" if net > 0 else "bad" if net < 0 else ""
        note = currency
        if summary["gross_pnl"] is not None:
            note = f"{currency} · gross {money(summary['gross_pnl'])}".lstrip(" ·")
        tiles.append(Tile(label="Net profit", value=money(net), note=note, tone=tone))
    return tiles


def _cost_tiles(result: Result, summary: dict[str, object]) -> list[Tile]:
    currency = summary["currency"]
    if currency is None:
        return [Tile(label="Fees", value="mixed", note="see the table of costs")]
    fall = max_drawdown(account(result, str(currency))["net_pnl"].fill_null(0.0).to_numpy())
    carry = Tile(label="Funding and financing", value=money(summary["carry"]), note=str(currency))
    return [
        Tile(label="Fees", value=money(summary["fees"]), note=str(currency)),
        *([carry] if summary["carry"] else []),
        Tile(label="Max drawdown", value=money(fall), note=f"{currency}, net".lstrip(", ")),
    ]


def _turnover_tiles(result: Result, summary: dict[str, object]) -> list[Tile]:
    if summary["currency"] is None:
        return []
    traded = float(with_notional(result)["notional"].sum())
    net = float(str(summary["pnl"]))
    note = f"{number(net / traded * 10_000, 3)} bps of it kept" if traded else "nothing traded"
    return [Tile(label="Turnover", value=money(traded), note=note)]


@cache
def _compressed_plotly() -> str:
    # 4.8 MB as text, 2 MB this way; the page unpacks it with the browser's own gzip.
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _page_file(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")
