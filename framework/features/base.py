"""What every streaming feature is: a few words of memory that a kernel updates.

The memory is one int64 array; what is a float in it is reached through a float64 view of the same
words. A feature in Python and a kernel of a compiled strategy therefore run the same machine code
over the same layout: give the strategy's kernel ``array_at(address, n_words, np.int64)``.
"""

from __future__ import annotations

import numpy as np

from framework.core.errors import SpecError
from framework.core.events import F64Array, I64Array


class Feature:
    """A feature with memory.

    Attributes
    ----------
    state
        Its memory, shape ``(n_words,)``; copying it copies the feature.
    """

    state: I64Array

    def __init__(self, n_words: int) -> None:
        self.state = np.zeros(n_words, np.int64)

    def _floats(self) -> F64Array:
        return self.state.view(np.float64)


def check_positive(name: str, value: float) -> None:
    """Refuse a setting that is not above zero.

    Raises
    ------
    SpecError
        Names the setting.
    """
    if not value > 0:
        raise SpecError(f"{name} must be above 0, got {value}", remedy=f"give a positive {name}")
