"""A target: a connector that is on, and how it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from customers import ConsentChannel, Purpose
from kit.ids import WorkspaceId
from signals.connectors.connector import Connector


@dataclass(frozen=True, slots=True)
class Target:
    """A connector with its share of the machine.

    ``concurrency`` is how many deliveries are under way at once (the connector itself paces its calls);
    ``timeout`` how many seconds one attempt may take. ``purpose`` is what the tool is there for, to be
    consented to besides the purpose of the signal; ``channel`` the way it contacts people.
    """

    connector: Connector
    concurrency: int = 8
    timeout: float = 120.0
    purpose: Purpose | None = None
    channel: ConsentChannel = ConsentChannel.ANY


class Targets(Protocol):
    """Knows which connectors are on."""

    def of(self, workspace: WorkspaceId) -> Mapping[str, Target]:
        """The workspace's targets by the connector's name."""
        ...


class SameTargets:
    """The same targets for every workspace."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets

    def of(self, workspace: WorkspaceId) -> Mapping[str, Target]:  # noqa: ARG002 (the port's)
        """The targets by the connector's name."""
        return self._targets

    async def close(self) -> None:
        """Close every connector."""
        for target in self._targets.values():
            await target.connector.close()
