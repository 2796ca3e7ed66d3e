"""One table as `crossbook tables NAME` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from experiments.cli.output import Output
from framework.catalog import Lineage
from framework.core.clock import format_ns
from framework.lake.facts import Commit, IngestedFile, Stream, TableFacts
from framework.lake.units import Units


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """All there is to say of one table.

    Parameters
    ----------
    facts
        Version, rows, files, size.
    location
        Where it lies.
    columns
        Name, type and whether null is allowed.
    commits
        Latest versions, the newest first.
    streams
        Rows and time span by venue and symbol, for tables laid out that way.
    units
        What the integers of its dataset's gold rows count.
    gaps
        Gaps marked in a gold table; None for others.
    quarantined
        Rows of the dataset that were refused.
    lineage
        What it is made from.
    files
        What its dataset was ingested from.
    """

    facts: TableFacts
    location: str
    columns: list[tuple[str, str, bool]]
    commits: list[Commit]
    streams: list[Stream]
    units: list[Units]
    gaps: int | None
    quarantined: int
    lineage: Lineage
    files: list[IngestedFile]

    def show(self, output: Output) -> None:
        """Print it for people."""
        facts = self.facts
        output.text(f"{facts.table} version {facts.version}, at {self.location}")
        output.table(
            "size",
            ("rows", "files", "bytes", "gaps", "quarantined rows"),
            [(facts.rows, facts.files, facts.size_bytes, self.gaps, self.quarantined)],
        )
        output.table(
            "schema",
            ("column", "type", "null"),
            [(name, kind, "allowed" if null else "never") for name, kind, null in self.columns],
        )
        output.table(
            "versions",
            ("version", "committed (UTC)", "operation", "rows added"),
            [
                (c.version, f"{c.committed_at:%Y-%m-%d %H:%M:%S}", c.operation, c.rows_added)
                for c in self.commits
            ],
        )
        if self.streams:
            output.table(
                "streams",
                ("venue", "symbol", "rows", "first event", "last event"),
                [(s.venue, s.symbol, s.rows, *_span(s)) for s in self.streams],
            )
        output.text("lineage")
        for line in _tree(self.lineage):
            output.text(line)
        self._show_units(output)
        if self.files:
            output.table(
                "files",
                ("file", "format", "rows", "duplicates", "quarantined", "gaps", "backwards"),
                [_file_cells(file) for file in self.files],
            )

    def _show_units(self, output: Output) -> None:
        if not self.units:
            return
        output.table(
            "units of gold",
            ("instrument", "tick", "lot", "from", "clock offset [ns]", "from"),
            [
                (
                    unit.instrument.name,
                    str(unit.instrument.tick),
                    str(unit.instrument.lot),
                    "data" if unit.instrument.inferred else "catalog",
                    unit.clock_offset_ns,
                    "data" if unit.is_measured_offset else "catalog",
                )
                for unit in self.units
            ],
        )

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return self.facts.as_json() | {
            "location": self.location,
            "schema": [
                {"name": name, "type": kind, "nullable": null} for name, kind, null in self.columns
            ],
            "versions": [
                {
                    "version": c.version,
                    "committed_at": c.committed_at,
                    "operation": c.operation,
                    "rows_added": c.rows_added,
                }
                for c in self.commits
            ],
            "streams": [
                {
                    "venue": s.venue,
                    "symbol": s.symbol,
                    "rows": s.rows,
                    "first_ns": s.first_ns,
                    "last_ns": s.last_ns,
                }
                for s in self.streams
            ],
            "integrity": {
                "gaps": self.gaps,
                "quarantined": self.quarantined,
                "duplicates": sum(file.duplicates for file in self.files),
                "backwards": sum(file.backwards for file in self.files),
            },
            "lineage": _lineage_json(self.lineage),
            "units": [_unit_json(unit) for unit in self.units],
            "source_files": [asdict(file) for file in self.files],
        }


def _span(stream: Stream) -> tuple[str | None, str | None]:
    first, last = stream.first_ns, stream.last_ns
    return (
        None if first is None else format_ns(first),
        None if last is None else format_ns(last),
    )


def _file_cells(file: IngestedFile) -> tuple[object, ...]:
    return (
        *(file.source_file, file.format, file.bronze_rows),
        *(file.duplicates, file.quarantined, file.gaps, file.backwards),
    )


def _unit_json(unit: Units) -> dict[str, object]:
    return {
        "venue": unit.instrument.venue,
        "symbol": unit.instrument.symbol,
        "tick": unit.instrument.tick,
        "lot": unit.instrument.lot,
        "inferred": unit.instrument.inferred,
        "clock_offset_ns": unit.clock_offset_ns,
        "is_measured_offset": unit.is_measured_offset,
    }


def _tree(lineage: Lineage, depth: int = 1) -> Iterator[str]:
    yield f"{'  ' * depth}{'' if depth == 1 else '← '}{lineage.name}"
    for source in lineage.upstream:
        yield from _tree(source, depth + 1)


def _lineage_json(lineage: Lineage) -> dict[str, object]:
    return {"table": lineage.name, "upstream": [_lineage_json(u) for u in lineage.upstream]}
