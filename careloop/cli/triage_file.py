"""``careloop triage-file``: what every message of a file is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from careloop.cli.ingest import progress_bar
from careloop.cli.session import console
from careloop.cli.triagers import ModelOption, TaxonomyOption, open_triager
from triage.bulk import Columns, triage_file
from triage.files import read_rows

app = typer.Typer()


@app.command()
def command(
    source: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet, by its suffix.", metavar="IN")],
    target: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet, by its suffix.", metavar="OUT")],
    *,
    text: Annotated[str, typer.Option(help="Column of the messages.")] = "text",
    subject: Annotated[str | None, typer.Option(help="Column of the subjects, if there is one.")] = None,
    identifier: Annotated[str | None, typer.Option("--id", help="Column that names a row.")] = None,
    taxonomy: TaxonomyOption = None,
    model: ModelOption = None,
    evidence: Annotated[bool, typer.Option(help="Whether to say which words speak for each label.")] = True,
    resume: Annotated[bool, typer.Option(help="Go on where a run was cut off; else from the start.")] = True,
) -> None:
    """Triage every message of IN into OUT. A run that was cut off goes on where it was."""
    columns = Columns(text, subject, identifier)
    total = sum(1 for _ in read_rows(source, columns=columns.names()))
    with open_triager(taxonomy=taxonomy, model=model) as triager, progress_bar() as bar:
        task = bar.add_task(source.name, total=total)
        report = triage_file(
            source,
            target,
            triager,
            columns=columns,
            evidence=evidence,
            resume=resume,
            advance=lambda rows: bar.advance(task, rows),
        )
    out = console()
    out.print(f"{report.triaged} of {report.rows} messages triaged into {report.target}.")
    for problem in report.problems:
        out.print(problem, markup=False)
    if report.broken:
        raise typer.Exit(1)
