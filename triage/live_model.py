"""The live model in memory, in step with what any process promotes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

from kit.clock import Clock
from kit.ids import WorkspaceId
from triage.registry import ModelRegistry

Model = TypeVar("Model")

_ASK_EVERY = timedelta(seconds=5)  # how long a promotion may go unnoticed


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Model]):
    """A model with the version it is."""

    version: str
    model: Model


class LiveModels(Generic[Model]):
    """The live model of each workspace, read by ``load`` when it is first asked for and when it changes.

    Whether it changed is asked every ``ask_every``, by version. A new one is read in a thread, while whoever
    does not hold the lock is answered by the one before.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        load: Callable[[Path], Model],
        *,
        kind: str,
        clock: Clock,
        ask_every: timedelta = _ASK_EVERY,
    ) -> None:
        self._registry = registry
        self._load = load
        self._kind = kind
        self._clock = clock
        self._ask_every = ask_every
        self._loaded: dict[WorkspaceId, Loaded[Model]] = {}
        self._asked: dict[WorkspaceId, datetime] = {}
        self._locks: dict[WorkspaceId, asyncio.Lock] = {}

    async def get(self, workspace: WorkspaceId) -> Loaded[Model] | None:
        """The live model; none when the workspace has none. Raises ``ModelUnreadable``."""
        lock = self._locks.setdefault(workspace, asyncio.Lock())
        if not self._is_due(workspace) or (lock.locked() and workspace in self._loaded):
            return self._loaded.get(workspace)
        async with lock:
            if self._is_due(workspace):
                await self._follow(workspace)
        return self._loaded.get(workspace)

    def _is_due(self, workspace: WorkspaceId) -> bool:
        asked = self._asked.get(workspace)
        return asked is None or self._clock.now() - asked >= self._ask_every

    async def _follow(self, workspace: WorkspaceId) -> None:
        version = await self._registry.live_version(workspace, self._kind)
        loaded = self._loaded.get(workspace)
        if version is None:
            self._loaded.pop(workspace, None)
        elif loaded is None or loaded.version != version:
            path = self._registry.path(await self._registry.get(workspace, self._kind, version))
            self._loaded[workspace] = Loaded(version, await asyncio.to_thread(self._load, path))
        self._asked[workspace] = self._clock.now()
