"""Find the line from which two runs of one strategy go different ways."""

from __future__ import annotations

import dis
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import numpy as np
import polars as pl
from deltalake import DeltaTable

import experiments
import framework
import research
from framework.strategy import Context

_SCALARS: Final = (int, float, str, bool, bytes, type(None), np.generic)
_LONGEST: Final = 64
_OURS: Final = tuple(str(Path(str(m.__file__)).parent) for m in (framework, experiments, research))
_LIBRARIES: Final = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib")
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line about to be executed, or a function about to return.

    Attributes
    ----------
    file, line
        The line whose work the values show: the one executed last in this function.
    path
        File and number of the line that comes next.
    values
        Plain values of all local names and of the strategy's own notes.
    data
        Digests of tables and arrays among them.
    code, names
        The function's code, and what its global names stand for.
    """

    file: str
    line: int
    path: tuple[str, int]
    values: Mapping[str, object]
    data: Mapping[str, object]
    code: CodeType
    names: Mapping[str, object] = field(repr=False)

    @property
    def digest(self) -> int:
        """Two steps with one digest are taken to be the same."""
        file, line = self.path
        return hash((Path(file).name, line, repr(sorted(self.values.items()))))

    @property
    def data_digest(self) -> int:
        """As `digest`, of the tables and arrays."""
        return hash(repr(sorted(self.data.items())))

    def globals_read(self) -> list[str]:
        """Global names that the line reads and that hold data, not code."""
        read = {
            str(i.argval)
            for i in dis.get_instructions(self.code)
            if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")
            and i.positions is not None
            and i.positions.lineno == self.line
        }
        return sorted(name for name in read if is_data(self.names.get(name)))


OnStep = Callable[[int, Step], None]


class Tracer:
    """Calls back for every step that the strategy's own code takes.

    Parameters
    ----------
    on_step
        Called with the step's number and the step.
    """

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._count = 0
        self._lines: dict[int, int] = {}
        self._digests: dict[int, tuple[object, object]] = {}

    def __call__(self, handler: Callable[[], None]) -> None:
        """Call a handler and trace it."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            handler()
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        if not is_own(frame.f_code.co_filename):
            if frame.f_back is not None and is_own(frame.f_back.f_code.co_filename):
                self._call(frame, frame.f_back)
            return None
        self._lines[id(frame)] = frame.f_lineno
        return self._step

    def _call(self, frame: FrameType, caller: FrameType) -> None:
        """Take what own code hands to others, such as an order's price, for a step."""
        handed = frame.f_locals
        step = Step(
            caller.f_code.co_filename,
            caller.f_lineno,
            (caller.f_code.co_filename, caller.f_lineno),
            {
                f"{name} of {frame.f_code.co_name}": _plain(value)
                for name, value in handed.items()
                if _is_plain(value)
            },
            {},
            caller.f_code,
            caller.f_globals,
        )
        self._on_step(self._count, step)
        self._count += 1

    def _step(self, frame: FrameType, event: str, argument: object) -> Any:
        if event not in ("line", "return"):
            return self._step
        local = {name: value for name, value in frame.f_locals.items() if name != "self"}
        if "self" in frame.f_locals:
            own = getattr(frame.f_locals["self"], "__dict__", {})
            local |= {f"self.{name}": value for name, value in own.items()}
        if event == "return":
            local["what it returns"] = argument
        step = Step(
            frame.f_code.co_filename,
            self._lines[id(frame)],
            (frame.f_code.co_filename, frame.f_lineno if event == "line" else 0),
            {name: _plain(value) for name, value in local.items() if _is_plain(value)},
            {name: self._digest(value) for name, value in local.items() if is_data(value)},
            frame.f_code,
            frame.f_globals,
        )
        self._lines[id(frame)] = frame.f_lineno
        self._on_step(self._count, step)
        self._count += 1
        return self._step

    def _digest(self, value: object) -> object:
        known = self._digests.get(id(value))
        if known is None or known[0] is not value:
            known = self._digests[id(value)] = (value, data_digest(value))
        return known[1]


def is_own(file: str) -> bool:
    """Tell whether a file is the strategy's own, not the framework's or a library's."""
    if file.startswith("<"):
        return False
    return not file.startswith((*_OURS, *_LIBRARIES))


def is_data(value: object) -> bool:
    """Tell whether a value holds data: a table, an array, a long list."""
    if isinstance(value, list | tuple | dict | set):
        return len(value) > _LONGEST
    name = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
    return isinstance(value, np.ndarray) or name in _DATA


_DATA: Final = frozenset(
    f"{module}.{kind}"
    for module, kinds in {
        "polars": ("DataFrame", "Series", "LazyFrame"),
        "pandas": ("DataFrame", "Series"),
        "pyarrow": ("Table", "RecordBatch", "ChunkedArray"),
        "deltalake": ("DeltaTable",),
    }.items()
    for kind in kinds
)


def _is_plain(value: object) -> bool:
    if isinstance(value, _SCALARS):
        return True
    if isinstance(value, list | tuple | set):
        return len(value) <= _LONGEST and all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return len(value) <= _LONGEST and all(_is_plain(item) for item in value.values())
    return False


def _plain(value: object) -> object:
    assert not isinstance(value, Context)
    return repr(value)


def data_digest(value: object) -> object:
    """Tell one table or array from another; of what is read later only its place is seen."""
    if isinstance(value, pl.DataFrame):
        return (value.shape, int(value.hash_rows().sum() or 0) if value.width else 0)
    if isinstance(value, pl.Series):
        return (value.len(), int(value.hash().sum() or 0))
    if isinstance(value, np.ndarray):
        return (value.shape, hash(value.tobytes()))
    if isinstance(value, pl.LazyFrame | DeltaTable):
        return id(value)  # another object may read another place
    return hash(repr(value)[:100_000])
