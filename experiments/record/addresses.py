"""Addresses as they may be shown and kept."""

from __future__ import annotations

from urllib.parse import urlsplit


def without_credentials(uri: str) -> str:
    """Drop user, password and query from an address.

    >>> without_credentials("postgresql://me:secret@host:5432/runs?password=x")
    'postgresql://host:5432/runs'
    >>> without_credentials("lake/gold/demo")
    'lake/gold/demo'
    """
    if "://" not in uri:
        return uri
    parts = urlsplit(uri)
    if parts.scheme.startswith("abfs"):  # here the part before @ is the container
        netloc = parts.netloc if ":" not in parts.netloc.partition("@")[0] else parts.hostname or ""
    else:
        netloc = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{netloc}{parts.path}"  # urlunsplit drops slashes of sqlite:////
