"""Models on disk, without pickle: JSON, XGBoost's own format, safetensors.

Loading runs no code of the file's choosing: a folder with anything else in it, a file that was
changed since, or a kind that is not one of ours is refused before any part of it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from research.volatility.models import KINDS, ModelError, VolatilityModel

FORMAT: Final = "crossbook.volatility/1"
"""First words of a stored model; another format gets another number."""
STATE_FILE: Final = "model.json"
_SAFE_SUFFIXES: Final = (".ubj", ".safetensors")
_LARGEST_STATE: Final = 10_000_000


def save_model(model: VolatilityModel, folder: Path, *, about: Mapping[str, object]) -> None:
    """Write a fitted model to an empty folder.

    Parameters
    ----------
    about
        What was learnt from: horizon, features, data versions, seed; whatever JSON can hold.

    Raises
    ------
    ModelError
        Where the folder is not empty or the model was not fitted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelError(
            f"{folder} must be empty to hold a model, it is not",
            remedy="choose another folder",
        )
    state = model.save(folder)
    files = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    document = {
        "format": FORMAT,
        "kind": model.kind,
        "files": files,
        "about": dict(about),
        "state": dict(state),
    }
    (folder / STATE_FILE).write_text(json.dumps(document, indent=1, sort_keys=True))


def load_model(folder: Path) -> tuple[VolatilityModel, dict[str, object]]:
    """Load a model and what is told about it.

    Raises
    ------
    ModelError
        Where the folder holds anything that `save_model` did not write, a pickle above all.
    """
    document = _document(folder)
    files, kind = document.get("files"), document.get("kind")
    if not isinstance(files, dict) or kind not in KINDS:
        raise ModelError(
            f"{folder / STATE_FILE}: kind must be one of {', '.join(KINDS)}, found {kind!r}",
            remedy="load models that this version of crossbook wrote",
        )
    for path in sorted(folder.iterdir()):
        if path.name == STATE_FILE:
            continue
        if path.suffix not in _SAFE_SUFFIXES or path.name not in files or path.is_symlink():
            raise ModelError(
                f"{path}: a model holds {', '.join(_SAFE_SUFFIXES)} files that {STATE_FILE} names "
                "and nothing else; pickles can run any code and are never loaded",
                remedy="train the model anew, or delete the foreign file",
            )
    for name, digest in files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise ModelError(
                f"{path}: must be the file that was stored, it is missing or was changed",
                remedy="restore it, or train the model anew",
            )
    model = KINDS[str(kind)]()
    state, about = document.get("state"), document.get("about")
    assert isinstance(state, dict)
    model.load(folder, state)
    return model, about if isinstance(about, dict) else {}


def _document(folder: Path) -> dict[str, object]:
    path = folder / STATE_FILE
    if not path.is_file() or path.stat().st_size > _LARGEST_STATE:
        raise ModelError(
            f"{folder}: a model is a folder with {STATE_FILE}, there is none",
            remedy="give the folder that training wrote",
        )
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise ModelError(
            f"{path}: must be JSON, {error}", remedy="restore it, or train the model anew"
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelError(
            f"{path}: must say format {FORMAT}, it does not",
            remedy="load models that this version of crossbook wrote",
        )
    return document


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
