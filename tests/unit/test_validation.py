"""Published numbers, slow twins and what splits must keep."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.core.errors import CrossbookError, SpecError
from research.performance import sharpe_ratio
from research.validation import (
    Span,
    Split,
    backtest_overfitting,
    combinatorial_purged,
    deflated_sharpe,
    expected_best_sharpe,
    paths,
    probabilistic_sharpe,
    purged_k_fold,
    walk_forward,
)

_DAYS = 250
"""Of a year, as the paper counts them."""


def test_the_published_example_of_the_deflated_sharpe_ratio() -> None:
    # Bailey and López de Prado (2014): ratio and variance are annual, the formulas take days.
    benchmark = expected_best_sharpe(100, 0.5 / _DAYS)
    assert round(benchmark, 4) == 0.1132
    found = deflated_sharpe(
        2.5 / math.sqrt(_DAYS),
        1_250,
        n_trials=100,
        variance=0.5 / _DAYS,
        skewness=-3.0,
        kurtosis=10.0,
    )
    assert round(found, 4) == 0.9004


def test_the_published_length_at_which_a_ratio_is_trusted() -> None:
    # Bailey and López de Prado (2012), p. 19: hedge funds' monthly ratio .458, skewness -2.448 and
    # kurtosis 10.164 beat zero with 95 % from a certain length on; one month less does not.
    skewness, kurtosis, ratio = -2.448, 10.164, 0.458
    spread = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
    shortest = math.ceil(1 + spread * (1.6448536 / ratio) ** 2)
    assert probabilistic_sharpe(ratio, 0.0, shortest, skewness, kurtosis) >= 0.95
    assert probabilistic_sharpe(ratio, 0.0, shortest - 1, skewness, kurtosis) < 0.95


@pytest.mark.parametrize("n_trials", [10, 100, 1_000])
def test_the_best_of_trials_without_skill_is_what_is_expected(n_trials: int) -> None:
    rng = np.random.default_rng(n_trials)
    best = rng.normal(0.0, 0.3, (4_000, n_trials)).max(axis=1).mean()
    # The formula is the limit of many trials; at ten it is off by some percent.
    assert expected_best_sharpe(n_trials, 0.09) == pytest.approx(best, rel=0.04)


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(CrossbookError, match="two bars or more, got 1"):
        probabilistic_sharpe(1.0, 0.0, 1)
    with pytest.raises(CrossbookError, match="kurtosis is at least"):
        probabilistic_sharpe(1.0, 0.0, 10, skewness=3.0, kurtosis=0.0)
    with pytest.raises(CrossbookError, match="got 0"):
        expected_best_sharpe(0, 1.0)
    with pytest.raises(CrossbookError, match="a choice between trials, got 1"):
        backtest_overfitting(np.zeros((64, 1)))
    with pytest.raises(CrossbookError, match="16 blocks of 20 bars"):
        backtest_overfitting(np.zeros((20, 3)))


def _slow_logits(profit: np.ndarray, blocks: int) -> list[float]:
    """Do it as the paper tells, one split after the other."""
    parts = np.array_split(profit, blocks)
    logits = []
    for half in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[b] for b in half])
        outside = np.concatenate([parts[b] for b in range(blocks) if b not in half])
        best = int(np.argmax([sharpe_ratio(column) for column in inside.T]))
        ratios = [sharpe_ratio(column) for column in outside.T]
        rank = 1 + sum(ratio < ratios[best] for ratio in ratios)
        share = rank / (len(ratios) + 1)
        logits.append(math.log(share / (1 - share)))
    return logits


def test_overfitting_equals_its_slow_twin() -> None:
    profit = np.random.default_rng(3).normal(0.02, 1.0, (131, 7))
    found = backtest_overfitting(profit, blocks=6)
    assert found.logits == pytest.approx(_slow_logits(profit, 6))
    assert found.logits.size == math.comb(6, 3)
    assert found.probability == np.mean([logit <= 0 for logit in _slow_logits(profit, 6)])


def test_skill_is_told_from_luck() -> None:
    rng = np.random.default_rng(4)
    probabilities, inside, outside = [], [], []
    for _ in range(40):
        found = backtest_overfitting(rng.normal(0.0, 1.0, (400, 20)), blocks=8)
        probabilities.append(found.probability)
        inside.append(found.in_sample.mean())
        outside.append(found.out_of_sample.mean())
    # Among trials without skill the best of one half is as often below as above in the other.
    assert np.mean(probabilities) == pytest.approx(0.5, abs=0.1)
    assert np.mean(inside) > 0.1 > 5 * abs(np.mean(outside))
    skilled = rng.normal(0.0, 1.0, (1_000, 50))
    skilled[:, 17] += 0.2
    able = backtest_overfitting(skilled)
    assert able.probability < 0.02
    assert (able.chosen == 17).mean() > 0.95


def test_trials_that_do_the_same_are_not_ranked() -> None:
    same = np.repeat(np.random.default_rng(5).normal(0.1, 1.0, (64, 1)), 3, axis=1)
    assert backtest_overfitting(same, blocks=4).logits == pytest.approx(0.0)


def _gap_ns(learnt: Span, test: Span) -> tuple[int, int]:
    """How long before the test the span ends, and after it begins; negative where it does not."""
    return test.start_ns - learnt.end_ns, learnt.start_ns - test.end_ns


@given(
    length=st.integers(10_000, 10**15),
    folds=st.integers(3, 8),
    test_folds=st.integers(1, 2),
    purge=st.integers(0, 200),
    embargo=st.integers(0, 200),
)
def test_nothing_is_learnt_near_a_test(
    length: int, folds: int, test_folds: int, purge: int, embargo: int
) -> None:
    span = Span(1_000, 1_000 + length)
    splits = combinatorial_purged(
        span, folds=folds, test_folds=test_folds, purge=purge, embargo=embargo
    )
    assert len(splits) == math.comb(folds, test_folds)
    for split in splits:
        for learnt, test in itertools.product(split.train, split.test):
            before, after = _gap_ns(learnt, test)
            assert before >= purge or after >= purge + embargo
        kept = sum(s.end_ns - s.start_ns for s in (*split.train, *split.test))
        assert kept >= length - len(split.test) * (2 * purge + embargo)
    histories = paths(splits)
    assert len(histories) == math.comb(folds, test_folds) * test_folds // folds
    for history in histories:
        assert all(fold in splits[n].folds for fold, n in enumerate(history))
    assert len({(fold, n) for path in histories for fold, n in enumerate(path)}) == folds * len(
        histories
    )


@given(folds=st.integers(1, 9), purge=st.integers(0, 50), anchored=st.booleans())
def test_walking_forward_never_looks_back_from_the_future(
    folds: int, purge: int, anchored: bool
) -> None:
    span = Span(0, 10_000)
    splits = walk_forward(span, folds=folds, purge=purge, anchored=anchored)
    ends = [split.test[0].end_ns for split in splits]
    assert ends == sorted(ends)
    assert ends[-1] == span.end_ns
    for split in splits:
        (learnt,), (test,) = split.train, split.test
        assert learnt.end_ns == test.start_ns - purge
        assert (learnt.start_ns == 0) or not anchored
    joined = [split.test[0] for split in splits]
    assert all(a.end_ns == b.start_ns for a, b in itertools.pairwise(joined))


def test_purging_as_the_table_of_another_library_has_it() -> None:
    # skfolio 1.12, CombinatorialPurgedCV(n_folds=4, n_test_folds=2, purged_size=1, embargo_size=1)
    # on 16 observations, its second split: tests on folds 0 and 2, learns from 6 and 14, 15.
    split = combinatorial_purged(Span(0, 16), folds=4, test_folds=2, purge=1, embargo=1)[1]
    assert split == Split((Span(6, 7), Span(14, 16)), (Span(0, 4), Span(8, 12)), (0, 2))


def test_mistakes_are_explained() -> None:
    with pytest.raises(SpecError, match="leave nothing"):
        purged_k_fold(Span(0, 100), folds=2, purge=60)
    with pytest.raises(SpecError, match="got 2 folds, 2 of them"):
        combinatorial_purged(Span(0, 100), folds=2, test_folds=2)
    with pytest.raises(SpecError, match="folds must be 1 or more"):
        walk_forward(Span(0, 100), folds=0)
