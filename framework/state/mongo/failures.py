"""Turn what the driver raises into the contract's errors, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo import errors as driver

from framework.state.errors import (
    BAD_VALUE,
    CHANGE_STREAM_FATAL,
    DUPLICATE_KEY,
    FAILED_TO_PARSE,
    HISTORY_LOST,
    ILLEGAL_OPERATION,
    IMMUTABLE_FIELD,
    INVALID_ID,
    INVALID_RESUME_TOKEN,
    NO_MATCHING_DOCUMENT,
    NOT_SUPPORTED_ON_VIEW,
    PATH_NOT_VIABLE,
    TYPE_MISMATCH,
    AccessError,
    FullError,
    HistoryLostError,
    ImageMissingError,
    InvalidatedError,
    OptionsError,
    StateError,
    StreamError,
    TokenError,
    UnavailableError,
    WriteFailure,
    single_error,
)
from framework.state.mongo.secrets import without_secrets

# https://github.com/mongodb/mongo/blob/v6.0/src/mongo/base/error_codes.yml
_UNAUTHORIZED: Final = 13
_AUTHENTICATION_FAILED: Final = 18
_OUT_OF_DISK_SPACE: Final = 14031
_OVERFLOW: Final = 15
_BAD_TOKENS: Final = (FAILED_TO_PARSE, _OVERFLOW, 40647, 40649, 50811)
_WRITES: Final = (
    BAD_VALUE,
    TYPE_MISMATCH,
    ILLEGAL_OPERATION,
    PATH_NOT_VIABLE,
    INVALID_ID,
    IMMUTABLE_FIELD,
)
_OPTIONS: Final = (48, 67, 72, 85, 86, 197, 40415, 6127800)

_FULL: Final[tuple[type[StateError], str]] = (
    FullError,
    "free space on the server's disk, or cap and expire the collections",
)
_ACCESS: Final[tuple[type[StateError], str]] = (
    AccessError,
    "check user, password and authSource of the URI, and the user's roles",
)
_BY_CODE: Final[dict[int, tuple[type[StateError], str]]] = {
    _UNAUTHORIZED: _ACCESS,
    _AUTHENTICATION_FAILED: _ACCESS,
    _OUT_OF_DISK_SPACE: _FULL,
    NO_MATCHING_DOCUMENT: (
        ImageMissingError,
        "make the collection with images=True before writing to it, or ask for whenAvailable",
    ),
    INVALID_RESUME_TOKEN: (InvalidatedError, "use start_after with the same token"),
    HISTORY_LOST: (HistoryLostError, "start a new stream, and give the server a larger oplog"),
    CHANGE_STREAM_FATAL: (TokenError, "resume with the filter of the stream that gave the token"),
    NOT_SUPPORTED_ON_VIEW: (
        StreamError,
        "watch a clustered collection of bucket documents instead",
    ),
    **dict.fromkeys(
        _BAD_TOKENS, (TokenError, "keep ChangeEvent.token or ChangeStream.token as it is")
    ),
    **dict.fromkeys(_OPTIONS, (OptionsError, "see CollectionSpec; drop what exists with others")),
}


@contextmanager
def translating(uri: str) -> Iterator[None]:
    """Raise the contract's errors instead of the driver's, without the URI's secrets."""
    try:
        yield
    except driver.PyMongoError as error:
        raise translated(error, uri) from _quiet(error, uri)


def translated(error: driver.PyMongoError, uri: str) -> StateError:
    """Build the contract's error for one of the driver's."""
    text = without_secrets(str(error), uri)
    if isinstance(error, driver.OperationFailure):
        return _refusal(error, text)
    if isinstance(error, driver.ConfigurationError):
        return AccessError(
            f"the store's URI must have options that go together: {text}",
            remedy="write for example mongodb://user@host:27017/?replicaSet=rs0",
        )
    if isinstance(error, driver.ConnectionFailure):
        return UnavailableError(
            f"the store at {without_secrets(uri)} must answer: {_first_line(text)}",
            remedy="start it, or correct host and port of the URI; a mongod that ended by itself "
            "says why in its log, a full disk for one",
        )
    return StateError(f"the store's driver refused: {text}", remedy="see the message")


def is_passing(error: driver.PyMongoError) -> bool:
    """Tell whether the same call may succeed once a primary is back."""
    if isinstance(error, driver.ConnectionFailure):
        return True
    labels = ("RetryableWriteError", "ResumableChangeStreamError", "TransientTransactionError")
    return any(error.has_error_label(label) for label in labels)


def _refusal(error: driver.OperationFailure, text: str) -> StateError:
    code = error.code or 0
    if code == DUPLICATE_KEY:
        return single_error(WriteFailure(0, code, text))
    if "No space left" in text:
        kind, remedy = _FULL
    elif code in _BY_CODE:
        kind, remedy = _BY_CODE[code]
    elif isinstance(error, driver.WriteError) or code in _WRITES:
        return single_error(WriteFailure(0, code, text))
    else:
        kind, remedy = StateError, "see the error's code for MongoDB's reason"
    return kind(f"the store refused: {_first_line(text)}", remedy=remedy, code=code)


def _first_line(text: str) -> str:
    return text.partition(", full error:")[0].partition(", Timeout:")[0]


def _quiet(error: driver.PyMongoError, uri: str) -> driver.PyMongoError | None:
    """Keep the cause unless it would print a secret."""
    return error if without_secrets(str(error), uri) == str(error) else None
