"""The page of a sweep: its best trials and Optuna's own plots, in one file without network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import optuna

from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.sampling import quiet
from framework.core.errors import CrossbookError

if TYPE_CHECKING:
    import plotly.graph_objects as go

_Target = Callable[[optuna.trial.FrozenTrial], float]
_FEWEST: Final = 3  # trials that a plot of importances or slices needs to say anything
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
       color: #1c2333; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .25rem .8rem; border-bottom: 1px solid #dde1ea; text-align: right; }
td:first-child, th:first-child { text-align: left; }
p { color: #555f77; }
"""


def figures(outcome: SweepOutcome) -> dict[str, go.Figure]:
    """Draw what Optuna can draw of a study: history, importances, slices, Pareto front."""
    from optuna import visualization as draw

    made: dict[str, go.Figure] = {}
    study, objectives = outcome.study, outcome.objectives
    complete = sum(trial.state.name == "COMPLETE" for trial in outcome.trials)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of features Optuna calls experimental
        if len(objectives) in (2, 3):
            names = [objective.metric for objective in objectives]
            made["pareto"] = draw.plot_pareto_front(study, target_names=names)
        for place, objective in enumerate(objectives):
            of = None if len(objectives) == 1 else _value(place)
            end = "" if len(objectives) == 1 else f"_{objective.metric}"
            name = objective.metric
            made[f"history{end}"] = draw.plot_optimization_history(
                study, target=of, target_name=name
            )
            if complete >= _FEWEST:
                made[f"slice{end}"] = draw.plot_slice(study, target=of, target_name=name)
                importances = _importances(study, of, name)
                if importances is not None:
                    made[f"importances{end}"] = importances
    return made


def write_page(
    outcome: SweepOutcome, path: Path, title: str, told: Mapping[str, str] | None = None
) -> Path:
    """Write the page.

    Parameters
    ----------
    outcome
        What was found.
    path
        File; its folder is made.
    title
        Heading.
    told
        More to tell: headings and HTML.

    Raises
    ------
    CrossbookError
        Where the file cannot be written.
    """
    parts = [f"<h1>{escape(title)}</h1>", outcome._repr_html_(), _deflation(outcome)]
    parts += [f"<h2>{escape(head)}</h2>{html}" for head, html in (told or {}).items()]
    for number, figure in enumerate(figures(outcome).values()):
        figure.update_layout(template="plotly_white", margin={"t": 60}, width=None)
        parts.append(figure.to_html(full_html=False, include_plotlyjs=number == 0))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><body>{''.join(parts)}</body></html>"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise CrossbookError(
            f"the sweep's page cannot be written to {path}: {error.strerror or error}",
            remedy="choose a writable folder with --out",
        ) from error
    return path


def deflation_text(outcome: SweepOutcome) -> str:
    """Say in a sentence what the best Sharpe ratio is worth after so many trials."""
    found = outcome.deflated
    if found is None:
        return "The best trial has no Sharpe ratio to deflate: its profit never varies."
    return (
        f"Best of {found.n_trials} trials: its Sharpe ratio is {found.sharpe_per_bar:.4g} per bar "
        f"of {outcome.bar_ns / 1e9:g} s over {found.n_bars} bars; as many trials without skill "
        f"would be expected to reach {found.expected_best:.4g}. Deflated Sharpe ratio: "
        f"{found.probability:.4f}."
    )


def _deflation(outcome: SweepOutcome) -> str:
    text = f"<p>{escape(deflation_text(outcome))}</p>" if outcome.front else ""
    if outcome.overfitting is not None:
        text += (
            "<p>Probability of backtest overfitting: "
            f"{outcome.overfitting.probability:.3f} over {outcome.overfitting.logits.size:,} "
            "splits of time into halves; .5 is what luck alone gives.</p>"
        )
    return text


def _importances(study: optuna.Study, target: _Target | None, name: str) -> go.Figure | None:
    from optuna.visualization import plot_param_importances

    try:
        return plot_param_importances(study, target=target, target_name=name)
    except (ImportError, ValueError, RuntimeError):  # nothing varies, or scikit-learn is missing
        return None


def _value(place: int) -> _Target:
    return lambda trial: float(trial.values[place])
