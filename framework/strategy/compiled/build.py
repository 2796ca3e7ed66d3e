"""Compile a strategy class: translate it, build its record, and make the loop call it directly."""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np

from framework._jit import CACHE_DIR, CompilationError
from framework.core.errors import StrategyError
from framework.strategy.actions import ACTIONS, MODULES
from framework.strategy.base import HANDLERS, WAKE_KINDS, Strategy
from framework.strategy.compiled.remembering import address_field, length_field
from framework.strategy.compiled.translate import (
    ALLOWED_CALLS,
    Source,
    Translator,
    function_name,
    read_source,
)
from framework.venue.records import WakeKind

_ARGUMENTS: Final = {
    WakeKind.TIMER: (),
    WakeKind.TRADE: ("WAKE_A",),
    WakeKind.BEST: ("WAKE_A",),
    WakeKind.CROSS: ("WAKE_A", "WAKE_B"),
    WakeKind.FILL: ("WAKE_A", "WAKE_B", "WAKE_C"),
    WakeKind.ORDER: ("WAKE_A", "WAKE_B"),
    WakeKind.WALL: ("WAKE_A", "WAKE_B", "WAKE_C"),
    WakeKind.ICEBERG: ("WAKE_A", "WAKE_B", "WAKE_C"),
}
# Eight bytes each, so that the record has no padding.
_DTYPES: Final = {int: np.int64, float: np.float64, bool: np.int64}


@dataclass(frozen=True, slots=True)
class CompiledStrategy:
    """A compiled class, ready to be run for any of its instances.

    Attributes
    ----------
    dtype
        Record of parameters, notes, and where the strategy's arrays and features stand.
    address
        Machine code of the wake-up function: ``wake(world, record)``, both as addresses.
    """

    dtype: np.dtype
    address: int

    def record(self, strategy: Strategy) -> np.ndarray:
        """Copy an instance's parameters and notes into a record, shape ``(1,)``.

        Arrays and features stay where they are: they must live as long as the record is used.
        """
        record = np.zeros(1, self.dtype)
        places: dict[str, int] = {}
        for name in strategy.remembered:
            made = strategy.made(name)
            places[address_field(name)] = made.block.ctypes.data
            places[length_field(name)] = made.n
        for name in self.dtype.names or ():
            record[name] = places[name] if name in places else getattr(strategy, name)
        return record


_STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")
_PLACE: Final = re.compile(r'strategy_[0-9a-f]+\.py", line (\d+)|strategy_[0-9a-f]+\.py \((\d+)\)')
_built: dict[str, CompiledStrategy] = {}


def compile_strategy(owner: type[Strategy]) -> CompiledStrategy:
    """Compile a strategy class, or find it compiled already in memory or on disk.

    Raises
    ------
    StrategyError
        Where the class leaves the compiled subset: names the line and what to do instead.
    """
    source = read_source(owner, Strategy)
    dtype = _record_of(owner)
    module_text = _module_text(owner, source, dtype)
    key = hashlib.sha256((repr(dtype.descr) + module_text.told()).encode()).hexdigest()[:20]
    if key not in _built:
        try:
            module = _load(key, module_text.text, module_text.outside)
        except CompilationError as error:
            raise _explained(error, source, module_text.lines) from error
        _built[key] = CompiledStrategy(dtype, module.wake)
    return _built[key]


def _record_of(owner: type[Strategy]) -> np.dtype:
    """Fields of the record: parameters, and notes declared in the class body with a number."""
    fields: dict[str, type] = {name: _DTYPES[p.type] for name, p in owner.declared.items()}
    for part in reversed(owner.__mro__):
        if issubclass(part, Strategy) and part is not Strategy:
            for name, value in vars(part).items():
                if type(value) in _DTYPES and not name.startswith("__"):
                    fields.setdefault(name, _DTYPES[type(value)])
    for name in owner.remembered:
        fields[address_field(name)] = fields[length_field(name)] = np.int64
    return np.dtype(list(fields.items()))


@dataclass(frozen=True, slots=True)
class _Module:
    """The text of a module, where the lines of its functions come from, and what it uses beside.

    ``outside`` are modules, types and kernels by name.
    """

    text: str
    lines: dict[str, dict[int, int]]
    outside: dict[str, object]

    def told(self) -> str:
        """Everything that decides what it compiles to, but for kernels of the framework.

        Those have a folder for each of their versions; kernels of one's own do not.
        """
        kernels = [one.py_func for one in self.outside.values() if hasattr(one, "py_func")]
        own = [one for one in kernels if not one.__module__.startswith("framework.")]
        return "\n".join([self.text, *map(inspect.getsource, own)])


