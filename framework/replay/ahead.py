"""Run an iterator ahead of its reader, in a thread of its own."""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final, TypeVar

_T = TypeVar("_T")
_NAME: Final = "crossbook-reader"


def read_ahead(source: Callable[[], Generator[_T]], depth: int = 1) -> Generator[_T]:
    """Yield what a generator yields, made while the reader is busy with the item before.

    The thread starts with the first item asked for and ends with the generator: at its end, when it
    is closed, or when the interpreter exits.

    Parameters
    ----------
    source
        Makes the generator; it is run, and closed, in the thread.
    depth
        Items that may wait for the reader. One more is in the making meanwhile.

    Raises
    ------
    BaseException
        Whatever the source raises, at the place in the order where it raised it.
    """
    shelf: queue.Queue[tuple[_T] | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()

    def run() -> None:
        try:
            with closing(source()) as items:
                for item in items:
                    shelf.put((item,))
                    if stopped.is_set():
                        return
        except BaseException as error:  # told to the reader, whatever it is
            shelf.put(error)
        else:
            shelf.put(None)

    thread = threading.Thread(target=run, name=_NAME, daemon=True)

    def stop() -> None:
        stopped.set()
        while thread.is_alive():
            # The thread may be waiting for room: make some until it looks at the event.
            while not shelf.empty():
                shelf.get_nowait()
            thread.join(0.01)

    atexit.register(stop)  # a thread inside a library must not outlive the interpreter
    try:
        thread.start()
        while (found := shelf.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]
    finally:
        stop()
        atexit.unregister(stop)
