"""The triager that commands work with, without database or server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from careloop.build import open_encoder
from careloop.build_triage import taxonomy_file, triage_models, triager_maker
from careloop.cli.session import progress_console, read_settings
from triage.model import load_model
from triage.models import load_points
from triage.taxonomy import read_taxonomy
from triage.triager import Triager

TaxonomyOption = Annotated[
    str | None,
    typer.Option(help="A shipped taxonomy or a YAML file, instead of the setting's.", metavar="NAME|FILE"),
]
ModelOption = Annotated[
    Path | None,
    typer.Option(help="Folder that `careloop train` wrote, for the intents.", metavar="DIR"),
]


@contextmanager
def open_triager(*, taxonomy: str | None = None, model: Path | None = None) -> Iterator[Triager]:
    """A triager of the settings' taxonomy or ``taxonomy``; its intents are ``model``'s, where given."""
    settings = read_settings()
    if taxonomy is not None:
        settings.triage.taxonomy = taxonomy
    known = read_taxonomy(taxonomy_file(settings))
    with open_encoder(settings) as encoder:
        models = triage_models(settings, known, encoder, told=lambda said: progress_console().print(said))
        if model is not None:
            models = replace(models, intents=load_model(model), points=load_points(model))
        yield triager_maker(settings, known, encoder)(models)
