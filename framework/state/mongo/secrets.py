"""Keep passwords out of messages."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

_USER: Final = re.compile(r"(?<=//)[^/@\s]*:[^/\s]*(?=@)|(?<=//)[^/@\s]+(?=@)")
_SECRET_OPTION: Final = re.compile(
    r"((?:password|secret|token|authMechanismProperties|tlsCertificateKeyFilePassword)[^=&\s]*=)"
    r"[^&\s]+",
    re.IGNORECASE,
)


def without_secrets(text: str, uri: str = "") -> str:
    """Return a text without user, password and secret options of any URI in it.

    Parameters
    ----------
    uri
        Where given, its password is removed wherever else it stands in the text.

    >>> without_secrets("mongodb://joe:hunter2@db.example/desk")
    'mongodb://***@db.example/desk'
    """
    for password in _passwords(uri):
        text = text.replace(password, "***")
    return _SECRET_OPTION.sub(r"\1***", _USER.sub("***", text))


def _passwords(uri: str) -> list[str]:
    found = re.search(r"//[^/@\s:]*:([^/\s]*)@", uri)
    if found is None or not found[1]:
        return []
    return sorted({found[1], unquote_plus(found[1])}, key=len, reverse=True)
