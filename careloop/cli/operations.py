"""Operations over the database of a workspace, for commands; progress on standard error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from api.operations import Operations
from api.triagers import TriageParts
from careloop.cli.ingest import progress_bar
from careloop.cli.triage_parts import Opened, with_triage
from kit.ids import WorkspaceId

T = TypeVar("T")
Advance = Callable[[int], None]


def with_operations(workspace: str, work: Callable[[Operations, WorkspaceId], Awaitable[T]]) -> T:
    """Run ``work`` over the parts of triage. Raises as ``with_triage``."""

    async def run(opened: Opened, parts: TriageParts) -> T:
        return await work(Operations(parts, opened.database, opened.clock), opened.workspace)

    return with_triage(workspace, run)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Advance]:
    """A bar on a terminal, moved by whoever calls what is given."""
    with progress_bar() as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
