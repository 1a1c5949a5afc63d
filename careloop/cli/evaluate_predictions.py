"""``careloop evaluate`` of predictions, on simulated worlds whose truth is known."""

from __future__ import annotations

from typing import Annotated

import typer

from careloop.build import open_encoder
from careloop.build_triage import taxonomy_file, triage_models, triager_maker
from careloop.cli.reports import JsonReport, deliver
from careloop.cli.session import progress_console, read_settings
from evals.suites.churn import evaluate_churn
from evals.suites.forecast import AHEAD, evaluate_forecast
from evals.suites.incidents import evaluate_incidents
from evals.suites.outcomes import WEEKS_AFTER, evaluate_outcomes
from signals.predictions.forecast import MOST_AHEAD
from triage.taxonomy import read_taxonomy

# Choices were made on seeds from 100 on; those reported are others.
REPORTED = [0, 1, 2, 3, 4]

Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", min=0, help="Seed of a world; repeat for several; 0 to 4 without."),
]
Weeks = Annotated[int, typer.Option(min=1, max=12, help="Weeks after the world has changed.", metavar="N")]


def churn(*, seed: Seeds = None, json: JsonReport = None) -> None:
    """AUC of the churn model against the best possible, and calibration, on simulated customers."""
    deliver(evaluate_churn(seed or REPORTED), json, several=False)


def incidents(*, seed: Seeds = None, json: JsonReport = None) -> None:
    """Minutes to flag an incident that was put in, and false alarms a month, in simulated contact centres."""
    deliver(evaluate_incidents(seed or REPORTED), json, several=False)


def forecast(
    *,
    seed: Seeds = None,
    ahead: Annotated[int, typer.Option(min=1, max=MOST_AHEAD, help="Days of each forecast.")] = AHEAD,
    json: JsonReport = None,
) -> None:
    """MASE of the contact forecast against seasonal-naive, and interval coverage, over simulated queues."""
    deliver(evaluate_forecast(seed or REPORTED, ahead=ahead), json, several=False)


def outcomes(*, seed: Seeds = None, weeks: Weeks = WEEKS_AFTER, json: JsonReport = None) -> None:
    """Precision of upsell and churn risk as outcomes come in, before and after the world changes."""
    settings = read_settings()
    with open_encoder(settings) as encoder:
        taxonomy = read_taxonomy(taxonomy_file(settings))
        models = triage_models(settings, taxonomy, encoder, told=_tell)
        triager = triager_maker(settings, taxonomy, encoder)(models)
        report = evaluate_outcomes(seed or REPORTED, encoder, triager.triage, after=weeks, noted=_tell)
    deliver(report, json, several=False)


def _tell(said: str) -> None:
    progress_console().print(said)
