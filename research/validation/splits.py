"""Ways to cut a span of time into what is learnt from and what is tested on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from framework.core.clock import duration_ns, format_ns
from framework.core.errors import SpecError


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open interval of time, nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    def __str__(self) -> str:
        return f"{format_ns(self.start_ns)[:19]} to {format_ns(self.end_ns)[:19]}"


@dataclass(frozen=True, slots=True)
class Split:
    """One way to cut.

    Attributes
    ----------
    train, test
        Spans in order of time that do not touch where a purge or an embargo lies between.
    folds
        Numbers of the folds tested on.
    """

    train: tuple[Span, ...]
    test: tuple[Span, ...]
    folds: tuple[int, ...]


def walk_forward(
    span: Span, *, folds: int, anchored: bool = False, purge: str | int = 0, train_folds: int = 1
) -> list[Split]:
    """Learn on the past, test on what comes next, move on.

    Time is cut into `folds` + `train_folds` equal parts; each of the last `folds` is tested on.

    Parameters
    ----------
    span
        All there is.
    folds
        Tests made.
    anchored
        True to learn from everything before the test; else from the last `train_folds` parts,
        which roll along.
    purge
        Time left out between what is learnt from and the test, such as ``"1m"``.
    train_folds
        Parts learnt from.

    Raises
    ------
    SpecError
        Where the numbers are not positive or nothing would be left to learn from.

    References
    ----------
    Pardo, R. (2008), "The Evaluation and Optimization of Trading Strategies", chapter 11.

    Examples
    --------
    >>> for split in walk_forward(Span(0, 100), folds=3, purge=5):
    ...     print(split.train, split.test)
    (Span(start_ns=0, end_ns=20),) (Span(start_ns=25, end_ns=50),)
    (Span(start_ns=25, end_ns=45),) (Span(start_ns=50, end_ns=75),)
    (Span(start_ns=50, end_ns=70),) (Span(start_ns=75, end_ns=100),)
    """
    _positive(folds=folds, train_folds=train_folds)
    parts = cut(span, folds + train_folds)
    splits = []
    for fold in range(folds):
        test = parts[fold + train_folds]
        start_ns = span.start_ns if anchored else parts[fold].start_ns
        learnt = _kept([Span(start_ns, test.start_ns)], [test], duration_ns(purge), 0)
        splits.append(Split(learnt, (test,), (fold,)))
    return splits


def purged_k_fold(
    span: Span, *, folds: int, purge: str | int = 0, embargo: str | int = 0
) -> list[Split]:
    """Test on each fold in turn, learn from all others.

    What lies within `purge` of a test on either side is left out, as is what follows within
    `embargo` after that.

    Raises
    ------
    SpecError
        Where there are fewer than two folds or nothing would be left to learn from.

    References
    ----------
    López de Prado, M. (2018), "Advances in Financial Machine Learning", chapter 7.

    Examples
    --------
    >>> purged_k_fold(Span(0, 90), folds=3, purge=2, embargo=5)[1].train
    (Span(start_ns=0, end_ns=28), Span(start_ns=67, end_ns=90))
    """
    return combinatorial_purged(span, folds=folds, test_folds=1, purge=purge, embargo=embargo)


def combinatorial_purged(
    span: Span,
    *,
    folds: int,
    test_folds: int = 2,
    purge: str | int = 0,
    embargo: str | int = 0,
) -> list[Split]:
    """Test on every choice of `test_folds` folds, learn from the others.

    Every fold is tested on in many splits, so that the tests can be joined into
    ``C(folds, test_folds) · test_folds / folds`` histories; see `paths`.

    Raises
    ------
    SpecError
        Where the numbers do not fit or nothing would be left to learn from.

    References
    ----------
    López de Prado, M. (2018), "Advances in Financial Machine Learning", chapter 12.

    Examples
    --------
    >>> len(combinatorial_purged(Span(0, 60), folds=6, test_folds=2))
    15
    """
    _positive(test_folds=test_folds)
    if folds <= test_folds:
        raise SpecError(
            f"at least one fold must be left to learn from, got {folds} folds, {test_folds} of "
            "them to test on",
            remedy="ask for more folds or fewer test folds",
        )
    parts = cut(span, folds)
    splits = []
    for chosen in itertools.combinations(range(folds), test_folds):
        tests = [parts[fold] for fold in chosen]
        rest = [part for fold, part in enumerate(parts) if fold not in chosen]
        learnt = _kept(rest, tests, duration_ns(purge), duration_ns(embargo))
        splits.append(Split(learnt, tuple(tests), chosen))
    return splits


def paths(splits: Sequence[Split]) -> list[list[int]]:
    """Join tests into histories that cover every fold once.

    Returns
    -------
    paths
        For each history, the number of the split that tests each fold, in order of the folds.
    """
    folds = sorted({fold for split in splits for fold in split.folds})
    tested = [[n for n, split in enumerate(splits) if fold in split.folds] for fold in folds]
    return [list(path) for path in zip(*tested, strict=True)]


def cut(span: Span, parts: int) -> list[Span]:
    """Cut a span into parts of equal length, to a nanosecond."""
    length_ns = span.end_ns - span.start_ns
    edges = [span.start_ns + length_ns * part // parts for part in range(parts + 1)]
    return [Span(a, b) for a, b in itertools.pairwise(edges)]


def _kept(
    rest: Sequence[Span], tests: Sequence[Span], purge_ns: int, embargo_ns: int
) -> tuple[Span, ...]:
    """Join neighbours and take away what lies too near to a test."""
    pieces = [(span.start_ns, span.end_ns) for span in rest]
    for test in tests:
        first_ns = test.start_ns - purge_ns
        last_ns = test.end_ns + purge_ns + embargo_ns
        cuts = [((a, min(b, first_ns)), (max(a, last_ns), b)) for a, b in pieces]
        pieces = [piece for pair in cuts for piece in pair if piece[0] < piece[1]]
    joined: list[tuple[int, int]] = []
    for a, b in pieces:
        if joined and joined[-1][1] == a:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    if not joined:
        raise SpecError(
            "something must be left to learn from, but purge and embargo leave nothing",
            remedy="shorten them, ask for fewer folds or give a longer period",
        )
    return tuple(Span(a, b) for a, b in joined)


def _positive(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise SpecError(f"{name} must be 1 or more, got {number}", remedy=f"raise {name}")
