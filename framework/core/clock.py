"""Durations and instants in nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from framework.core.errors import SpecError

NS_PER_US: Final = 1_000
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
_UNIT_NS: Final = {
    "ns": 1,
    "us": NS_PER_US,
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86400 * NS_PER_S,
}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)\s*$")


def duration_ns(text: str | int) -> int:
    """Read a duration such as ``"100ms"``; an integer is nanoseconds already.

    >>> duration_ns("1.5ms")
    1500000

    Raises
    ------
    SpecError
        Where the text is not a number and a unit.
    """
    if isinstance(text, int):
        return text
    match = _DURATION.match(text)
    if match is None:
        raise SpecError(
            f"a duration is a number and one of {', '.join(_UNIT_NS)}, got {text!r}",
            remedy='write for example "100ms"',
        )
    whole, _, fraction = match[1].partition(".")
    unit = _UNIT_NS[match[2]]
    return int(whole) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def instant_ns(text: str | int) -> int:
    """Read an ISO 8601 instant (UTC where it names no zone) as nanoseconds since the epoch.

    >>> instant_ns("1970-01-01T00:00:01.000000001")
    1000000001
    """
    if isinstance(text, int):
        return text
    head, dot, tail = text.strip().partition(".")
    digits = re.match(r"\d*", tail)
    fraction = digits[0] if digits else ""
    zone = tail[len(fraction) :] if dot else ""
    try:
        moment = datetime.fromisoformat(head + zone)
    except ValueError as error:
        raise SpecError(
            f"an instant is an ISO 8601 date or time, got {text!r}",
            remedy='write for example "2014-05-01T07:00"',
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86400 + whole.seconds) * NS_PER_S + int(fraction[:9].ljust(9, "0") or 0)


def format_ns(ts_ns: int) -> str:
    """Write an instant with all nine decimals, in UTC.

    >>> format_ns(1000000001)
    '1970-01-01T00:00:01.000000001Z'
    """
    seconds, fraction = divmod(int(ts_ns), NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
