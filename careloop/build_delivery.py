"""The parts of delivery, made from the settings, and what runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing

from careloop.build_inbound import coming_back
from careloop.folder_lock import FolderLock
from careloop.settings import Settings
from customers import CustomerBook
from kit.clock import Clock
from kit.ids import WorkspaceId
from kit.log import get_logger
from signals.connectors.registry import KINDS, make_connector
from signals.connectors.waiting import SystemWaiting
from signals.delivery.courier import Courier
from signals.delivery.engine import system_database
from signals.delivery.nurturing import NurtureDeliveries
from signals.delivery.outbox import DeliveryOutbox
from signals.delivery.parts import DeliveryParts
from signals.delivery.recipients import BookRecipients
from signals.delivery.service import DeliveryService
from signals.delivery.states import ConnectorStates
from signals.delivery.store import DeliveryStore
from signals.delivery.target import SameTargets, Target
from signals.inbound.receiver import Receiver
from signals.parts import SignalParts
from signals.store import SignalStore
from store.access import Access
from store.encryption import Cipher
from store.engine import Database

_log = get_logger("careloop.delivery")


def build_targets(settings: Settings, clock: Clock) -> SameTargets:
    """The connectors that are on. Opens no connection. Raises ``Misconfigured`` or ``MappingInvalid``."""
    waiting = SystemWaiting()
    return SameTargets(
        {
            name: Target(
                make_connector(
                    asked.kind,
                    asked.settings,
                    clock=clock,
                    waiting=waiting,
                    name=name,
                    mapping=asked.mapping,
                ),
                concurrency=asked.concurrency,
                purpose=asked.purpose or KINDS[asked.kind].purpose,
                channel=asked.channel or KINDS[asked.kind].channel,
            )
            for name, asked in settings.connectors.items()
        }
    )


def build_delivery(targets: SameTargets, cipher: Cipher, clock: Clock) -> DeliveryParts:
    """What routes, commands and the intake of signals call."""
    outbox = DeliveryOutbox(cipher, clock, connectors=lambda workspace: targets.of(workspace).keys())
    return DeliveryParts(DeliveryStore(), ConnectorStates(), targets, outbox)


def build_nurture_outbox(settings: Settings, cipher: Cipher, clock: Clock) -> NurtureDeliveries:
    """What carries sequences out: the tools that are on, by deliveries."""
    outbox = DeliveryOutbox(cipher, clock, connectors=lambda _: settings.connectors)
    return NurtureDeliveries(outbox, SignalStore(cipher))


async def deliver(
    settings: Settings,
    database: Database,
    parts: DeliveryParts,
    *,
    book: CustomerBook,
    cipher: Cipher,
    access: Access,
    clock: Clock,
    stopping: asyncio.Event,
    signals: SignalParts | None = None,
    receiver: Receiver | None = None,
) -> bool:
    """Deliver until ``stopping`` is set. False at once where another process of this data folder does.

    Connectors are asked for news as well, which ``receiver`` takes, and sequences of ``signals`` end.
    Two that share what DBOS keeps of this machine would both go on with what one of them is at.
    """

    async def workspaces() -> Sequence[WorkspaceId]:
        return [workspace.id for workspace in await access.workspaces()]

    with closing(_Locked(FolderLock(settings.data_dir / "delivery"))) as lock:
        if not lock.acquired:
            return False
        courier = Courier(database, cipher, clock, recipients=BookRecipients(book))
        service = DeliveryService(
            database,
            courier,
            clock,
            targets=parts.targets,
            workspaces=workspaces,
            system_database=system_database(settings.data_dir, database.url),
            executor=settings.delivery.executor,
        )
        work = coming_back(
            settings,
            database,
            signals,
            receiver,
            targets=parts.targets,
            workspaces=workspaces,
            clock=clock,
        )
        beside = [asyncio.create_task(one(stopping)) for one in work]
        _log.info("delivery_started")
        try:
            await service.run(stopping)
        finally:
            for task in beside:
                task.cancel()  # a question to a target may take long, and is asked again
            await asyncio.gather(*beside, return_exceptions=True)
        _log.info("delivery_stopped")
    return True


class _Locked:
    """A folder lock that was tried."""

    def __init__(self, lock: FolderLock) -> None:
        self._lock = lock
        self.acquired = lock.acquire()

    def close(self) -> None:
        """Give it back."""
        self._lock.release()
