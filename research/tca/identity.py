"""Identities of cost analysis, asserted on every row while it runs."""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.core.errors import CrossbookError


class IdentityError(CrossbookError):
    """Two ways to count the same cost disagree."""


_REMEDY: Final = "look for executions that name another order's id, or repeat one of its own"


def assert_equal(
    frame: pl.DataFrame, one: pl.Expr, other: pl.Expr, what: str, *, remedy: str = _REMEDY
) -> int:
    """Check that two whole numbers agree in every row in which both are known.

    Returns
    -------
    int
        Rows checked.

    Raises
    ------
    IdentityError
        Naming the first row in which they do not.

    Examples
    --------
    >>> parts = pl.DataFrame({"order_id": ["a"], "whole": [5], "one": [2], "two": [3]})
    >>> assert_equal(parts, pl.col("whole"), pl.col("one") + pl.col("two"), "whole = one + two")
    1
    """
    compared = frame.select("order_id", __one=one, __other=other).drop_nulls(["__one", "__other"])
    wrong = compared.filter(pl.col("__one") != pl.col("__other"))
    if wrong.height:
        order_id, first, second = wrong.row(0)
        raise IdentityError(
            f"{what} must hold to the last tick, but of order {order_id} one side is {first} and "
            f"the other {second} ({wrong.height} of {compared.height} rows differ)",
            remedy=remedy,
        )
    return compared.height
