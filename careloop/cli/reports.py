"""How commands that measure deliver what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from careloop.cli.session import console
from evals.report import Report

JsonReport = Annotated[
    Path | None,
    typer.Option(
        "--json", help="Write the report here; with several data sets, one file each.", metavar="FILE"
    ),
]


def deliver(report: Report, json: Path | None, *, several: bool) -> None:
    """Print the table; write the object, under the data set's name where there are several."""
    console().print(report.table())
    if json is not None:
        place = (
            json.with_name(f"{json.stem}-{report.data.replace(':', '-')}{json.suffix}") if several else json
        )
        report.write(place)
