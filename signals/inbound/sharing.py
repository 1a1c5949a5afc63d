"""A connector and the workspaces that it serves: its target is asked once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from signals.connectors.connector import Connector
from signals.delivery.delivery import Lane
from signals.delivery.target import Targets


@dataclass(frozen=True, slots=True)
class Shared:
    """``workspaces`` have the connector under ``name``; the first of them is its home.

    Cursors are kept at home, and so is what nobody can say whose it is.
    """

    name: str
    connector: Connector
    workspaces: tuple[WorkspaceId, ...]

    @property
    def home(self) -> WorkspaceId:
        """Where cursors and strays are kept."""
        return self.workspaces[0]

    @property
    def lane(self) -> Lane:
        """Its row of state."""
        return Lane(self.home, self.name)


def shared(targets: Targets, workspaces: Sequence[WorkspaceId]) -> list[Shared]:
    """Every connector of ``workspaces``, each once; the default workspace comes first where there is one."""
    found: dict[tuple[str, int], tuple[Connector, list[WorkspaceId]]] = {}
    for workspace in sorted(workspaces, key=lambda one: (one != DEFAULT_WORKSPACE, one)):
        for name, target in targets.of(workspace).items():
            _, theirs = found.setdefault((name, id(target.connector)), (target.connector, []))
            theirs.append(workspace)
    return [
        Shared(name, connector, tuple(theirs))
        for (name, _), (connector, theirs) in sorted(found.items(), key=lambda one: one[0][0])
    ]
