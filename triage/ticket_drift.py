"""How the tickets of one time differ from those of another, both as one model sees them today.

Labels that were stored by an older model would tell of the change of models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from inference.embeddings import Encoder, Matrix, TokenEmbeddings
from kit.errors import InvalidInput
from triage.drift import Snapshot
from triage.model import IntentModel, Prediction
from triage.stored_tickets import Selection, StoredTickets

MOST = 2000  # tickets of a time, drawn at random: what is too rare for them is no drift that matters
_BATCH = 64


async def snapshot_of_tickets(
    stored: StoredTickets,
    selection: Selection,
    model: IntentModel,
    encoder: Encoder,
    *,
    most: int = MOST,
    seed: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> Snapshot:
    """Of ``most`` of the tickets selected, drawn by ``seed``. ``InvalidInput`` where there are none."""
    ids = await stored.ids(selection)
    if len(ids) > most:
        drawn = np.random.default_rng(seed).choice(len(ids), most, replace=False)
        ids = [ids[place] for place in np.sort(drawn)]
    taken = _Taken(model, encoder)
    async for wanted, tickets in stored.pages(ids, size=_BATCH):
        texts = [ticket.read for ticket in tickets]
        if texts:
            await asyncio.to_thread(taken.add, texts)
        advance(len(wanted))
    if not taken.texts:
        raise InvalidInput(f"There are no tickets {_when(selection)}.")
    return taken.snapshot()


def snapshot_of_texts(
    texts: Sequence[str],
    model: IntentModel,
    encoder: Encoder,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Snapshot:
    """Of ``texts`` as triage reads them. ``InvalidInput`` where there are none."""
    taken = _Taken(model, encoder)
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        taken.add(batch)
        advance(len(batch))
    return taken.snapshot()


class _Taken:
    """What a snapshot is made of."""

    def __init__(self, model: IntentModel, encoder: Encoder) -> None:
        self._model, self._encoder = model, encoder
        self.texts: list[str] = []
        self._found: list[Prediction] = []
        self._vectors: list[Matrix] = []

    def add(self, texts: Sequence[str]) -> None:
        vectors = self._encoder.encode(texts)
        self._vectors.append(vectors)
        own = self._model.joined(texts, TokenEmbeddings(vectors, []))
        self._found += self._model.predict_encoded(texts, own.texts)
        self.texts += texts

    def snapshot(self) -> Snapshot:
        vectors = np.concatenate(self._vectors) if self._vectors else np.zeros((0, 1), np.float32)
        return Snapshot.of(self._found, vectors, self.texts, encoder=self._encoder.identity)


def _when(selection: Selection) -> str:
    since = f" from {selection.since:%Y-%m-%d %H:%M} on" if selection.since else ""
    until = f" before {selection.until:%Y-%m-%d %H:%M}" if selection.until else ""
    return (since + until).strip() or "at all"
