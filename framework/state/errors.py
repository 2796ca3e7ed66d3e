"""What a state store refuses, whichever home it has: one class for each thing a caller can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from framework.core.errors import CrossbookError

# MongoDB's own codes: https://github.com/mongodb/mongo/blob/v6.0/src/mongo/base/error_codes.yml
BAD_VALUE: Final = 2
FAILED_TO_PARSE: Final = 9
TYPE_MISMATCH: Final = 14
ILLEGAL_OPERATION: Final = 20
PATH_NOT_VIABLE: Final = 28
CONFLICTING_OPERATORS: Final = 40
NO_MATCHING_DOCUMENT: Final = 47
INVALID_ID: Final = 53
IMMUTABLE_FIELD: Final = 66
INVALID_OPTIONS: Final = 72
NOT_SUPPORTED_ON_VIEW: Final = 166
INVALID_RESUME_TOKEN: Final = 260
CHANGE_STREAM_FATAL: Final = 280
HISTORY_LOST: Final = 286
DUPLICATE_KEY: Final = 11000


class StateError(CrossbookError):
    """Root of the state store's errors.

    Parameters
    ----------
    message, remedy
        As for every error of Crossbook.
    code
        MongoDB's number of the error, 0 where it has none.
    """

    def __init__(self, message: str, *, remedy: str = "", code: int = 0) -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


class DocumentError(StateError):
    """A document, query or update is not one the contract allows; nothing was sent."""


class OptionsError(StateError):
    """A collection cannot be made with these options, or exists with others."""


class DuplicateKeyError(StateError):
    """A document has the key of another one."""


class WriteRefusedError(StateError):
    """The store refused one write; `code` says why."""


class StreamError(StateError):
    """A change stream cannot be opened or read on."""


class InvalidatedError(StreamError):
    """A stream that ended with an invalidate event cannot be resumed after it, only started."""


class TokenError(StreamError):
    """A resume token is malformed, or more than one place to start at was named."""


class HistoryLostError(StreamError):
    """The store no longer holds the events that follow the place to start at."""


class ImageMissingError(StreamError):
    """A stream requires an image that was not recorded when the document was written."""


class UnavailableError(StateError):
    """The store cannot be reached, or went away and did not come back in time."""


class AccessError(StateError):
    """The store refused the user, the password or the right to do this."""


class FullError(StateError):
    """The store has no room left."""


class VersionError(StateError):
    """The server or the schema in it is of a version this code cannot use."""


@dataclass(frozen=True, slots=True)
class WriteFailure:
    """One refused write of a batch."""

    index: int
    """Place in the batch."""
    code: int
    message: str


class BulkError(StateError):
    """Some writes of a batch were refused.

    Parameters
    ----------
    failures
        Which and why, in the batch's order; one where the batch was ordered, as nothing after it
        was tried.
    applied
        How many writes of the batch were carried out.
    """

    def __init__(self, failures: Sequence[WriteFailure], applied: int) -> None:
        first = failures[0]
        super().__init__(
            f"every write of a batch must be accepted, {len(failures)} were not; "
            f"number {first.index}: {first.message}",
            remedy="correct the writes named in .failures; the others need not be sent again",
            code=first.code,
        )
        self.failures = tuple(failures)
        self.applied = applied


def bulk_error(failures: Sequence[WriteFailure], n_writes: int, *, ordered: bool) -> StateError:
    """Build the error of a batch of which writes were refused."""
    if n_writes == 1:
        return single_error(failures[0])
    return BulkError(failures, failures[0].index if ordered else n_writes - len(failures))


def single_error(failure: WriteFailure) -> StateError:
    """Build the error of a write that was alone in its batch."""
    if failure.code == DUPLICATE_KEY:
        return DuplicateKeyError(
            failure.message,
            remedy="choose another _id, or replace the document that has it",
            code=failure.code,
        )
    return WriteRefusedError(
        failure.message, remedy="see the error's code for MongoDB's reason", code=failure.code
    )
