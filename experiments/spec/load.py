"""Read a run spec, apply overrides, and lay out the runs it asks for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml
from pydantic import TypeAdapter

from experiments.spec import Spec
from experiments.spec.strategy_class import strategy_class
from framework.catalog import Document, did_you_mean, mistakes_error, read_document, validate
from framework.catalog import read_value as yaml_value
from framework.core.clock import duration_ns
from framework.core.errors import CrossbookError, SpecError
from framework.strategy.base import Strategy

MAX_RUNS: Final = 200
"""Combinations one spec may ask for; a search over more belongs to a sweep."""

_SPEC: Final = TypeAdapter(Spec)
_NOT_VARIED: Final = frozenset(
    {"name", "data", "vary", "tracking", "report", "episodes", "start", "costs", "sweep"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run of a spec.

    Parameters
    ----------
    varied
        What was set for this run, ``{path: value as written}``; empty where nothing is varied.
    spec
        The checked spec.
    strategy
        A fresh strategy with its parameters.
    settings
        The spec as flat ``path: value`` pairs, for comparing runs.
    text
        This run alone as YAML: what was varied is set, what was to be searched is left out.
    """

    varied: dict[str, str]
    spec: Spec
    strategy: Strategy
    settings: dict[str, str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A spec and its runs.

    Parameters
    ----------
    spec
        The spec without what it varies.
    text
        The spec as YAML, overrides applied.
    runs
        At least one; more where the spec varies something.
    """

    spec: Spec
    text: str
    runs: tuple[PlannedRun, ...]


def load_plan(path: Path, overrides: Iterable[str] = ()) -> Plan:
    """Read a spec and check every run it asks for, before any of them starts.

    Parameters
    ----------
    path
        YAML file.
    overrides
        ``path=value`` each, e.g. ``"parameters.edge_bps=2"``; the value is YAML.

    Raises
    ------
    SpecError
        Naming file and line of each mistake.
    """
    document = read_document(path, error=SpecError, exact_decimals=True)
    if not isinstance(document.data, dict):
        raise SpecError(
            f"{path}:1: a spec must be a mapping, found {type(document.data).__name__}",
            remedy="begin with the line 'name: my_run'",
        )
    changes = dict(_override(text) for text in overrides)
    changed = _with(document, changes)
    spec = validate(changed, _SPEC, error=SpecError)
    combinations = _combinations(changed, spec)
    folders = (Path.cwd(), path.resolve().parent)
    runs = tuple(_planned(changed, values, folders) for values in combinations)
    text = path.read_text(encoding="utf-8")
    if changes:
        text = as_yaml(changed.data)
    return Plan(spec=spec, text=text, runs=runs)


def _override(text: str) -> tuple[str, object]:
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise SpecError(
            f"an override must be path=value, got {text!r}",
            remedy="write for example --set parameters.edge_bps=2",
        )
    return path.strip(), yaml_value(value, error=SpecError)


def _with(document: Document, changes: Mapping[str, object], line: int | None = None) -> Document:
    """Return the document with values set at dotted paths, which count as written on `line`."""
    data = deepcopy(document.data)
    lines = dict(document.lines)
    for path, value in changes.items():
        parts = [int(p) if p.isdigit() else p for p in path.split(".")]
        node = data
        for depth, part in enumerate(parts):
            place = tuple(parts[: depth + 1])
            last = depth == len(parts) - 1
            node = _step(document, node, part, path, value if last else None, last)
            lines[place] = line or document.line(place)
    return replace(document, data=data, lines=lines)


def _step(
    document: Document, node: object, part: str | int, path: str, value: object, last: bool
) -> object:
    if isinstance(node, list) and isinstance(part, int) and part < len(node):
        if last:
            node[part] = value
        return node[part]
    if isinstance(node, dict):
        key = str(part)
        if last:
            node[key] = value
        elif node.get(key) is None:
            node[key] = {}
        return node[key]
    raise SpecError(
        f"{document.path}: {path} cannot be set, {part!r} has nothing to stand in",
        remedy="name a path of the spec such as parameters.edge_bps or data.0.version",
    )


def _combinations(document: Document, spec: Spec) -> list[dict[str, object]]:
    for path, values in spec.vary.items():
        problem = ""
        if path.split(".")[0] in _NOT_VARIED:
            problem = f"{path.split('.')[0]} cannot be varied"
        elif not values:
            problem = "a varied path needs at least one value"
        if problem:
            place = ("vary", path)
            remedy = "vary parameters, latency, fees, queue, exchange, risk or seed"
            raise mistakes_error(document, [(place, problem, remedy)], error=SpecError)
    count = 1
    for values in spec.vary.values():
        count *= len(values)
    if count > MAX_RUNS:
        raise mistakes_error(
            document,
            [(("vary",), f"at most {MAX_RUNS} runs may be asked for, got {count}", "vary less")],
            error=SpecError,
        )
    rows = itertools.product(*spec.vary.values())
    return [dict(zip(spec.vary, row, strict=True)) for row in rows]


def _planned(
    document: Document, values: Mapping[str, object], folders: tuple[Path, ...]
) -> PlannedRun:
    line = document.line(("vary",)) if values else None
    for path in values:
        line = document.line(("vary", path))
    own = _with(document, values, line)
    spec = validate(own, _SPEC, error=SpecError)
    alone = {k: v for k, v in _mapping(own.data).items() if k not in ("vary", "sweep")}
    return PlannedRun(
        varied={path: _written(value) for path, value in values.items()},
        spec=spec,
        strategy=_strategy(own, spec, folders),
        settings=flat_settings({k: v for k, v in alone.items() if k != "name"}),
        text=as_yaml(alone),
    )


def _strategy(document: Document, spec: Spec, folders: tuple[Path, ...]) -> Strategy:
    try:
        made = strategy_class(spec.strategy, folders)
    except SpecError as error:
        raise mistakes_error(
            document, [(("strategy",), error.message, error.remedy)], error=SpecError
        ) from error
    parameters: dict[str, object] = {}
    mistakes: list[tuple[tuple[str | int, ...], str, str]] = []
    for name, value in spec.parameters.items():
        try:
            parameters[name] = _parameter(made, name, value)
        except CrossbookError as error:
            mistakes.append((("parameters", name), error.message, error.remedy))
    if mistakes:
        raise mistakes_error(document, mistakes, error=SpecError)
    try:
        return made(**parameters)
    except CrossbookError as error:
        raise mistakes_error(
            document, [(("parameters",), error.message, error.remedy)], error=SpecError
        ) from error


def _parameter(made: type[Strategy], name: str, value: object) -> object:
    declared = made.declared.get(name)
    if declared is None:
        raise SpecError(
            f"{made.__name__} has no such parameter", remedy=did_you_mean(name, list(made.declared))
        )
    if isinstance(value, str) and name.endswith("_ns"):
        value = duration_ns(value)
    if isinstance(value, Decimal):
        value = float(value)
    return declared.check(value, made.__name__)


def as_yaml(data: object) -> str:
    """Write what a spec's document holds as YAML that reads back as the same spec."""
    return yaml.safe_dump(_plain(data), sort_keys=False, allow_unicode=True)


def flat_settings(value: object, prefix: str = "") -> dict[str, str]:
    """Write a spec as flat ``path: value`` pairs.

    >>> flat_settings({"name": "x", "data": [{"table": "demo"}]})
    {'name': 'x', 'data.0.table': 'demo'}
    """
    items: Iterable[tuple[object, object]]
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        items = enumerate(value)
    else:
        return {prefix: _written(value)}
    flat: dict[str, str] = {}
    for key, item in items:
        flat |= flat_settings(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _plain(value: object) -> object:
    """Turn exact decimals into floats, which YAML can write."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _written(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict)
    return value
