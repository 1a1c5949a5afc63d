"""Trains what triage needs ahead of its first use: ``python -m careloop.prepare``."""

from __future__ import annotations

import sys

from careloop.build import open_encoder
from careloop.build_triage import taxonomy_file, triage_models
from careloop.cli.session import read_settings
from triage.taxonomy import read_taxonomy


def prepare() -> None:
    """Train the models of the configured taxonomy, unless they are there already, and say so."""
    settings = read_settings()
    if not settings.triage.enabled:
        return
    taxonomy = read_taxonomy(taxonomy_file(settings))
    with open_encoder(settings) as encoder:
        models = triage_models(settings, taxonomy, encoder, told=_say)
    _say(f"Triage ready: {taxonomy.name}, version {models.version}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    prepare()
