"""Which queue a conversation waits in once the bot hands it over, and how soon somebody has to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.labels import Labels
from triage.labels import Priority


@dataclass(frozen=True, slots=True)
class Destination:
    """``priority`` is none where triage said nothing."""

    queue: str
    priority: Priority | None = None


def destination(said: Sequence[Labels], *, default: str) -> Destination:
    """Where turns with these labels, newest first, lead: to ``default`` where none names a queue.

    The newest that names one decides, for a wish for a person says nothing of what it is about. A priority is
    never calmer than that of the newest.
    """
    if not said:
        return Destination(default)
    about = next((labels for labels in said if labels.route.queue is not None), said[0])
    priority = min(said[0].route.priority, about.route.priority, key=list(Priority).index)
    return Destination(about.route.queue or default, priority)
