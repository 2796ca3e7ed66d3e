"""Crossbook at a prompt: everything a notebook needs, imported when it is first used.

>>> import crossbook as cb
>>> cb.Strategy.__name__
'Strategy'

``%load_ext crossbook`` adds ``%%backtest`` and shows journals in words.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from crossbook.names import PLACES

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [*PLACES, "load_ipython_extension"]


def __getattr__(name: str) -> object:
    """Import what is asked for from where it lives."""
    if name not in PLACES:
        raise AttributeError(f"module 'crossbook' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name everything, for completion."""
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add ``%%backtest`` to a notebook; called by ``%load_ext crossbook``."""
    from crossbook.notebook import install

    install(shell)
