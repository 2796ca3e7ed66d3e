"""A signal whose values are in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from framework.core.events import F64Array, I64Array
from framework.signals.base import Signal, SignalRows, check_rows, in_force


class HeldSignal(Signal):
    """A signal held in memory.

    Parameters
    ----------
    name
        What strategies ask for.
    available_ns, valid_ns, value
        Shape ``(n_rows,)``, by `available_ns`. `valid_ns` is `available_ns` where left out.
    states
        Names of its states where the values are places among them.

    Raises
    ------
    DataError
        Where a value would be available before it is valid, or is none of the states.

    Examples
    --------
    >>> calm = HeldSignal("regime", [10, 30], value=[0, 1], states=("normal", "crisis"))
    >>> next(calm.blocks(0)).value.tolist()
    [0.0, 1.0]
    """

    def __init__(
        self,
        name: str,
        available_ns: Sequence[int] | I64Array,
        valid_ns: Sequence[int] | I64Array | None = None,
        value: Sequence[float] | F64Array = (),
        states: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.states = tuple(states)
        self._rows = SignalRows(
            np.array(available_ns, np.int64),
            np.array(available_ns if valid_ns is None else valid_ns, np.int64),
            np.array(value, np.float64),
        )
        check_rows(self._rows, name, self.states)

    def blocks(self, from_ns: int) -> Iterator[SignalRows]:
        """Yield all rows that ever count."""
        yield in_force(self._rows, np.iinfo(np.int64).min)
