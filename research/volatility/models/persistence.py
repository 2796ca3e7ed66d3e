"""Tomorrow as today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from framework.core.events import F64Array
from research.volatility.models.base import LocationModel, matrix


class Persistence(LocationModel):
    """The next bar as the latest: what any model must beat."""

    kind: ClassVar[str] = "persistence"

    def explain(self, table: pl.DataFrame) -> dict[str, float]:
        return {"log_rv": 1.0}

    def _learn(self, rows: pl.DataFrame) -> None:
        """Learn nothing."""

    def _location(self, table: pl.DataFrame) -> F64Array:
        return matrix(table, ["log_rv"])[:, 0]

    def _parameters(self) -> dict[str, float]:
        return {}

    def _take(self, parameters: Mapping[str, float]) -> None:
        """Take nothing."""
