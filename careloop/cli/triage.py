"""``careloop triage``: what one message is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from careloop.build import open_encoder
from careloop.cli.session import JsonFlag, console, read_settings
from triage.model import load_model

app = typer.Typer()


@app.command()
def command(
    text: Annotated[str, typer.Argument(help="The message.")],
    model: Annotated[Path, typer.Option(help="Folder that `careloop train` wrote.", metavar="DIR")],
    as_json: JsonFlag = False,
) -> None:
    """Print the likeliest intents of TEXT, with probabilities."""
    loaded = load_model(model)
    with open_encoder(read_settings()) as encoder:
        found = loaded.predict([text], encoder)[0]
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    for label, probability in ((found.label, found.probability), *found.others):
        console().print(f"{probability:6.1%}  {label}", highlight=False)
    console().print(f"Fits one of the labels: {found.in_scope:.0%}", highlight=False)
