"""Taking secrets out of a diff before it is kept or sent anywhere."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "<redacted>"

_SECRET_FILE: Final = re.compile(
    r"(^|/)(\.env[^/]*|\.netrc|\.pgpass|credentials[^/]*|id_[a-z0-9]+|[^/]*\.(pem|key|p12|pfx))$",
    re.IGNORECASE,
)
_NAME: Final = (
    r"[\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|account[_-]?key|credential|sas)[\w.-]*[\"']?"
)
_PATTERNS: Final = (
    # a name that tells of a secret, and a quoted value
    re.compile(rf"({_NAME}\s*[:=]\s*)([\"'])(?!\2)(?:(?!\2).)+\2", re.IGNORECASE),
    # the same at the start of a line, unquoted, as in YAML and in .env files
    re.compile(rf"^([+\- ]\s*(?:export\s+)?{_NAME}\s*[:=]\s*)[^\s\"'()\[\]{{}}]{{6,}}\s*$", re.I),
    # user and password of an address
    re.compile(r"(\w://)[^\s/@:]+:[^\s/@]+(?=@)"),
    # keys that say what they are: AWS, GitHub, Slack, Databricks, JSON web tokens
    re.compile(
        r"()\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|xox[abpr]-[\w-]{10,}|dapi[0-9a-f]{32}"
        r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)"
    ),
)
_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEY_ENDS: Final = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_FILE: Final = re.compile(r'^diff --git "?a/(.*?)"? "?b/')


def without_secrets(diff: str) -> str:
    """Replace what looks like a secret, and the content of files that hold nothing else.

    It errs on the side of hiding: a diff that something was taken out of does not apply any more,
    which the hash of the original beside it tells.

    Examples
    --------
    >>> without_secrets('+api_key = "x7f9"')
    '+api_key = "<redacted>"'
    >>> without_secrets("+uri = mongodb://me:hunter2@host/db")
    '+uri = mongodb://<redacted>@host/db'
    """
    kept: list[str] = []
    inside_file = inside_key = False
    for line in diff.splitlines(keepends=True):
        file = _FILE.match(line)
        if file:
            inside_file, inside_key = bool(_SECRET_FILE.search(file[1])), False
        elif inside_file and line[:1] in "+- " and not line.startswith(("+++", "---")):
            kept.append(f"{line[:1]}{HIDDEN}\n")
            continue
        if _KEY_BEGINS.search(line):
            inside_key = True
        if inside_key:
            inside_key = not _KEY_ENDS.search(line)
            kept.append(f"{line[:1]}{HIDDEN}\n")
            continue
        kept.append(_hidden(line))
    return "".join(kept)


def _hidden(line: str) -> str:
    body, end = (line[:-1], "\n") if line.endswith("\n") else (line, "")
    for number, pattern in enumerate(_PATTERNS):
        replacement = rf"\1\2{HIDDEN}\2" if number == 0 else rf"\1{HIDDEN}"
        body = pattern.sub(replacement, body)
    return body + end
