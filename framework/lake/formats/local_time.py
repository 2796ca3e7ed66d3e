"""Local wall-clock times of a venue as UTC nanoseconds."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import available_timezones

import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError

_OFFSET: Final = re.compile(r"^([+-])(\d{2}):?(\d{2})$")


def check_time_zone(time_zone: str) -> str:
    """Return a usable time zone name or offset.

    Raises
    ------
    DataError
        Where it is neither an IANA name nor an offset such as ``"-05:00"``.
    """
    if _OFFSET.match(time_zone) is None and time_zone not in available_timezones():
        raise DataError(
            f'a time zone is an IANA name or an offset such as "-05:00", got {time_zone!r}',
            remedy='write for example "-05:00", "UTC" or "America/New_York" in the catalog',
        )
    return time_zone


def utc_ns(local_ns: pl.Expr, time_zone: str) -> pl.Expr:
    """Convert wall-clock nanoseconds (int64, as if the local clock were UTC) to UTC.

    A time that the zone's clock change skips, or shows twice, has no single answer and is null.

    >>> frame = pl.DataFrame({"local_ns": [18_000_000_000_000]})
    >>> frame.select(utc_ns(pl.col("local_ns"), "+05:00"))["local_ns"].to_list()
    [0]
    """
    check_time_zone(time_zone)
    if offset := _OFFSET.match(time_zone):
        seconds = int(offset[2]) * 3600 + int(offset[3]) * 60
        sign = -1 if offset[1] == "-" else 1
        return local_ns - sign * seconds * NS_PER_S
    return (
        local_ns.cast(pl.Datetime("ns"))
        .dt.replace_time_zone(time_zone, ambiguous="null", non_existent="null")
        .dt.convert_time_zone("UTC")
        .cast(pl.Int64)
    )
