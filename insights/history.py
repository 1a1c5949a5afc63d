"""The weeks before, counted: what a week is compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from insights.contact import Contact, Ending, Turn
from insights.contacts import Contacts
from insights.quotes import anonymous
from insights.week import Period, Week
from kit.ids import WorkspaceId

WEEKS = 8  # that a week is compared with, where there are so many
_A_DAY = timedelta(days=1)
_MOST_UNSCOPED = 400  # texts of a week that no intent fits, kept to be grouped


@dataclass
class Counts:
    """One week: how many contacts, about what, how they ended."""

    contacts: int = 0
    triaged: int = 0
    unhappy: int = 0
    intents: Counter[str] = field(default_factory=Counter)
    competitors: Counter[str] = field(default_factory=Counter)
    endings: Counter[Ending] = field(default_factory=Counter)
    unscoped: list[str] = field(default_factory=list)  # without personal data
    heard: list[tuple[str, datetime]] = field(default_factory=list)  # intents and when

    def add(self, contact: Contact, *, competitors: Sequence[str]) -> None:
        """Count one more."""
        self.contacts += 1
        self.triaged += contact.sentiment is not None
        self.unhappy += contact.is_unhappy
        self.intents.update(contact.intents)
        self.competitors.update(competitors)
        if contact.ending is not None:
            self.endings[contact.ending] += 1
        self.heard += [(turn.intent, turn.at) for turn in contact.turns if turn.intent is not None]

    def series(self, name: str) -> Mapping[str, int]:
        """The counts called ``name``."""
        found: Mapping[str, int] = getattr(self, name)
        return found


def unscoped(contact: Contact) -> list[Turn]:
    """Questions that were triaged, and that no intent fits."""
    return [turn for turn in contact.questions if turn.intent is None and turn.sentiment is not None]


async def weeks_before(
    contacts: Contacts,
    workspace: WorkspaceId,
    week: Week,
    period: Period,
    *,
    rivals_in: Callable[[Contact], Sequence[str]],
) -> list[Counts]:
    """The weeks before ``week`` since the first contact ever, the oldest first.

    The first of them counts where somebody wrote on its first day: else it was not a whole one. Of each only
    what corresponds to ``period`` is counted; ``rivals_in`` names competitors in a contact.
    """
    known = await contacts.began(workspace)
    found: list[Counts] = []
    for back in range(1, WEEKS + 1):
        earlier = week.earlier(back)
        if known is None or earlier.start + _A_DAY <= known.start:
            break
        counts = Counts()
        async for page in contacts.counted(workspace, earlier.as_long_as(period)):
            for contact in page:
                counts.add(contact, competitors=rivals_in(contact))
                if len(counts.unscoped) < _MOST_UNSCOPED and (turns := unscoped(contact)):
                    personal = await contacts.personal(workspace, contact)
                    counts.unscoped += [anonymous(turn.text, personal) for turn in turns]
        found.append(counts)
    return found[::-1]


def compared(now: Mapping[str, int], before: Sequence[Counts], name: str) -> dict[str, tuple[int, list[int]]]:
    """For each thing in ``now`` or in the counts called ``name`` of the weeks before: now, and before."""
    known = dict.fromkeys([*now, *(each for counts in before for each in counts.series(name))])
    return {
        each: (now.get(each, 0), [counts.series(name).get(each, 0) for counts in before]) for each in known
    }
