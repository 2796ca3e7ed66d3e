"""LOBSTER's orderbook files: the visible levels after every message, best level first.

A row is ``ask price, ask size, bid price, bid size`` per level, prices in 1e-4 dollars. A level
that does not exist has size 0 and the price −9999999999 (bid) or 9999999999 (ask).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.lake.formats import fields
from framework.lake.formats.lines import open_text, source_name, zip_members

NO_LEVEL_PX_E4: Final = 9_999_999_999
"""LOBSTER's price of an empty level; negative on the bid side."""

_MEMBER: Final = re.compile(
    r"(?P<symbol>[^_/:]+)_(?P<date>\d{4}-\d{2}-\d{2})_(?P<start_ms>\d+)_(?P<end_ms>\d+)"
    r"_(?P<what>message|orderbook)_(?P<levels>\d+)\.csv$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LobsterName:
    """What the name of a LOBSTER file says.

    Parameters
    ----------
    symbol
        Ticker.
    date
        Trading day, ``YYYY-MM-DD``.
    levels
        Visible levels on each side.
    is_orderbook
        True for the orderbook file of the pair, False for the message file.
    """

    symbol: str
    date: str
    levels: int
    is_orderbook: bool


def lobster_name(source_file: str) -> LobsterName:
    """Read a file's name.

    Raises
    ------
    DataError
        Where the name is not LOBSTER's.
    """
    match = _MEMBER.search(source_file)
    if match is None:
        raise DataError(
            f"{source_file}: the name must be TICKER_YYYY-MM-DD_START_END_message_LEVELS.csv or "
            "…_orderbook_LEVELS.csv",
            remedy="restore LOBSTER's file names",
        )
    return LobsterName(
        symbol=match["symbol"],
        date=match["date"],
        levels=int(match["levels"]),
        is_orderbook=match["what"] == "orderbook",
    )


def orderbook_member(message_member: str) -> str:
    """Name the orderbook file that belongs to a message file."""
    head, _, tail = message_member.rpartition("_message_")
    return f"{head}_orderbook_{tail}"


def lobster_pairs(path: Path) -> list[tuple[str, str]]:
    """List the ``(message, orderbook)`` files inside a zip, one pair per ticker and day.

    Raises
    ------
    DataError
        Where there is no pair, or one of a pair is missing.
    """
    members = [name for name in zip_members(path, ".csv") if _MEMBER.search(name)]
    messages = [name for name in members if not lobster_name(name).is_orderbook]
    expected = {orderbook_member(name) for name in messages}
    unpaired = sorted(expected ^ (set(members) - set(messages)))
    if not messages or unpaired:
        found = f"{unpaired[0]} alone or missing" if unpaired else "no message file"
        raise DataError(
            f"{path}: message and orderbook files must stand inside in pairs, found {found}",
            remedy="give the zip as LOBSTER delivers it",
        )
    return [(name, orderbook_member(name)) for name in messages]


def level_columns(levels: int) -> list[str]:
    """Name an orderbook row's fields, in the file's order."""
    return [
        f"{side}_{what}_{level}"
        for level in range(1, levels + 1)
        for side in ("ask", "bid")
        for what in ("px_e4", "shares")
    ]


def read_orderbook(path: Path, member: str = "") -> pl.DataFrame:
    """Read the visible book after every message.

    Parameters
    ----------
    path
        LOBSTER's zip.
    member
        The orderbook file inside; may be omitted where there is only one.

    Returns
    -------
    frame, shape (n_messages, 1 + 4 · n_levels)
        ``sequence`` (the message's number, from 1), then per level from the best
        ``ask_px_e4_1, ask_shares_1, bid_px_e4_1, bid_shares_1, ask_px_e4_2, …`` as int64: prices
        in 1e-4 dollars, null where the side has no such level (its size is 0).

    Raises
    ------
    DataError
        Where the file is unreadable or a row is not made of whole numbers.
    """
    books = [book for _, book in lobster_pairs(path)]
    if not member and len(books) > 1:
        raise DataError(
            f"{path}: holds {len(books)} orderbook files, one must be chosen",
            remedy=f"pass member, e.g. {books[0]!r}",
        )
    member = member or books[0]
    source_file = source_name(path, member)
    with open_text(path, member) as lines:
        payload = pl.Series("payload", list(lines), pl.String).str.strip_chars("\r\n")
    rows = payload.to_frame().select(
        source_file=pl.lit(source_file),
        source_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        payload="payload",
    )
    names = level_columns(lobster_name(member).levels)
    good, rejects = fields.partition(
        fields.split_fields(rows.filter(pl.col("payload") != ""), names), orderbook_checks(names)
    )
    if rejects.height:
        raise DataError(
            f"{source_file}, row {rejects['source_row'][0]}: {rejects['reason'][0]}",
            remedy="fetch the file again",
        )
    prices = [name for name in names if "_px_e4_" in name]
    return good.select(
        pl.col("source_row").alias("sequence"), *(fields.integer(name) for name in names)
    ).with_columns(
        pl.when(pl.col(name).abs() != NO_LEVEL_PX_E4).then(pl.col(name)).alias(name)
        for name in prices
    )


def orderbook_checks(names: list[str]) -> list[fields.Check]:
    """Check that every field of an orderbook row is a whole number."""
    wrong = pl.any_horizontal(fields.integer(name).is_null() for name in names)
    return [(wrong, "every price and size of an orderbook row must be a whole number")]
