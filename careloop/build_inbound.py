"""What takes news of connectors, made from the parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
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
from signals.parts import SignalParts
from store.encryption import Cipher
from store.engine import Database


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


def build_poller(
    settings: Settings,
    database: Database,
    receiver: Receiver | None,
    *,
    targets: Targets,
    workspaces: Callable[[], Awaitable[Sequence[WorkspaceId]]],
    clock: Clock,
) -> Poller | None:
    """What asks for news; none where that is off, or nobody takes them."""
    seconds = settings.delivery.poll_seconds
    if receiver is None or not seconds:
        return None
    return Poller(
        database,
        receiver,
        clock,
        targets=targets,
        workspaces=workspaces,
        every=timedelta(seconds=seconds),
    )
