"""Delivery as the tests of routes have it: one connector, in memory."""

from __future__ import annotations

from kit.clock import Clock
from signals.delivery.outbox import DeliveryOutbox
from signals.delivery.parts import DeliveryParts
from signals.delivery.states import ConnectorStates
from signals.delivery.store import DeliveryStore
from signals.delivery.target import SameTargets, Target
from store.encryption import Cipher
from tests.signals.delivery.office import MemoryConnector


def delivery_parts(cipher: Cipher, clock: Clock) -> DeliveryParts:
    targets = SameTargets({"crm": Target(MemoryConnector("crm"))})
    outbox = DeliveryOutbox(cipher, clock, connectors=lambda workspace: targets.of(workspace).keys())
    return DeliveryParts(DeliveryStore(), ConnectorStates(), targets, outbox)
