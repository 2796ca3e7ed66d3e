"""Inference of tick and lot from data."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.catalog import infer_instrument
from framework.catalog.infer import decimal_step
from framework.core.errors import DataError


def test_infers_the_grid_and_says_so() -> None:
    prices = pl.Series([61837.63, 61837.64, None, 61830.1])
    volumes = pl.Series([0.00001, 3.78826, 0.0, 12.0])
    instrument = infer_instrument("venue", "ABC", prices, volumes)
    assert (instrument.tick, instrument.lot) == (Decimal("0.01"), Decimal("0.00001"))
    assert instrument.inferred
    assert instrument.name == "venue:ABC"


def test_quotes_without_sizes_have_lots_of_one() -> None:
    prices = np.array([1.38641, 1.38655])
    missing = np.array([np.nan, np.nan])
    instrument = infer_instrument("venue", "ABC", prices, missing)
    assert (instrument.tick, instrument.lot) == (Decimal("0.00001"), Decimal(1))


def test_steps_that_are_no_power_of_ten() -> None:
    assert decimal_step(np.arange(4000, 4040) * 0.25) == Decimal("0.25")
    assert decimal_step(np.arange(4000, 4040) * 0.5) == Decimal("0.5")
    assert decimal_step(np.arange(1, 40) * 100.0) == 100


def test_few_values_do_not_make_a_coarse_step() -> None:
    assert decimal_step(np.array([100.0])) == 1
    assert decimal_step(np.array([61837.62, 61837.64])) == Decimal("0.01")


def test_no_price_is_an_error() -> None:
    with pytest.raises(DataError, match="venue:ABC: a tick can only be inferred from prices"):
        infer_instrument("venue", "ABC", np.array([0.0, np.nan]), np.array([1.0]))


def test_values_that_are_no_decimals_are_an_error() -> None:
    with pytest.raises(DataError, match=r"got 0\.3333333333333333"):
        infer_instrument("venue", "ABC", np.array([0.5, 1 / 3]), np.array([1.0]))


@given(
    st.integers(0, 8),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=60),
)
def test_every_value_is_a_multiple_of_the_step(places: int, steps: list[int]) -> None:
    values = [float(Decimal(step).scaleb(-places)) for step in steps]
    found = decimal_step(np.array(values))
    assert found is not None
    assert all(Decimal(repr(value)) % found == 0 for value in values)
