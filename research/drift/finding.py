"""What a test of drift found, and when it counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from framework.core.errors import SpecError

DRIFT_SCHEMA: Final = pl.Schema(
    {
        "test": pl.String,
        "of": pl.String,
        "was": pl.Float64,
        "now": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "effect": pl.Float64,
        "limit": pl.Float64,
        "p": pl.Float64,
        "p_adjusted": pl.Float64,
        "n": pl.Int64,
        "is_drift": pl.Boolean,
    }
)
"""One row a test. ``was`` is what it is held against, ``low`` and ``high`` the 95 % interval of
``now``; ``p_adjusted`` is Holm's over all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is too much; a finding counts where it is both beyond its limit and significant.

    Parameters
    ----------
    p
        Chance of one false alarm or more among all tests together.
    qlike
        QLIKE as a multiple of that in validation.
    bias
        Outcome over forecast as a multiple of that in validation, either way.
    coverage
        Share by which a 90 % interval may cover more or less than that.
    psi
        Population stability index of a feature.
    cost_bps
        Realised less expected cost, either way.

    Raises
    ------
    SpecError
        Where a limit makes no sense.
    """

    p: float = 0.01
    qlike: float = 1.25
    bias: float = 1.25
    coverage: float = 0.05
    psi: float = 0.25
    cost_bps: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.p < 1.0:
            raise SpecError(
                f"p must lie between 0 and 1, got {self.p:g}", remedy="give for example 0.01"
            )
        for name, least in (("qlike", 1.0), ("bias", 1.0), ("coverage", 0), ("psi", 0)):
            if not getattr(self, name) >= least:
                raise SpecError(
                    f"the limit of {name} must be {least:g} or more, got {getattr(self, name):g}",
                    remedy="see crossbook drift --help for what each limit means",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One test.

    Parameters
    ----------
    test, of
        Which test, of what.
    was, now, low, high
        As in `DRIFT_SCHEMA`.
    effect, limit
        How far it is off, and how far it may be.
    p
        Chance of an effect as large where nothing has changed; nan where it cannot be told.
    n
        Rows tested.
    """

    test: str
    of: str
    was: float
    now: float
    effect: float
    limit: float
    p: float
    n: int
    low: float = math.nan
    high: float = math.nan


def judge(findings: Sequence[Finding], level: float) -> pl.DataFrame:
    """Correct for the number of tests and tell which findings count, those first.

    Parameters
    ----------
    level
        Chance of one false alarm or more.

    Returns
    -------
    pl.DataFrame
        `DRIFT_SCHEMA`.

    References
    ----------
    Holm, S. (1979), "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
    Journal of Statistics 6(2).
    """
    from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

    known = [finding.p for finding in findings if not math.isnan(finding.p)]
    adjusted = iter(multipletests(known, method="holm")[1] if known else [])
    rows = []
    for one in findings:
        p_adjusted = math.nan if math.isnan(one.p) else float(next(adjusted))
        is_drift = one.effect > one.limit and p_adjusted < level
        rows.append(
            {name: getattr(one, name) for name in DRIFT_SCHEMA if hasattr(one, name)}
            | {"p_adjusted": p_adjusted, "is_drift": is_drift}
        )
    table = pl.DataFrame(rows, schema=DRIFT_SCHEMA).with_columns(pl.col(pl.Float64).fill_nan(None))
    order = {"qlike": 0, "bias": 1, "coverage": 2, "cost": 3}
    place = pl.col("test").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    beyond = pl.col("effect") / pl.col("limit")
    return table.sort(
        ~pl.col("is_drift"), place, beyond, descending=[False, False, True], nulls_last=True
    )
