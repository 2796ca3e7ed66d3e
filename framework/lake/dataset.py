"""The tables one dataset is made of, from raw rows to replay-ready events."""

from __future__ import annotations

import re
from dataclasses import dataclass

from framework.core.errors import DataError
from framework.lake.store import TableName

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset's table names.

    >>> str(Dataset("binance").silver("depth"))
    'silver/binance_depth'

    Raises
    ------
    DataError
        Where the name cannot be a folder's.
    """

    name: str

    def __post_init__(self) -> None:
        if _NAME.match(self.name) is None:
            raise DataError(
                f"a table's name is letters, digits, '_', '-' and '.', found {self.name!r}",
                remedy='pass a plain name such as "--table binance"',
            )

    @property
    def bronze(self) -> TableName:
        """Rows exactly as received."""
        return TableName("bronze", self.name)

    def silver(self, kind: str) -> TableName:
        """Typed rows of one kind: depth, quotes, trades or orders."""
        return TableName("silver", f"{self.name}_{kind}")

    @property
    def gold(self) -> TableName:
        """Replay-ready events."""
        return TableName("gold", self.name)

    @property
    def quarantine(self) -> TableName:
        """Rows that were refused, and why."""
        return TableName("quarantine", self.name)
