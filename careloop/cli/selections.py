"""Which tickets a command is about, in the words of its options."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from kit.clock import SystemClock
from triage.labels import Certainty
from triage.stored_tickets import Selection

_AGO = re.compile(r"(\d{1,5})([hd])")
_WHEN = "as 2026-01-31, 2026-01-31T09:00+01:00, or 30d ago (12h)"

SinceOption = Annotated[
    str | None, typer.Option(help=f"Only tickets made then or later, {_WHEN}.", metavar="WHEN")
]
UntilOption = Annotated[str | None, typer.Option(help="Only tickets made before, likewise.", metavar="WHEN")]
QueueOption = Annotated[str | None, typer.Option(help="Only tickets in this queue.")]
IntentOption = Annotated[str | None, typer.Option(help="Only tickets of this intent.")]
CertaintyOption = Annotated[
    list[Certainty] | None, typer.Option(help="Only tickets so sure; repeat for several.")
]


def selected(
    *,
    since: str | None = None,
    until: str | None = None,
    queue: str | None = None,
    intent: str | None = None,
    certainty: list[Certainty] | None = None,
) -> Selection:
    """The tickets that the options ask for."""
    return Selection(
        queue=queue,
        intent=intent,
        certainty=tuple(certainty or ()),
        since=None if since is None else moment(since),
        until=None if until is None else moment(until),
    )


def moment(text: str) -> datetime:
    """The moment that ``text`` names; in UTC unless it says otherwise. Raises typer's ``BadParameter``."""
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        hours = int(ago[1]) * (24 if ago[2] == "d" else 1)
        return SystemClock().now() - timedelta(hours=hours)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment; write it {_WHEN}.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
