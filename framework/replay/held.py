"""The merged market held in memory, for many runs over the same events."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from framework.core.errors import SpecError
from framework.core.events import Tape
from framework.replay.market import CHUNK_ROWS, Chunk, read_market
from framework.replay.stream import GoldStream


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """What `read_market` would read, read once; about 50 bytes an event.

    Attributes
    ----------
    streams
        In the order of their names.
    held
        The chunks, each with memory of its own.
    """

    streams: tuple[GoldStream, ...]
    held: tuple[Chunk, ...]

    def chunks(self) -> Generator[Chunk]:
        """Yield the market's chunks, as often as asked."""
        yield from self.held


def hold_market(streams: Sequence[GoldStream], *, chunk_rows: int = CHUNK_ROWS) -> Market:
    """Read and merge the streams, and keep what was read.

    Worth its memory where one market is run over many times in one process: a sweep in batches, or
    a comparison with a simulator that keeps its events in memory.

    Parameters
    ----------
    streams
        In any order; a symbol may appear once per venue.
    chunk_rows
        As in `read_market`.

    Raises
    ------
    SpecError
        Where a stream is given twice.
    DataError
        Where the events break a rule the replay needs.
    """
    ordered = in_order(streams)
    chunks = read_market(ordered, chunk_rows=chunk_rows)
    return Market(ordered, tuple(_kept(chunk) for chunk in chunks))


def in_order(streams: Sequence[GoldStream]) -> tuple[GoldStream, ...]:
    """Sort streams by name, which numbers the books.

    Raises
    ------
    SpecError
        Where a stream is given twice.
    """
    ordered = tuple(sorted(streams, key=lambda stream: stream.instrument.name))
    names = [stream.instrument.name for stream in ordered]
    for name, following in itertools.pairwise(names):
        if name == following:
            raise SpecError(f"{name} is given twice", remedy="name each venue and symbol once")
    return ordered


def _kept(chunk: Chunk) -> Chunk:
    own = {name: column.copy() for name, column in chunk.tape._asdict().items()}
    return replace(chunk, tape=Tape(**own))
