"""Signals over their database, for commands: one transaction each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from careloop.build import build_customers
from careloop.build_delivery import build_nurture_outbox
from careloop.build_signals import build_signals
from careloop.cli.triage_parts import Opened, with_database
from kit.errors import Misconfigured
from kit.ids import WorkspaceId
from signals.parts import SignalParts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenSignals:
    """What a command about signals of one workspace works with."""

    parts: SignalParts
    connection: AsyncConnection
    workspace: WorkspaceId
    now: datetime


def reading(workspace: str, work: Callable[[OpenSignals], Awaitable[T]]) -> T:
    """Run ``work`` in a transaction that reads. Raises ``NotFound`` for a workspace, ``Misconfigured``."""

    async def run(opened: Opened) -> T:
        async with opened.database.read() as connection:
            return await work(_open(opened, connection))

    return with_database(workspace, run)


def writing(workspace: str, work: Callable[[OpenSignals], Awaitable[T]]) -> T:
    """The same in a transaction that writes, and commits when ``work`` is done."""

    async def run(opened: Opened) -> T:
        async with opened.database.write() as connection:
            return await work(_open(opened, connection))

    return with_database(workspace, run)


def _open(opened: Opened, connection: AsyncConnection) -> OpenSignals:
    book = build_customers(opened.settings, opened.cipher)
    parts = build_signals(
        opened.settings,
        book,
        opened.cipher,
        clock=opened.clock,
        nurture_outbox=build_nurture_outbox(opened.settings, opened.cipher, opened.clock),
    )
    if parts is None:
        raise Misconfigured("Signals are off here: CARELOOP_SIGNALS__ENABLED turns them on.")
    return OpenSignals(parts, connection, opened.workspace, opened.clock.now())
