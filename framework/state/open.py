"""Open a store by its URI without importing a driver before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.core.errors import SpecError

if TYPE_CHECKING:
    from framework.state.mongo.store import MongoStore


def open_mongo(uri: str, *, database: str | None = None) -> MongoStore:
    """Connect to a MongoDB; see `framework.state.mongo.connect`.

    Raises
    ------
    SpecError
        Where the driver is not installed.
    """
    try:
        from framework.state.mongo import connect
    except ModuleNotFoundError as error:
        raise SpecError(
            f"a real state store needs MongoDB's driver, but {error.name} is not installed",
            remedy='run: pip install "crossbook[state]"',
        ) from error
    return connect(uri, database=database)
