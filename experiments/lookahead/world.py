"""A place in which the lake's tables have another future, whatever reads them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from unittest.mock import patch

import numpy as np
import polars as pl
from deltalake import DeltaTable, write_deltalake

from experiments.lookahead.alter import Clock, Cut, Future, altered, clock_of
from framework.core.events import I64Array
from framework.replay.stream import GoldStream

_PREFIX: Final = "crossbook-world-"
_HERE: Final = "here"


def true_path(file: str) -> str:
    """Name a file as it is known outside of all worlds, below the working directory if it is."""
    parts = Path(file).parts
    at = next((n for n, part in enumerate(parts) if part.startswith(_PREFIX)), None)
    if at is not None and len(parts) > at + 2 and parts[at + 1] == _HERE:
        return str(Path(*parts[at + 2 :]))
    home = Path.cwd()
    return str(Path(file).relative_to(home)) if Path(file).is_relative_to(home) else file


class Worlds:
    """Makes worlds out of the market that some streams are read from.

    Parameters
    ----------
    streams
        What the strategy is run on; all rows of their tables are held in memory.
    """

    def __init__(self, streams: Sequence[GoldStream]) -> None:
        self.streams = sorted(streams, key=lambda stream: stream.instrument.name)
        self._clocks: dict[tuple[str, str], Clock] = {
            (s.instrument.venue, s.instrument.symbol): clock_of(s, book)
            for book, s in enumerate(self.streams)
        }
        self._tables = {(s.location, s.version): _read(s.location, s.version) for s in self.streams}

    def first_after(self, now_ns: int) -> int | None:
        """When the first event after an instant happens; None where there is none."""
        found = [
            rows.filter(pl.col("ts_exch_ns") > now_ns)["ts_exch_ns"].min()
            for rows in self._tables.values()
        ]
        known = [value for value in found if isinstance(value, int)]
        return min(known) if known else None

    def on_their_way(self, now_ns: I64Array) -> np.ndarray:
        """Tell at which instants some event had happened of which nobody could have told us yet.

        Parameters
        ----------
        now_ns : shape (n,)

        Returns
        -------
        bool, shape (n,)
        """
        found = np.zeros(now_ns.size, bool)
        for rows in self._tables.values():
            for (venue, symbol), own in rows.group_by(["venue", "symbol"]):
                clock = self._clocks.get((str(venue), str(symbol)))
                if clock is None:
                    continue
                happened = np.sort(own["ts_exch_ns"].to_numpy())
                received = own["ts_recv_ns"].to_numpy() + clock.feed_ns
                known = np.sort(np.minimum(received, happened + clock.response_ns))
                before = np.searchsorted(happened, now_ns, side="right")
                found |= before > np.searchsorted(known, now_ns, side="right")
        return found

    @contextmanager
    def open(self, cut: Cut, future: Future) -> Iterator[list[GoldStream]]:
        """Enter a world and yield its streams.

        The working directory is a copy of the former one, made of links, in which the tables are
        the altered ones; `DeltaTable` finds them under their former addresses, too.
        """
        root = Path(mkdtemp(prefix=_PREFIX))
        before = Path.cwd()
        try:
            places = self._write(cut, future, root / "tables")
            here = root / _HERE
            _link(before, here, {Path(k).resolve(): v for k, v in places.items()})
            # What is beyond has not been written to: the last event of all ends the run.
            streams = [self._moved(s, places[s.location], cut) for s in self.streams]
            os.chdir(here)
            with _redirected(places):
                yield streams
        finally:
            os.chdir(before)
            shutil.rmtree(root, ignore_errors=True)

    def _write(self, cut: Cut, future: Future, folder: Path) -> dict[str, Path]:
        places = {}
        for number, ((location, _), rows) in enumerate(self._tables.items()):
            place = folder / str(number)
            other = altered(rows, cut, future, self._clocks)
            write_deltalake(place, other.to_arrow(), partition_by=["venue", "symbol"])
            places[location] = place
        return places

    def _moved(self, stream: GoldStream, place: Path, cut: Cut) -> GoldStream:
        # Nothing later than the first event after the wake-up can change what was sent in it.
        end_ns = DeltaRows(place).first_after(cut.now_ns) or stream.end_ns
        return replace(stream, location=str(place), version=0, end_ns=end_ns)


class DeltaRows:
    """Looks at a world's table."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def first_after(self, now_ns: int) -> int | None:
        """Instant just after the first event later than `now_ns`; None where there is none."""
        rows = pl.scan_delta(str(self._place)).filter(pl.col("ts_exch_ns") > now_ns)
        first = rows.select(pl.col("ts_exch_ns").min()).collect().item()
        return None if first is None else int(first) + 1


def _read(location: str, version: int) -> pl.DataFrame:
    return pl.read_delta(location, version=version).sort(
        "venue", "symbol", "ts_exch_ns", "seq", maintain_order=True
    )


def _link(source: Path, to: Path, places: Mapping[Path, Path]) -> None:
    """Link all entries of a folder, but make folders on the way to what is replaced."""
    to.mkdir(parents=True)
    for entry in source.iterdir():
        here = entry.resolve()
        if here in places:
            (to / entry.name).symlink_to(places[here])
        elif any(here in place.parents for place in places) and entry.is_dir():
            _link(entry, to / entry.name, places)
        else:
            (to / entry.name).symlink_to(here)


@contextmanager
def _redirected(places: Mapping[str, Path]) -> Iterator[None]:
    """Let `DeltaTable` open the altered tables under the addresses of the true ones."""
    original = DeltaTable.__init__
    known = {Path(location).resolve(): place for location, place in places.items()}

    def opened(self: DeltaTable, table_uri: object, *args: object, **kwargs: object) -> None:
        place = known.get(Path(str(table_uri).removeprefix("file://")).resolve())
        if place is None:
            original(self, table_uri, *args, **kwargs)  # type: ignore[arg-type]
        else:  # of which there is but one version
            original(self, place)

    with patch.object(DeltaTable, "__init__", opened):
        yield