def _module_text(owner: type[Strategy], source: Source, dtype: np.dtype) -> _Module:
    """Write the module of a class."""
    kinds = [WAKE_KINDS[type(wake)] for wake in owner.wakes]
    if hasattr(owner, "on_timer") and WakeKind.TIMER not in kinds:
        kinds.append(WakeKind.TIMER)  # an alarm wakes it too
    wanted = [HANDLERS[kind] for kind in kinds]
    functions: dict[str, ast.FunctionDef] = {}
    outside: dict[str, object] = {}
    kernels: dict[str, Callable[..., object]] = {}
    fields = frozenset(dtype.names or ())
    while wanted:
        name = wanted.pop()
        if name in functions:
            continue
        translator = Translator(source, fields, frozenset(ACTIONS), owner.remembered)
        functions[name] = translator.translate(source.methods[name])
        wanted += sorted(translator.methods)
        _look_up(source, name, translator.globals, outside)
        kernels |= translator.memory.kernels
    numbers = {name: one for name, one in outside.items() if isinstance(one, (int, float))}
    order = _callees_first(functions)
    text = "from framework._jit import array_at, entry, kernel\n"
    text += "from framework.venue.world import W\n"
    text += "".join(f"from {module.__name__} import *\n" for module in MODULES)
    text += "from framework.strategy.compiled.places import memory_place\n"
    text += f"import numpy as np\n\nRECORD = np.dtype({dtype.descr!r})\n"
    # The values stand in the text so that another value is another module, never a stale one.
    text += "".join(f"{name} = {_written(value)}\n" for name, value in sorted(numbers.items()))
    lines: dict[str, dict[int, int]] = {}
    for name in order:
        text += "\n\n"
        start = text.count("\n")
        body = ast.unparse(functions[name])
        lines[function_name(name)] = _line_map(functions[name], body, start)
        text += body + "\n"
    others = {name: one for name, one in outside.items() if name not in numbers}
    return _Module(text + "\n\n" + _wake_text(kinds), lines, others | kernels)


def _callees_first(functions: Mapping[str, ast.FunctionDef]) -> list[str]:
    """Order the functions so that each stands after those it calls."""
    done: list[str] = []

    def place(name: str) -> None:
        if name in done:
            return
        for node in ast.walk(functions[name]):
            if isinstance(node, ast.Name) and node.id.startswith("method_"):
                callee = node.id.removeprefix("method_")
                if callee != name:
                    place(callee)
        done.append(name)

    for name in sorted(functions):
        place(name)
    return done


def _line_map(function: ast.FunctionDef, text: str, start: int) -> dict[int, int]:
    """Map lines of the written function to lines of the class, by walking both trees."""
    written = ast.parse(text)
    pairs = zip(ast.walk(function), ast.walk(written.body[0]), strict=False)
    return {
        start + new.lineno: old.lineno
        for old, new in pairs
        if hasattr(new, "lineno") and hasattr(old, "lineno")
    }


def _wake_text(kinds: list[WakeKind]) -> str:
    text = "@entry\ndef wake(world_address, record_address):\n"
    text += "    world = array_at(world_address, W.SIZE, np.int64)\n"
    text += "    me = array_at(record_address, 1, RECORD)[0]\n"
    text += "    kind = world[W.WAKE_KIND]\n"
    for kind in sorted(set(kinds)):
        arguments = "".join(f", world[W.{place}]" for place in _ARGUMENTS[kind])
        call = f"{function_name(HANDLERS[kind])}(world, me{arguments})"
        text += f"    if kind == {int(kind)}:\n        {call}\n"
    return text + "    return 0\n"


def _look_up(
    source: Source, method: str, needed: Mapping[str, int], outside: dict[str, object]
) -> None:
    """Note what a method means by names of its file; refuse what is no number, module or kernel."""
    known = source.known[method]
    for name, line in needed.items():
        value = known.get(name, getattr(builtins, name, None))
        is_number = isinstance(value, (int, float))
        if not (is_number or isinstance(value, (ModuleType, type)) or hasattr(value, "py_func")):
            raise source.error(
                line,
                f"use {name} from outside the class",
                f"use numbers, math functions, {', '.join(sorted(ALLOWED_CALLS))}, and methods "
                "of the class; or run it interpreted",
            )
        if outside.setdefault(name, value) is not value and outside[name] != value:
            raise source.error(
                line,
                f"mean {value!r} by {name}, which is {outside[name]!r} in a file it inherits from",
                "give one of them another name",
            )


def _written(value: int | float) -> str:
    if isinstance(value, float):
        return f"float({str(value)!r})"
    return repr(value if isinstance(value, bool) else int(value))  # an IntEnum shows its name


def _load(key: str, text: str, outside: dict[str, object]) -> ModuleType:
    """Write the module beside the kernels, where numba can cache it, and import it."""
    folder = CACHE_DIR / "strategies"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"strategy_{key}.py"
    if not path.exists():
        partial = path.with_suffix(f".{id(text)}.tmp")
        partial.write_text(text)
        partial.replace(path)
    name = f"crossbook_compiled_{key}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module).update(outside)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _explained(
    error: Exception, source: Source, lines: Mapping[str, Mapping[int, int]]
) -> StrategyError:
    """Turn numba's report into the line of the class and what to do."""
    told = _STYLE.sub("", str(error))
    for found in _PLACE.finditer(told):
        for mapped in lines.values():
            if _line(found) in mapped:
                return source.error(
                    mapped[_line(found)],
                    f"do this with these kinds of value: {_gist(told)}",
                    "keep every variable one kind, number or truth value, throughout the method, "
                    "or run it interpreted (compiled: false)",
                )
    return StrategyError(
        f"{source.file}: {source.name} could not be compiled: {_gist(told)}",
        remedy="run it interpreted (compiled: false), or simplify the handlers",
    )


def _line(found: re.Match[str]) -> int:
    return int(found[1] or found[2])


def _gist(told: str) -> str:
    """Pick the line of numba's report that says what is wrong."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    telling = ("Cannot unify", "No implementation", "Unknown attribute", "not defined")
    return next((line for line in lines if line.startswith(telling)), lines[0])
