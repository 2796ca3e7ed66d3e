"""`crossbook state`: the state store in a real MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import polars as pl
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from experiments.cli.output import EXIT_DONE, EXIT_FINDING, Output, lake_options, output_option
from experiments.sources import open_sources, with_assumptions
from experiments.spec.load import load_plan
from framework.catalog import load_catalog
from framework.core.clock import duration_ns
from framework.core.errors import DataError, SpecError
from framework.lake.store import Lake
from framework.replay import GoldStream
from framework.state.desk import DeskLayout, set_up
from framework.state.feed import IssuedWrite, issued_writes, store_rows
from framework.state.mirror import Comparison, Mirror
from framework.state.open import open_mongo

if TYPE_CHECKING:
    from framework.state.mongo.replay import ReplayReport

_FEED: Final = ("quotes", "depth", "heartbeats")
_SPEEDS: Final = 'a number such as 10, "real" or "max"'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tape:
    """A spec's market as what a feed handler writes."""

    streams: list[GoldStream]
    heartbeat_ns: int

    def writes(self) -> Iterator[IssuedWrite]:
        rows = store_rows(self.streams, heartbeat_ns=self.heartbeat_ns)
        return issued_writes(rows, [stream.instrument for stream in self.streams])

    def span_ns(self) -> tuple[int, int]:
        files = [stream.files() for stream in self.streams]
        first = min(min(found["first_ns"].to_pylist()) for found in files)
        last = max(max(found["last_ns"].to_pylist()) for found in files)
        starts = [stream.start_ns for stream in self.streams if stream.start_ns is not None]
        ends = [stream.end_ns for stream in self.streams if stream.end_ns is not None]
        return max([first, *starts]), min([last, *ends])


@click.group()
def state() -> None:
    """Fill a real MongoDB (extra `state`) and check what it holds; each command takes --json."""


def _store_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both commands say of the store."""
    for option in (
        click.option(
            "--heartbeats",
            type=click.IntRange(min=1),
            default=DeskLayout().heartbeats,
            show_default=True,
            help="Heartbeats that the capped collection holds.",
        ),
        click.option(
            "--quotes",
            type=click.IntRange(min=1),
            default=DeskLayout().quotes,
            show_default=True,
            help="Quotes that the capped collection holds.",
        ),
        click.option(
            "--heartbeat",
            default="1ms",
            show_default=True,
            help="A stream's heartbeat is written at most once in this span.",
        ),
        click.option("--database", default=None, help="Database [the URI's, else crossbook]."),
        click.option(
            "--uri",
            envvar="MONGODB_URI",
            required=True,
            help="mongodb://… of a replica set; the variable MONGODB_URI keeps it off the screen.",
        ),
    ):
        command = option(command)
    return command


@state.command("serve-replay")
@click.argument("spec", type=click.Path(path_type=Path, dir_okay=False))
@_store_options
@click.option("--speed", default="real", show_default=True, help=f"{_SPEEDS}.")
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=500,
    show_default=True,
    help="Documents of a batch.",
)
@click.option("--fresh", is_flag=True, help="Drop quotes, depth and heartbeats before.")
@lake_options
@output_option
def serve_replay_command(
    *,
    spec: Path,
    uri: str,
    database: str | None,
    heartbeat: str,
    quotes: int,
    heartbeats: int,
    speed: str,
    batch: int,
    fresh: bool,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Replay the market of SPEC into a MongoDB, as the desk's feed handlers would write it."""
    layout = DeskLayout(quotes=quotes, heartbeats=heartbeats)
    times = _speed(speed)
    if batch > min(quotes, heartbeats):
        raise SpecError(
            f"a batch must fit into the capped collections, {batch} is more than "
            f"{min(quotes, heartbeats)}",
            remedy="lower --batch, or raise --quotes and --heartbeats",
        )
    tape = _tape(spec, lake, catalog, heartbeat)
    with open_mongo(uri, database=database) as store:
        from framework.state.mongo.replay import serve_replay

        if fresh:
            for name in _FEED:
                store.drop(name)
        set_up(store, layout)
        with _bar(output, "replay", *tape.span_ns()) as show:
            report = serve_replay(
                store, tape.writes(), speed=times, batch=batch, on_progress=lambda _, ns: show(ns)
            )
        name = store.database
    _tell(report, name, output)
    output.finish({"database": name, **asdict(report), "documents_per_s": report.documents_per_s})


