"""All that is needed to repeat a run, as one JSON file beside it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import framework
from experiments.record.addresses import without_credentials
from experiments.record.code_state import CodeState, code_state
from experiments.record.machine import installed, machine
from experiments.report import DataVersion
from experiments.spec.strategy_class import folder_of, source_of
from framework.core.errors import DataError
from framework.engine.result import Result
from framework.strategy.base import Strategy

RECORD: Final = "record.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where runs come from: what all runs of one call share.

    Attributes
    ----------
    strategy_file, strategy_source
        Name and text of the file the class stands in, or of the notebook's cell.
    catalog
        Text of the catalog.
    lake
        Root of the tables.
    code, engine
        State of the checkout the strategy stands in, and of the one the engine stands in.
    packages, machine
        What it was made with, and on.
    """

    strategy_file: str
    strategy_source: str
    catalog: str
    lake: str
    code: CodeState
    engine: CodeState
    packages: Mapping[str, str]
    machine: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One run's record.

    Attributes
    ----------
    name
        As MLflow lists it.
    spec
        This run alone as YAML.
    parameters
        Every parameter of the strategy.
    seeds
        What random draws began with.
    data
        Tables read and their versions.
    journal_hash
        Of what came out.
    ended_ns
        When the trial was ended early; None where it ran to the end.
    origin
        What it shares with the runs beside it.
    """

    name: str
    spec: str
    parameters: Mapping[str, int | float | bool]
    seeds: Mapping[str, int]
    data: tuple[DataVersion, ...]
    journal_hash: str
    ended_ns: int | None
    origin: Origin


def origin_of(strategy: Strategy, catalog: Path, lake: Path) -> Origin:
    """Write down where a strategy's runs come from."""
    kind = type(strategy)
    home, engine = folder_of(kind), code_state(Path(framework.__file__).parent)
    code = code_state(home or Path.cwd())
    return Origin(
        strategy_file=home_name(kind),
        strategy_source=source_of(kind),
        catalog=catalog.read_text(encoding="utf-8"),
        lake=str(lake.resolve()),
        code=code,
        engine=engine,
        packages=installed(),
        machine=machine(),
    )


def home_name(kind: type[Strategy]) -> str:
    """Name the file a class stands in; a made one for a notebook's cell."""
    try:
        return Path(inspect.getfile(kind)).name
    except (OSError, TypeError):
        return "strategy.py"


def provenance_of(
    result: Result,
    *,
    name: str,
    spec: str,
    seeds: Mapping[str, int],
    data: tuple[DataVersion, ...],
    origin: Origin,
) -> Provenance:
    """Write down one run."""
    parameters = {k: v for k, v in result.parameters.items() if isinstance(v, int | float)}
    return Provenance(
        name=name,
        spec=spec,
        parameters=parameters,
        seeds=dict(seeds),
        data=tuple(replace(d, location=without_credentials(d.location)) for d in data),
        journal_hash=result.journal_hash,
        ended_ns=result.ended_ns,
        origin=origin,
    )


def without_diffs(origin: Origin) -> Origin:
    """Leave the diffs out, which the parent of many trials has; their hashes stay."""
    return replace(
        origin,
        code=replace(origin.code, diff=""),
        engine=replace(origin.engine, diff=""),
    )


def as_json(record: Provenance) -> str:
    """Write a record as JSON."""
    return json.dumps({"format": _FORMAT, **asdict(record)}, indent=1) + "\n"


def from_json(text: str, where: str) -> Provenance:
    """Read a record.

    Raises
    ------
    DataError
        Where it is none, or one of another version of Crossbook.
    """
    try:
        held = json.loads(text)
        if held.pop("format") != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT}")
        origin = held.pop("origin")
        code, engine = CodeState(**origin.pop("code")), CodeState(**origin.pop("engine"))
        data = tuple(DataVersion(**entry) for entry in held.pop("data"))
        return Provenance(**held, data=data, origin=Origin(**origin, code=code, engine=engine))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{where} must be a record of a run, but cannot be read as one: {error}",
            remedy="name a run that this version of Crossbook has made",
        ) from error
