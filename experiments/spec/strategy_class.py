"""Find the strategy class a spec names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import linecache
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from framework.catalog import did_you_mean
from framework.core.errors import CrossbookError, SpecError
from framework.strategy.base import Strategy

_FORM: Final = 'write "module:Class" or "path/to/file.py:Class"'


def strategy_class(name: str, folders: tuple[Path, ...] = ()) -> type[Strategy]:
    """Import the class that ``"module:Class"`` or ``"path/to/file.py:Class"`` names.

    Parameters
    ----------
    name
        As written in the spec.
    folders
        Where a relative file path is looked for; modules are found from the first one too.

    Raises
    ------
    SpecError
        Where module, file or class do not exist, cannot be imported or are no strategy.
    """
    place, colon, wanted = name.rpartition(":")
    if not colon or not place or not wanted.isidentifier():
        raise SpecError(f"a strategy must be named module:Class, got {name!r}", remedy=_FORM)
    module = _file(place, folders) if place.endswith(".py") else _module(place, folders)
    found = getattr(module, wanted, None)
    if found is None:
        known = [key for key, value in vars(module).items() if _is_strategy(value)]
        hint = did_you_mean(wanted, known) or "define it there"
        raise SpecError(f"{place} has no class {wanted}", remedy=hint)
    if not _is_strategy(found):
        raise SpecError(
            f"{name} must be a class derived from framework.strategy.Strategy, it is not",
            remedy=f"derive it: class {wanted}(Strategy)",
        )
    strategy: type[Strategy] = found
    return strategy


def source_of(strategy: type[Strategy]) -> str:
    """Return the text of the file or notebook's cell the class stands in; empty without one."""
    try:
        return Path(inspect.getfile(strategy)).read_text(encoding="utf-8")
    except (OSError, TypeError):
        methods = (value for value in vars(strategy).values() if inspect.isfunction(value))
        cell = next((method.__code__.co_filename for method in methods), "")
        return "".join(linecache.getlines(cell))


def folder_of(strategy: type[Strategy]) -> Path | None:
    """Return the folder of the file the class stands in; None where there is none."""
    try:
        return Path(inspect.getfile(strategy)).resolve().parent
    except (OSError, TypeError):
        return None


def _is_strategy(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Strategy) and value is not Strategy


def _file(place: str, folders: tuple[Path, ...]) -> ModuleType:
    candidates = [folder / place for folder in folders] or [Path(place)]
    path = next((p for p in candidates if p.is_file()), None)
    if path is None:
        looked = ", ".join(str(p.parent) for p in candidates)
        raise SpecError(f"no file {place} in {looked}", remedy="correct the path")
    spec = importlib.util.spec_from_file_location(f"crossbook_file_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and inspect look their module up by name
    try:
        spec.loader.exec_module(module)
    except CrossbookError:
        raise
    except Exception as error:
        raise _broken(place, error) from error
    return module


def _module(place: str, folders: tuple[Path, ...]) -> ModuleType:
    home = str((folders or (Path.cwd(),))[0].resolve())
    if home not in sys.path:
        sys.path.append(home)  # a console script does not look in the working directory by itself
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if place != missing and not place.startswith(f"{missing}."):
            raise _broken(place, error) from error
        raise SpecError(f"there is no module {place}", remedy=_near(place)) from error
    except CrossbookError:
        raise
    except Exception as error:
        raise _broken(place, error) from error


def _near(place: str) -> str:
    package = place.rpartition(".")[0] or "strategies"
    try:
        folder = importlib.import_module(package).__path__
    except (ImportError, AttributeError):
        return _FORM
    known = [f"{package}.{module.name}" for module in pkgutil.iter_modules(folder)]
    return did_you_mean(place, known) or _FORM


def _broken(place: str, error: Exception) -> SpecError:
    return SpecError(
        f"{place} cannot be imported: {type(error).__name__}: {error}",
        remedy="correct the file; python -c 'import …' shows the whole trace",
    )
