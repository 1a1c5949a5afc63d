"""What was known when a signal was heard, as far as outcomes may teach anything by it.

It is kept from then: what is known of a customer later follows from what became of the signal, and would tell
the answer to whoever learns from it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import MessageId, SignalId, WorkspaceId
from kit.text import sentences
from signals.detection import Detected, Heard
from signals.signal import Quote
from store.encryption import Cipher
from store.tables import signal_circumstances as table

Fact = str | float | bool
_LONGEST = 40  # characters: what is longer is a text of one customer, not a group of many


@dataclass(frozen=True, slots=True)
class Circumstances:
    """``detected`` is the probability that the detector gave, before outcomes were asked.

    ``facts`` are those of the customer that learning may use. ``intent`` and ``sentiment`` (in [-1, 1]) are
    of the message: none where no words spoke. ``looked`` says that it was told against what outcomes say, to
    see whether they still hold.
    """

    detected: float
    source: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    intent: str | None = None
    sentiment: float | None = None
    looked: bool = False


def circumstances_of(
    found: Detected, known: Mapping[str, object], *, names: Iterable[str], heard: Heard | None
) -> Circumstances:
    """Those of ``found``; of what is ``known`` of the customer the facts that ``names`` name."""
    facts = {name: fact for name in names if (fact := _fact(known.get(name))) is not None}
    if heard is None:
        return Circumstances(found.probability, found.source, facts)
    said = heard.triage
    return Circumstances(found.probability, found.source, facts, said.intent.name, said.sentiment_score)


def words_of(found: Detected, heard: Heard | None) -> str:
    """The sentences that ``found`` quotes; nothing where no words speak for it."""
    if heard is None:
        return ""
    texts = {part.message_id: heard.text[part.start : part.end] for part in heard.parts}
    return quoted_sentences(found.quotes, texts or {None: heard.text})


def quoted_sentences(quotes: Sequence[Quote], texts: Mapping[MessageId | None, str]) -> str:
    """The sentences that ``quotes`` stand in, of the messages in ``texts``, in their order.

    A message says more than one thing, and greetings and signatures besides.
    """
    kept = []
    for message, text in texts.items():
        places = [quote.start for quote in quotes if quote.message_id == message]
        kept += [
            text[sentence.start : sentence.end]
            for sentence in sentences(text)
            if any(sentence.start <= place < sentence.end for place in places)
        ]
    return " ".join(kept)


class CircumstanceStore:
    """Keeps circumstances beside their signals, encrypted; they go with them.

    Every function takes the connection of a running transaction.
    """

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def keep(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        signal: SignalId,
        seen: Circumstances,
        *,
        at: datetime,
    ) -> None:
        """Keep those of the hearing that was the surest, in the place of any before."""
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        values = {"seen": self._cipher.encrypt(json.dumps(asdict(seen))), "seen_at": at}
        await connection.execute(
            upsert(table)
            .values(signal_id=signal, workspace_id=workspace, **values)
            .on_conflict_do_update(index_elements=[table.c.signal_id], set_=values)
        )

    async def of_signals(
        self, connection: AsyncConnection, workspace: WorkspaceId, ids: Collection[SignalId]
    ) -> dict[SignalId, Circumstances]:
        """By the signals, of those that have any."""
        found: dict[SignalId, Circumstances] = {}
        for some in _chunks(sorted(ids)):
            query = select(table.c.signal_id, table.c.seen).where(
                table.c.workspace_id == workspace, table.c.signal_id.in_(some)
            )
            for row in await connection.execute(query):
                seen = json.loads(self._cipher.decrypt(row.seen))
                found[SignalId(row.signal_id)] = Circumstances(**seen)
        return found


def _fact(value: object) -> Fact | None:
    match value:
        case bool() | int() | float():
            return value
        case str() if 0 < len(value) <= _LONGEST:
            return value
        case None | str():
            return None
        case _:  # amounts are decimals
            try:
                return float(str(value))
            except ValueError:
                return None


def _chunks(ids: Sequence[SignalId]) -> Iterable[Sequence[SignalId]]:
    for start in range(0, len(ids), 500):
        yield ids[start : start + 500]
