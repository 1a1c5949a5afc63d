"""What triage says of a customer's turn, and the port that whatever says so fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from kit.ids import MessageId, WorkspaceId
from kit.log import get_logger
from triage.labels import Priority, Triage
from triage.message import Message

_log = get_logger("bot.labels")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a turn belongs by the company's rules, else by what triage is sure of.

    ``queue`` is none where neither says. ``why`` has a line for each step that led there.
    """

    queue: str | None
    priority: Priority
    tags: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Labels:
    """What triage says of one turn.

    Evidence and entities quote the turn: the texts of ``messages`` with a line break between each two,
    mostly of one. ``intent_model`` is the version in the registry that told the intent; none where it is the
    one that ships.
    """

    triage: Triage
    route: Route
    intent_model: str | None = None
    messages: tuple[MessageId, ...] = ()


class Labeller(Protocol):
    """Says what a message is, by the models that are live in the workspace."""

    async def label(
        self,
        workspace: WorkspaceId,
        message: Message,
        *,
        placeholders: Mapping[str, str],
        channel: str | None,
    ) -> Labels:
        """The labels of ``message``, whatever is in it.

        Models are shown personal data as ``placeholders`` has it (see ``kit.privacy.redact``). Raises what
        the encoder and the database raise.
        """
        ...


_RECORD = TypeAdapter(Labels)


def to_record(labels: Labels) -> str:
    """``labels`` as JSON; it quotes the message and has to be kept as the message is."""
    return _RECORD.dump_json(labels).decode()


def of_record(record: str) -> Labels | None:
    """The labels of ``to_record``; none where another version of Careloop wrote them otherwise."""
    try:
        return _RECORD.validate_json(record)
    except ValidationError as error:
        _log.warning("labels_unreadable", errors=error.error_count())
        return None
