"""Crossbook at a prompt: everything a notebook needs, imported when it is first used.

>>> import crossbook as cb
>>> cb.Strategy.__name__
'Strategy'

``%load_ext crossbook`` adds ``%%backtest`` and shows journals in words.
"""

from crossbook.lazy import PLACES, __dir__, __getattr__, load_ipython_extension

__all__ = [*PLACES, "__dir__", "__getattr__", "load_ipython_extension"]
