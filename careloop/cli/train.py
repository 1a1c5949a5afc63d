"""``careloop train``: an intent model from a CSV of labelled messages."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from careloop.build import open_encoder
from careloop.cli.session import console, progress_console, read_settings
from careloop.cli.tuning import FineTune, open_tuner
from evals.measures import Measures
from evals.suites.intents import Judged, measure
from triage.card import confused, fine_tuning_note, write_model_card
from triage.examples import Example, read_examples, read_texts
from triage.fine_tuning import train_tuned
from triage.model import HeldOut, IntentModel, train
from triage.risk import OperatingPoints, fit_operating_points

app = typer.Typer()

OPERATING_POINTS = "operating_points.json"
_RISK = 0.05  # wrong routings that most companies would bear


@app.command()
def command(
    data: Annotated[Path, typer.Argument(help="CSV with a header, in UTF-8.", metavar="DATA.csv")],
    out: Annotated[
        Path, typer.Option(help="Folder that the model and its card are written into.", metavar="DIR")
    ],
    *,
    text: Annotated[str, typer.Option(help="Column of the messages.")] = "text",
    label: Annotated[str, typer.Option(help="Column of the labels; `oos` marks what fits none.")] = "label",
    seed: Annotated[int, typer.Option(help="The same data and seed give the same model.")] = 0,
    unlabelled: Annotated[
        Path | None,
        typer.Option(
            help="CSV of messages without labels, such as old tickets: pays where labels have few examples.",
            metavar="CSV",
        ),
    ] = None,
    fine_tune: FineTune = False,
) -> None:
    """Train an intent model; prints what it did on examples it had not seen."""
    if unlabelled and fine_tune:
        raise typer.BadParameter("--unlabelled and --fine-tune exclude one another.")
    examples = read_examples(data, text=text, label=label)
    further = read_texts(unlabelled, text=text) if unlabelled else []
    settings = read_settings()
    with ExitStack() as stack:
        encoder = stack.enter_context(open_encoder(settings))
        status = stack.enter_context(progress_console().status(f"Training on {len(examples)} examples"))
        if fine_tune:
            tuner = stack.enter_context(
                open_tuner(settings, told=lambda step: status.update(f"Fine-tuning: step {step}"))
            )
            model, held_out = train_tuned(examples, encoder, tuner, seed=seed)
        else:
            model, held_out = train(examples, encoder, unlabelled=further, seed=seed)
        model.save(out)
    measures = measure(judged(model, held_out))
    points = fit_operating_points(held_out.probability, held_out.labels == held_out.predicted)
    (out / OPERATING_POINTS).write_text(points.to_json(), encoding="utf-8")
    write_model_card(
        out, model, held_out, metrics=measures.metrics, intervals=measures.intervals, points=points
    )
    console().print(_table(measures))
    if fine_tune:
        console().print(fine_tuning_note(model), highlight=False)
    console().print(_routing(points), highlight=False)
    for (true, taken), times in confused(model.labels, held_out)[:3]:
        console().print(f"Confused {times} times: {true} taken for {taken}.")
    console().print(f"Wrote the model and its card into {out}.")


def judged(model: IntentModel, held_out: HeldOut) -> list[Judged]:
    """The held-out predictions as the evaluation of intents judges them."""
    rows = zip(
        held_out.labels.tolist(), held_out.predicted.tolist(), held_out.probability.tolist(), strict=True
    )
    return [
        Judged(Example("", model.labels[true]), model.labels[taken], probability, probability)
        for true, taken, probability in rows
    ]


def _routing(points: OperatingPoints) -> str:
    point = points.at(_RISK)
    if point is None or point.threshold is None:
        return f"Too few messages, or too many errors, to promise at most {_RISK:.0%} wrong routings."
    return f"{point.coverage:.0%} of messages can be routed with at most {_RISK:.0%} of them wrong."


def _table(measures: Measures) -> Table:
    table = Table("held out", "value", "95 % interval")
    for name, value in measures.metrics.items():
        low, high = measures.intervals[name]
        table.add_row(name, f"{value:.4f}", f"{low:.4f} – {high:.4f}")
    return table
