"""New intents among the stored tickets that triage was not sure of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inference.embeddings import Encoder
from triage.discovery import NewIntent, discover
from triage.labels import Certainty, Origin
from triage.model import IntentModel
from triage.stored_labels import told
from triage.stored_tickets import Selection, StoredTickets

LEAST = 5  # different messages that make an intent
MOST = 5000  # tickets that are looked at: about a minute of the encoder
UNSURE = (Certainty.OUT_OF_SCOPE, Certainty.NOT_SURE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """An intent that the taxonomy may want, and the tickets that it would have, nearest first."""

    intent: NewIntent
    tickets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposals:
    """What was found among ``looked_at`` messages of customers that triage was not sure of."""

    looked_at: int
    items: tuple[Proposal, ...]


async def propose_from_tickets(
    stored: StoredTickets,
    selection: Selection,
    model: IntentModel,
    encoder: Encoder,
    *,
    most: int = MOST,
    least: int = LEAST,
    advance: Callable[[int], None] = lambda _: None,
) -> Proposals:
    """Of the newest ``most`` tickets that triage was not sure of and nobody has given an intent since.

    ``model`` knows the intents there are. Mail of machines is left out. ``advance`` hears of tickets read.
    """
    ids = await stored.ids(replace(selection, certainty=selection.certainty or UNSURE), most=most)
    names: list[str] = []
    texts: list[str] = []
    async for wanted, tickets in stored.pages(ids):
        own = [one for one in tickets if told(one.labels, one.final_labels)["origin"] == Origin.CUSTOMER]
        names += [ticket.id for ticket in own]
        texts += [ticket.read for ticket in own]
        advance(len(wanted))
    return await asyncio.to_thread(propose, names, texts, model, encoder, least=least)


def propose(
    names: Sequence[str], texts: Sequence[str], model: IntentModel, encoder: Encoder, *, least: int = LEAST
) -> Proposals:
    """Of messages that triage was not sure of: ``texts`` as it reads them, and what each is called."""
    if not texts:
        return Proposals(0, ())
    found = discover(texts, encoder.encode(texts), known=model.label_vectors(), least=least)
    items = [Proposal(intent, tuple(names[place] for place in intent.members)) for intent in found]
    return Proposals(len(texts), tuple(items))
