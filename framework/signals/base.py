"""What a signal is: values with the instant from which each may be used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from framework.core.clock import format_ns
from framework.core.errors import DataError
from framework.core.events import F64Array, I64Array

BoolArray: TypeAlias = NDArray[np.bool_]


class SignalRows(NamedTuple):
    """Consecutive values of one signal, each of shape ``(n_rows,)``, by `available_ns`.

    Attributes
    ----------
    available_ns
        Our clock: nobody may use a value before.
    valid_ns
        From when on it was meant to hold.
    value
        A number, or the place of a state in the signal's `states`.
    """

    available_ns: I64Array
    valid_ns: I64Array
    value: F64Array

    def take(self, rows: slice | BoolArray) -> SignalRows:
        """Return some of the rows."""
        return SignalRows(self.available_ns[rows], self.valid_ns[rows], self.value[rows])


class Signal(ABC):
    """A step function of time that strategies may read as of now.

    A regime, a forecast of volatility or a score of news is a signal: somebody computed it, it was
    written somewhere, and word of it took its time. Of the values available the one that is valid
    from latest on counts, of those the one that became available last: a late revision of an
    older instant changes nothing.

    Attributes
    ----------
    name
        What strategies ask for.
    states
        Names of its states where it has any: the value ``2.0`` is the third of them.
    """

    name: str
    states: tuple[str, ...]

    @abstractmethod
    def blocks(self, from_ns: int) -> Iterator[SignalRows]:
        """Yield the rows in the order in which they become available.

        Parameters
        ----------
        from_ns
            Rows that are superseded at this instant already may be left out.
        """


def in_force(rows: SignalRows, latest_ns: int) -> SignalRows:
    """Keep the rows that ever count: those not older than what was available before them.

    Parameters
    ----------
    latest_ns
        Greatest `valid_ns` of the rows before these.

    >>> rows = SignalRows(np.array([5, 6, 7]), np.array([4, 2, 6]), np.array([1.0, 2.0, 3.0]))
    >>> in_force(rows, 0).value.tolist()
    [1.0, 3.0]
    """
    before = np.maximum.accumulate(np.concatenate([[latest_ns], rows.valid_ns]))[:-1]
    kept = rows.valid_ns >= before
    return rows.take(kept)


def check_rows(rows: SignalRows, name: str, states: tuple[str, ...]) -> None:
    """Refuse values that could be read too early, or not at all.

    Raises
    ------
    DataError
        Names the signal and the row.
    """
    sizes = {column.size for column in rows}
    if len(sizes) != 1:
        raise DataError(
            f"signal {name}: every row needs three values, got columns of {sorted(sizes)} rows",
            remedy="give available_ns, valid_ns and value the same length",
        )
    early = np.flatnonzero(rows.available_ns < rows.valid_ns)
    if early.size:
        row = int(early[0])
        raise DataError(
            f"signal {name}, row {row}: a value must not be available before it is valid, got "
            f"{format_ns(rows.available_ns[row])} before {format_ns(rows.valid_ns[row])}",
            remedy="a forecast is valid from the instant it is made, whatever it is about",
        )
    back = np.flatnonzero(np.diff(rows.available_ns) < 0)
    if back.size:
        raise DataError(
            f"signal {name}, row {int(back[0]) + 1}: rows must be in the order in which they "
            "became available",
            remedy="sort them by available_ns",
        )
    if not states:
        return
    value = rows.value
    wrong = np.flatnonzero(~(np.isin(value, np.arange(len(states)))))
    if wrong.size:
        raise DataError(
            f"signal {name}, row {int(wrong[0])}: a value must be one of its {len(states)} states, "
            f"got {value[wrong[0]]}",
            remedy=f"the states are: {', '.join(states)}",
        )
