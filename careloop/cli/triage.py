"""``careloop triage``: what one message is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from careloop.cli.session import JsonFlag, console
from careloop.cli.triagers import ModelOption, TaxonomyOption, open_triager
from kit.clock import SystemClock
from triage.labels import Label, Triage
from triage.message import Message

app = typer.Typer()


@app.command()
def command(
    text: Annotated[str, typer.Argument(help="The message.")],
    *,
    subject: Annotated[str | None, typer.Option(help="Subject, of an e-mail.")] = None,
    taxonomy: TaxonomyOption = None,
    model: ModelOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print what TEXT is: intent, queue, priority, sentiment, signals, each with the words that say so."""
    today = SystemClock().now().date()
    with open_triager(taxonomy=taxonomy, model=model) as triager:
        found = triager.triage([Message(text, subject)], today=today)[0]
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    table = Table("what", "label", "probability", "because of")
    for kind, label in _labels(found):
        because = " … ".join(one.text for one in label.evidence)
        table.add_row(kind, label.name, f"{label.probability:.0%}", escape(because))
    out = console()
    out.print(table)
    out.print(f"Routing: {found.certainty.replace('_', ' ')}. Fits one of the intents: {found.in_scope:.0%}.")
    for entity in found.entities:
        out.print(f"{entity.kind}: {escape(entity.value)}")


def _labels(found: Triage) -> Iterator[tuple[str, Label]]:
    yield "intent", found.intent
    for label in found.further:
        yield "also", label
    yield "queue", Label(found.queue.name, found.queue.probability)
    yield "priority", Label(found.priority.name, found.priority.probability)
    yield "sentiment", found.sentiment
    yield "origin", Label(found.origin.name, found.origin.probability)
    yield "language", found.language
    for kind, labels in (("signal", found.signals), ("urgency", found.urgency)):
        for label in labels:
            yield kind, label
