"""Open a store in a MongoDB and make sure that it is one this code can use."""

from __future__ import annotations

from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from framework.state.errors import AccessError, VersionError
from framework.state.mongo.failures import translating
from framework.state.mongo.secrets import without_secrets
from framework.state.mongo.store import MongoStore

OLDEST: Final = (6, 0)
"""First version whose change streams carry pre- and post-images."""
DATABASE: Final = "crossbook"
PATIENCE_S: Final = 30.0
"""How long a call waits for a primary to come back."""


def connect(
    uri: str, *, database: str | None = None, timeout_s: float = 5.0, patience_s: float = PATIENCE_S
) -> MongoStore:
    """Connect to a replica set.

    Parameters
    ----------
    uri
        ``mongodb://…``; its password appears in no message.
    database
        Name of the database; that of the URI, or `DATABASE`, where None.
    timeout_s
        How long the first connection may take.
    patience_s
        How long later calls wait for a primary that went away.

    Raises
    ------
    AccessError
        Where the URI is malformed, or user or password are refused.
    UnavailableError
        Where nothing answers.
    VersionError
        Where the server is too old, or is no replica set.
    """
    _check_uri(uri)
    with translating(uri):
        name = database or parse_uri(uri, warn=False)["database"] or DATABASE
        _check_reachable(uri, name, timeout_s)
        client = _client(uri, patience_s)
        return MongoStore(client, name, uri, patience_s)


def _check_uri(uri: str) -> None:
    """Refuse what is no URI of MongoDB, without showing any of it: it may be all secret."""
    problem = "it does not begin with mongodb:// or mongodb+srv://"
    if uri.startswith(("mongodb://", "mongodb+srv://")):
        try:
            parse_uri(uri, warn=False)
        except (PyMongoError, ValueError) as error:
            problem = without_secrets(str(error), uri)
        else:
            return
    raise AccessError(
        f"the store's URI must be one of MongoDB's: {problem}",
        remedy="write for example mongodb://user@host:27017/?replicaSet=rs0, and percent-encode "
        "what is special in user and password",
    )


def _check_reachable(uri: str, database: str, timeout_s: float) -> None:
    with _client(uri, timeout_s) as client:
        hello = client.admin.command("hello")
        place = without_secrets(uri)
        if "setName" not in hello:
            raise VersionError(
                f"the store at {place} must be a replica set, change streams need one",
                remedy="start mongod with --replSet rs0 and run rs.initiate() once",
            )
        check_version(client.server_info()["version"], place)
        # Only a command that needs rights shows that user and password are accepted.
        client[database].list_collection_names()


def check_version(version: str, place: str) -> None:
    """Refuse a server that is too old.

    Raises
    ------
    VersionError
        Naming both versions.
    """
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if found < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise VersionError(
            f"the store at {place} must be MongoDB {oldest} or newer, it is {version}",
            remedy=f"upgrade it to {oldest} or newer: older ones record no pre- and post-images",
        )


def _client(uri: str, patience_s: float) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        uri,
        tz_aware=True,
        serverSelectionTimeoutMS=round(patience_s * 1000),
        connectTimeoutMS=round(min(patience_s, 10.0) * 1000),
        retryWrites=True,
        retryReads=True,
        appname="crossbook",
    )
