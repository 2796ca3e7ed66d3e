"""See that Optuna is there before anything of a sweep is imported."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from framework.core.errors import CrossbookError

if find_spec("optuna") is None:
    raise CrossbookError(
        "a sweep needs Optuna, which is not installed", remedy="pip install 'crossbook[ml]'"
    )

from optuna import __version__

OPTUNA_VERSION: Final = __version__
"""Version of Optuna: another one may propose other parameters for the same seed."""
