"""The study as it is stored: finished trials only, each written once and as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from experiments.record.addresses import without_credentials
from experiments.sweep.sampling import quiet
from framework.core.errors import CrossbookError

_DEFINITION: Final = "crossbook.definition"


class Ledger:
    """Finished trials of one study in an Optuna storage.

    A trial is added in one transaction once it is finished, so that a process killed at any
    instant leaves only whole trials behind.

    Parameters
    ----------
    storage
        URL such as ``sqlite:///study.db``, or a storage of Optuna's; None keeps the study in
        memory.
    name
        Of the study.
    directions
        One an objective.
    definition
        What makes this study what it is; resuming one that was begun otherwise is refused.
    fresh
        True to forget what is stored under this name.

    Raises
    ------
    CrossbookError
        Where the storage cannot be used, or holds another study of the name.
    """

    def __init__(
        self,
        storage: str | BaseStorage | None,
        name: str,
        directions: Sequence[StudyDirection],
        definition: Mapping[str, str],
        *,
        fresh: bool = False,
    ) -> None:
        url = storage if isinstance(storage, str) else ""
        self._where = without_credentials(url) if url else type(storage or self).__name__
        try:
            with quiet():
                if fresh and storage is not None and name in optuna.get_all_study_names(storage):
                    optuna.delete_study(study_name=name, storage=storage)
                self.study = optuna.create_study(
                    storage=storage,
                    study_name=name,
                    directions=list(directions),
                    load_if_exists=True,
                )
        except (SQLAlchemyError, ImportError, ValueError, OSError) as error:
            reason = str(error).splitlines()[0].replace(url or self._where, self._where)
            raise CrossbookError(
                f"a study's storage must be usable, {self._where} is not: {reason}",
                remedy="correct sweep.storage, e.g. sqlite:///study.db",
            ) from error
        self._trials: list[FrozenTrial] = self.study.get_trials(deepcopy=False)
        self._check(name, dict(definition))

    @property
    def trials(self) -> Sequence[FrozenTrial]:
        """All that is finished, in the order of the numbers."""
        return self._trials

    def add(self, trial: FrozenTrial) -> None:
        """Write down one finished trial.

        Raises
        ------
        CrossbookError
            Where another process has written to the study meanwhile.
        """
        number = len(self._trials)
        if len(self.study.get_trials(deepcopy=False)) != number:
            raise CrossbookError(
                f"a study must be swept by one process at a time, {self._where} has got trials "
                "from another",
                remedy="wait for the other sweep to end, then run this one again: it goes on "
                "from there",
            )
        with quiet():
            self.study.add_trial(trial)
        trial.number = number
        self._trials.append(trial)

    def note(self, key: str) -> str:
        """Read a note kept with the study; empty where there is none."""
        return str(self.study.user_attrs.get(key, ""))

    def keep_note(self, key: str, text: str) -> None:
        """Keep a note with the study."""
        self.study.set_user_attr(key, text)

    def _check(self, name: str, definition: dict[str, str]) -> None:
        stored = self.note(_DEFINITION)
        if not stored and not self._trials:
            self.keep_note(_DEFINITION, json.dumps(definition))
            return
        begun: dict[str, str] = json.loads(stored) if stored else {}
        changed = [
            f"{key} {begun.get(key, 'not set')!r}, now {definition.get(key, 'not set')!r}"
            for key in sorted({*begun, *definition})
            if begun.get(key) != definition.get(key)
        ]
        if changed:
            raise CrossbookError(
                f"study {name} in {self._where} was begun with {'; '.join(changed[:3])}"
                + (f" and {len(changed) - 3} more differences" if len(changed) > 3 else ""),
                remedy="begin it anew with --fresh (Python: fresh=True), which forgets its "
                f"{len(self._trials)} trials, or give the new one another name",
            )
