"""``careloop evaluate`` of triage: intents, queues, signals, sentiment, language, evidence, learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from careloop.build import open_encoder
from careloop.build_triage import routing_rules, taxonomy_file, triage_models, triager_maker
from careloop.cli.ingest import progress_bar
from careloop.cli.reports import JsonReport, deliver
from careloop.cli.session import progress_console, read_settings
from careloop.cli.triagers import TaxonomyOption
from careloop.cli.tuning import FineTune, open_tuner
from careloop.settings import Settings
from evals.report import Report
from evals.suites.evidence import evaluate_evidence
from evals.suites.intents import RISK, evaluate_folds, evaluate_intents
from evals.suites.language import evaluate_language, load_messages
from evals.suites.replay import evaluate_replay
from evals.suites.routing import (
    OWN_TICKETS,
    LabelledTicket,
    evaluate_routing,
    evaluate_routing_folds,
    load_tickets,
)
from evals.suites.signals import evaluate_sentiment, evaluate_signals, load_churn, load_felt
from inference.embeddings import Encoder
from triage.brands import fill
from triage.examples import read_examples
from triage.labelled import read_labelled
from triage.models import prepare_marks, prepare_models
from triage.routing import Router
from triage.taxonomy import read_taxonomy, shipped
from triage.triager import Triager


def intents(
    *,
    train: Annotated[Path, typer.Option(help="CSV of text and label to train on.", metavar="CSV")],
    test: Annotated[
        Path | None, typer.Option(help="CSV to judge; without, --folds of the other.", metavar="CSV")
    ] = None,
    shots: Annotated[
        int | None, typer.Option(min=2, help="Examples of each label, drawn anew by each seed.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seed of a run; repeat for several.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    risk: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Share of messages routed that may be wrong.")
    ] = RISK,
    peers: Annotated[
        Path | None, typer.Option(help="CSV of what others said to the test messages.", metavar="CSV")
    ] = None,
    diagram: Annotated[
        Path | None,
        typer.Option(help="Draws a reliability diagram as NAME.png and NAME.svg.", metavar="NAME"),
    ] = None,
    unlabelled: Annotated[
        bool, typer.Option(help="With --shots: show the other rows of the training set, without labels.")
    ] = False,
    fine_tune: FineTune = False,
    json: JsonReport = None,
) -> None:
    """Accuracy, calibration and out-of-scope detection of intents; `oos` labels what none of them fits."""
    if test is None and (shots or peers or diagram or len(seed or []) > 1):
        raise typer.BadParameter("--shots, --peers, --diagram and a second --seed need a --test set.")
    if unlabelled and (not shots or fine_tune):
        raise typer.BadParameter("--unlabelled needs --shots, and excludes --fine-tune.")
    examples, name = read_examples(train), f"{train.parent.name}/{train.stem}"
    seeds, settings = seed or [0], read_settings()
    with (
        open_encoder(settings) as encoder,
        open_tuner(settings) if fine_tune else nullcontext() as tuner,
        progress_bar() as bar,
    ):
        task = bar.add_task(f"{name}: runs", total=len(seeds) if test else folds)

        def advance() -> None:
            bar.advance(task)

        if test is None:
            report = evaluate_folds(
                name, examples, encoder, folds=folds, seed=seeds[0], risk=risk, tuner=tuner, advance=advance
            )
        else:
            held = read_examples(test)
            report = evaluate_intents(
                f"{test.parent.name}/{test.stem}",
                examples,
                held,
                encoder,
                shots=shots,
                seeds=seeds,
                risk=risk,
                peers=peers,
                diagram=diagram,
                tuner=tuner,
                unlabelled=unlabelled,
                advance=advance,
            )
    deliver(report, json, several=False)


LabelledCsv = Annotated[Path, typer.Option(help="CSV with a header, in UTF-8.", metavar="CSV")]


def signals(*, data: LabelledCsv, json: JsonReport = None) -> None:
    """Churn toward a brand, without training on the set: a CSV of text, brand and churn."""
    settings = read_settings()
    with open_encoder(settings) as encoder:
        model = prepare_marks(encoder, settings.encoder.cache_dir, told=_tell)
        report = evaluate_signals(data.stem, load_churn(data), model, encoder)
    deliver(report, json, several=False)


def sentiment(*, data: LabelledCsv, json: JsonReport = None) -> None:
    """Negative, neutral or positive, without training on the set: a CSV of text and label."""
    settings = read_settings()
    with open_encoder(settings) as encoder:
        model = prepare_marks(encoder, settings.encoder.cache_dir, told=_tell)
        report = evaluate_sentiment(data.stem, load_felt(data), model, encoder)
    deliver(report, json, several=False)


def routing(
    *,
    data: Annotated[
        Path, typer.Option(help="CSV, JSONL or Parquet; else tickets of our own.", metavar="FILE")
    ] = OWN_TICKETS,
    text: Annotated[str, typer.Option(help="Column of the messages.")] = "text",
    queue: Annotated[str, typer.Option(help="Column of the queues they belong in.")] = "queue",
    priority: Annotated[str | None, typer.Option(help="Column of P1 to P4, if there is one.")] = None,
    taxonomy: TaxonomyOption = None,
    rules: Annotated[
        Path | None, typer.Option(help="Routing rules, instead of the setting's.", metavar="RULES.yaml")
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="Share of wrong automatic routings accepted; the setting's."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Learn the queues from the set itself, in so many folds, without rules."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the folds.")] = 0,
    json: JsonReport = None,
) -> None:
    """Where tickets go: accuracy, what goes by itself and how often wrongly, queues, confusions, priority."""
    settings = read_settings()
    if data == OWN_TICKETS:
        taxonomy, priority = taxonomy or "telecom", priority or "priority"
    settings.triage.taxonomy = taxonomy or settings.triage.taxonomy
    settings.triage.routing = rules or settings.triage.routing
    settings.triage.risk = risk or settings.triage.risk
    tickets = load_tickets(data, text=text, queue=queue, priority=priority)
    with open_encoder(settings) as encoder, progress_bar() as bar:
        task = bar.add_task(data.name, total=len(tickets))
        report = _routing_report(
            f"{data.parent.name}/{data.stem}",
            tickets,
            settings,
            encoder,
            folds=folds,
            seed=seed,
            advance=lambda done: bar.advance(task, done),
        )
    deliver(report, json, several=False)


def _routing_report(
    name: str,
    tickets: Sequence[LabelledTicket],
    settings: Settings,
    encoder: Encoder,
    *,
    folds: int | None,
    seed: int,
    advance: Callable[[int], None],
) -> Report:
    risk = settings.triage.risk
    if folds is not None:
        marks = prepare_marks(encoder, settings.encoder.cache_dir, told=_tell)
        return evaluate_routing_folds(
            name, tickets, marks, encoder, risk=risk, folds=folds, seed=seed, advance=advance
        )
    known = read_taxonomy(taxonomy_file(settings))
    found = routing_rules(settings, known)
    models = triage_models(settings, known, encoder, told=_tell)
    triager = triager_maker(settings, known, encoder)(models)
    router = None if found is None else Router.of(found)
    return evaluate_routing(name, tickets, triager, router, risk=risk, advance=advance)


def language(*, data: LabelledCsv, json: JsonReport = None) -> None:
    """Language identification: a CSV of language (ISO 639-1) and text."""
    deliver(evaluate_language(data.stem, load_messages(data)), json, several=False)


def evidence(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="CSV of text and label; without, the messages that ship.", metavar="CSV"),
    ] = None,
    taxonomy: Annotated[str, typer.Option(help="Name of a taxonomy that ships.")] = "telecom",
    most: Annotated[int, typer.Option(min=1, help="Messages to take, from the first on.")] = 5_000,
    json: JsonReport = None,
) -> None:
    """What deleting the words that are shown for a label does to it."""
    settings = read_settings()
    if data is None:
        name, texts = "labelled messages", [fill(message.text) for message in read_labelled()]
    else:
        name, texts = f"{data.parent.name}/{data.stem}", [example.text for example in read_examples(data)]
    known = read_taxonomy(shipped()[taxonomy])
    with open_encoder(settings) as encoder:
        models = prepare_models(known, encoder, settings.encoder.cache_dir, told=_tell)
        triager = Triager(models, encoder, intents=known.leaves)
        report = evaluate_evidence(name, texts[:most], triager, encoder)
    deliver(report, json, several=False)


def replay(
    *,
    train: Annotated[Path, typer.Option(help="CSV of text and label to begin with.", metavar="CSV")],
    test: Annotated[Path, typer.Option(help="CSV whose first half comes as corrections.", metavar="CSV")],
    shots: Annotated[int, typer.Option(min=2, help="Examples of each label to begin with.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 0,
    json: JsonReport = None,
) -> None:
    """What corrections teach a model, against training on them directly; whether a poisoned batch gets in."""
    with open_encoder(read_settings()) as encoder:
        report = evaluate_replay(
            test.parent.name, read_examples(train), read_examples(test), encoder, shots=shots, seed=seed
        )
    deliver(report, json, several=False)


def _tell(said: str) -> None:
    progress_console().print(said)
