"""How likely a Sharpe ratio is to be more than luck, after how many attempts it was found."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from framework.core.errors import CrossbookError

EULER_MASCHERONI: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()


def probabilistic_sharpe(
    sharpe: float, benchmark: float, n_bars: int, skewness: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Give the probability that the true Sharpe ratio exceeds a benchmark.

    ``Φ((SR − SR*) · √(T − 1) / √(1 − γ₃·SR + (γ₄ − 1)/4 · SR²))``

    Parameters
    ----------
    sharpe, benchmark
        Observed ratio and what it is to beat, both per bar: not annualised.
    n_bars
        Length of the track record.
    skewness, kurtosis
        Of the profits; kurtosis is 3 for a normal distribution.

    Raises
    ------
    CrossbookError
        Where there are fewer than two bars, or no distribution has these moments.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2012), "The Sharpe Ratio Efficient Frontier", Journal of
    Risk 15(2), equation 4.

    Examples
    --------
    A ratio that equals its benchmark beats it as often as not:

    >>> probabilistic_sharpe(0.1, 0.1, n_bars=100)
    0.5
    """
    if n_bars < 2:
        raise CrossbookError(
            f"a Sharpe ratio is judged on two bars or more, got {n_bars}",
            remedy="give a longer run or a shorter bar",
        )
    spread = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if spread <= 0.0:
        raise CrossbookError(
            f"a kurtosis is at least 1 + skewness², got {kurtosis} and skewness {skewness}",
            remedy="give the kurtosis itself, 3 for a normal distribution, not the excess over 3",
        )
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(n_bars - 1) / math.sqrt(spread))


def expected_best_sharpe(n_trials: int, variance: float) -> float:
    """Give the best Sharpe ratio to be expected of trials none of which has any skill.

    ``√V · ((1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 − 1/(N·e)))``, γ being the Euler-Mascheroni constant.

    Parameters
    ----------
    n_trials
        Number of independent trials. Trials that resemble each other count for less, so the number
        of all trials errs on the side of caution.
    variance
        Of the Sharpe ratios over the trials, per bar.

    Raises
    ------
    CrossbookError
        Where there is no trial, or the variance is negative.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014), "The Deflated Sharpe Ratio", Journal of Portfolio
    Management 40(5), equation 1.

    Examples
    --------
    One trial is no selection:

    >>> expected_best_sharpe(1, 0.5)
    0.0
    """
    if n_trials < 1 or variance < 0.0:
        raise CrossbookError(
            f"a best of trials needs one trial or more and a variance of 0 or more, got {n_trials} "
            f"and {variance}",
            remedy="give the number of all trials made, and the variance of their Sharpe ratios",
        )
    if n_trials == 1:
        return 0.0
    best = (1.0 - EULER_MASCHERONI) * _NORMAL.inv_cdf(1.0 - 1.0 / n_trials)
    best += EULER_MASCHERONI * _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))
    return math.sqrt(variance) * best


def deflated_sharpe(
    sharpe: float,
    n_bars: int,
    *,
    n_trials: int,
    variance: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Give the probability that the best of many trials has skill at all.

    It is the probabilistic Sharpe ratio against `expected_best_sharpe`. All ratios are per bar; an
    annualised ratio is divided by the root of the bars of a year, an annualised variance by the
    bars of a year.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014), "The Deflated Sharpe Ratio", Journal of Portfolio
    Management 40(5), equation 2.

    Examples
    --------
    The paper's own: 2.5 a year on 1,250 days of 250 a year, found in 100 trials:

    >>> round(deflated_sharpe(2.5 / 250**0.5, 1_250, n_trials=100, variance=0.5 / 250,
    ...                       skewness=-3.0, kurtosis=10.0), 4)
    0.9004
    """
    benchmark = expected_best_sharpe(n_trials, variance)
    return probabilistic_sharpe(sharpe, benchmark, n_bars, skewness, kurtosis)
