"""Triage over its database, for commands that need neither index nor assistant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from api.triagers import TriageParts
from careloop.build import encryption_key, open_database, open_encoder, prepare_data_folder
from careloop.build_triage import build_triage
from careloop.cli.session import read_settings
from careloop.settings import Settings
from kit.clock import SystemClock
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from kit.log import configure_logging
from store.access import Access
from store.encryption import Cipher
from store.engine import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command about one workspace works with."""

    settings: Settings
    database: Database
    clock: SystemClock
    workspace: WorkspaceId

    @property
    def cipher(self) -> Cipher:
        """What decrypts the texts in the database."""
        return Cipher(encryption_key(self.settings))


def with_database(workspace: str, work: Callable[[Opened], Awaitable[T]]) -> T:
    """Run ``work`` over the database alone; returns what it returned. Raises ``NotFound`` for a workspace."""
    settings = read_settings()
    configure_logging(level="warning", json=False)

    async def run() -> T:
        async with _opened(settings, WorkspaceId(workspace)) as opened:
            return await work(opened)

    return asyncio.run(run())


def with_triage(workspace: str, work: Callable[[Opened, TriageParts], Awaitable[T]]) -> T:
    """The same with the parts of triage. Raises ``Misconfigured`` where triage is off."""

    async def build(opened: Opened) -> T:
        settings = opened.settings
        async with AsyncExitStack() as stack:
            parts = await build_triage(
                settings,
                opened.database,
                stack.enter_context(open_encoder(settings)),
                cipher=opened.cipher,
                key=encryption_key(settings),
                clock=opened.clock,
            )
            if parts is None:
                raise Misconfigured("Triage is off here: CARELOOP_TRIAGE__ENABLED turns it on.")
            return await work(opened, parts)

    return with_database(workspace, build)


@asynccontextmanager
async def _opened(settings: Settings, workspace: WorkspaceId) -> AsyncIterator[Opened]:
    clock = SystemClock()
    prepare_data_folder(settings.data_dir)
    database = await open_database(settings)
    try:
        access = Access(database, clock)
        await access.ensure_workspace(DEFAULT_WORKSPACE, name=settings.bot.company)
        await access.workspace(workspace)
        yield Opened(settings, database, clock, workspace)
    finally:
        await database.close()
