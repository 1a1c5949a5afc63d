"""What takes news of connectors, made from the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta

from careloop.settings import Settings
from customers import CustomerBook
from kit.clock import Clock
from kit.ids import WorkspaceId
from signals.delivery.target import Targets
from signals.inbound.consents import InboundConsents
from signals.inbound.outcomes import InboundOutcomes
from signals.inbound.poller import Poller
from signals.inbound.receiver import Receiver
from signals.inbound.store import NewsStore
from signals.nurture_rounds import NurtureRounds
from signals.parts import SignalParts
from store.encryption import Cipher
from store.engine import Database

Work = Callable[[asyncio.Event], Coroutine[None, None, None]]


def build_receiver(
    database: Database, signals: SignalParts, book: CustomerBook, *, cipher: Cipher, key: bytes, clock: Clock
) -> Receiver:
    """What takes news; ``key`` is what keyed hashes are derived from."""
    return Receiver(
        database,
        clock,
        news=NewsStore(cipher, key),
        outcomes=InboundOutcomes(signals.store, signals.outcomes),
        consents=InboundConsents(book, signals.nurture),
    )


def coming_back(
    settings: Settings,
    database: Database,
    signals: SignalParts | None,
    receiver: Receiver | None,
    *,
    targets: Targets,
    workspaces: Callable[[], Awaitable[Sequence[WorkspaceId]]],
    clock: Clock,
) -> list[Work]:
    """What runs beside the delivery: polls, and the end of sequences; none of it where signals are off."""
    work: list[Work] = []
    seconds = settings.delivery.poll_seconds
    if receiver is not None and seconds:
        every = timedelta(seconds=seconds)
        poller = Poller(database, receiver, clock, targets=targets, workspaces=workspaces, every=every)
        work.append(poller.run)
    if signals is not None and signals.nurture is not None:
        work.append(NurtureRounds(database, signals.nurture, clock, workspaces=workspaces).run)
    return work
