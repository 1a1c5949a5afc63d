"""``careloop evaluate claims``: labelled texts against the claims of a brand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from careloop.cli.reports import JsonReport, deliver
from evals.suites.claims import evaluate_claims, load_texts
from signals.brand.claim_checker import ClaimChecker
from signals.brand.claims import SHIPPED, read_claims


def claims(
    *,
    data: Annotated[list[Path], typer.Option(help="JSONL of text, on, wrong.", metavar="FILE")],
    against: Annotated[Path, typer.Option(help="Claims (YAML).", metavar="FILE")] = SHIPPED,
    split: Annotated[str, typer.Option(help="dev, test, late, fresh, or all.")] = "all",
    json: JsonReport = None,
) -> None:
    """Recall and false alarms of the check of texts against approved claims."""
    checker = ClaimChecker(read_claims(against))
    for file in data:
        name = f"{file.parent.name}:{split}"
        texts = load_texts(file, split=split)
        report = evaluate_claims(name, texts, lambda text, on: checker.check(text, on=on))
        deliver(report, json, several=len(data) > 1)
