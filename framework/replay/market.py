"""The merged market, chunk by chunk: memory is bounded by the chunk, not by the history."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Final

from framework.core.events import Tape
from framework.replay.ahead import read_ahead
from framework.replay.merge import FOREVER, M
from framework.replay.output import Output
from framework.replay.source import Sources
from framework.replay.stream import GoldStream

CHUNK_ROWS: Final = 1 << 16
"""Events of a chunk, 47 bytes each: small enough for a processor's cache to help."""

_READ_ROWS: Final = 1 << 17
"""Most rows decoded at a time: a row group of the files that the lake writes."""
_OUTPUTS: Final = 4
"""In the making, waiting for the reader, in the reader's hands, and the one before."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of the market, ready for the loop.

    Attributes
    ----------
    tape
        Events; the first `first_event` have happened in an earlier chunk and reach us in this.
    n_receivable
        How many of the tape's `recv_order` reach us before the next chunk begins.
    horizon_ns
        Exchange time of the next chunk's first event; the largest integer at the end.
    fifo
        Within every stream, all events but trades reach us in the order in which they happened.
    """

    tape: Tape
    first_event: int
    n_receivable: int
    horizon_ns: int
    fifo: bool


def read_market(streams: Sequence[GoldStream], *, chunk_rows: int = CHUNK_ROWS) -> Generator[Chunk]:
    """Merge the streams under the total order and yield the market in chunks.

    Chunks are made ahead in a thread, in memory that is used again: a chunk's arrays hold until
    the one after the next is asked for.

    Parameters
    ----------
    streams
        In the order of their names; `framework.engine.backtest` sorts them.
    chunk_rows
        Events of a chunk; its last instant is never cut in two.

    Raises
    ------
    DataError
        Where a stream's clocks run backwards or an event reaches us before it happens.
    """
    yield from read_ahead(partial(_merged, streams, chunk_rows))


def _merged(streams: Sequence[GoldStream], chunk_rows: int) -> Generator[Chunk]:
    read_rows = min(_READ_ROWS, max(1, 2 * chunk_rows // len(streams)))
    with closing(Sources(streams, read_rows)) as sources:
        outputs = [Output(len(streams), chunk_rows, sources.named) for _ in range(_OUTPUTS)]
        before = outputs[-1]
        while True:
            for output in outputs:
                output.fill(before, sources)
                yield Chunk(
                    tape=output.tape(),
                    first_event=output[M.FIRST],
                    n_receivable=output[M.N_RECEIVABLE],
                    horizon_ns=output[M.HORIZON_NS],
                    fifo=bool(output[M.FIFO]),
                )
                if output[M.HORIZON_NS] == FOREVER:
                    return
                before = output