def _tell(report: ReplayReport, database: str, output: Output) -> None:
    output.table(
        f"Replayed into {database}",
        ("collection", "documents"),
        list(report.documents.items()),
    )
    output.text(
        f"{report.documents_per_s:,.0f} documents/s sustained over {report.seconds:.1f} s; "
        f"write latency {report.write_ms['p50']:.1f} ms median, "
        f"{report.write_ms['p99']:.1f} ms 99th percentile"
    )
    if report.late_ms is not None:
        output.text(f"99 % of documents were acknowledged within {report.late_ms:.1f} ms of due")
    if report.lost_answers:
        output.text(f"{report.lost_answers} answers lost, {report.resent} documents sent again")


@state.command()
@click.argument("spec", type=click.Path(path_type=Path, dir_okay=False))
@_store_options
@click.option(
    "--quiet",
    default="2s",
    show_default=True,
    help="Follow changes until there were none for this long, then compare.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Write the copies into this folder as Parquet.",
)
@lake_options
@output_option
def mirror(
    *,
    spec: Path,
    uri: str,
    database: str | None,
    heartbeat: str,
    quotes: int,
    heartbeats: int,
    quiet: str,
    out: Path | None,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Copy the live collections by their change streams; compare them with the emulation.

    The tape is that of SPEC; --quotes, --heartbeats and --heartbeat must be those of the writer.
    Ends with 1 where anything differs but the time of recording.
    """
    layout = DeskLayout(quotes=quotes, heartbeats=heartbeats)
    quiet_s = duration_ns(quiet) / 1e9
    tape = _tape(spec, lake, catalog, heartbeat)
    with open_mongo(uri, database=database) as store:
        mirrored = Mirror(store)
        with output.progress_console.status("following changes") as status:
            mirrored.follow(quiet_s, lambda n: status.update(f"{n:,} changes followed"))
        compared = mirrored.compare(tape.writes(), layout)
        mirrored.close()
    if out is not None:
        _write_copies(mirrored, out)
        output.note(f"copies written to {out}")
    _show(compared, output)
    payload = {one.collection: {**asdict(one), "is_equal": one.is_equal} for one in compared}
    equal = all(one.is_equal for one in compared)
    output.finish({"equal": equal, "collections": payload}, EXIT_DONE if equal else EXIT_FINDING)


def _show(compared: tuple[Comparison, ...], output: Output) -> None:
    output.table(
        "Live collections against their copies and the emulation",
        (
            *("collection", "live", "copy", "emulation", "changes"),
            *("missing", "surplus", "different", "astray", "in order"),
        ),
        [
            (
                *(one.collection, one.live, one.copy, one.expected, one.events),
                *(len(one.missing), len(one.surplus), len(one.different), len(one.astray)),
                "yes" if one.is_in_order else "no",
            )
            for one in compared
        ],
    )
    for one in compared:
        for what in ("missing", "surplus", "different", "astray"):
            ids = getattr(one, what)
            if ids:
                output.text(f"{one.collection}, {what}: {', '.join(ids[:5])}")


def _tape(spec: Path, lake: Path, catalog: Path | None, heartbeat: str) -> _Tape:
    heartbeat_ns = duration_ns(heartbeat)
    if heartbeat_ns < 1:
        raise SpecError(
            f"a heartbeat must take time, got {heartbeat!r}", remedy="write for example 1ms"
        )
    plan = load_plan(spec).spec
    streams = with_assumptions(open_sources(plan, Lake(lake), load_catalog(catalog)), plan)
    streams.sort(key=lambda stream: (stream.instrument.venue, stream.instrument.symbol))
    return _Tape(streams=streams, heartbeat_ns=heartbeat_ns)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        times = 1.0 if text == "real" else float(text)
    except ValueError:
        times = 0.0
    if not 0.0 < times < float("inf"):
        raise SpecError(f"a speed must be {_SPEEDS}, got {text!r}", remedy="write --speed 10")
    return times


def _write_copies(mirrored: Mirror, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, copy in mirrored.copies.items():
            frame = pl.DataFrame(list(copy.documents.values()), infer_schema_length=None)
            frame.write_parquet(folder / f"{name}.parquet")
    except OSError as error:
        raise DataError(
            f"{folder} must be writable, it is not: {error}", remedy="name another folder"
        ) from error


@contextmanager
def _bar(output: Output, what: str, first_ns: int, last_ns: int) -> Iterator[Callable[[int], None]]:
    """Show how far the tape has come; yield what takes its time."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=output.progress_console,
        transient=True,
    )
    task = bar.add_task(what, total=max(last_ns - first_ns, 1))
    with bar:
        yield lambda ts_ns: bar.update(task, completed=ts_ns - first_ns)
