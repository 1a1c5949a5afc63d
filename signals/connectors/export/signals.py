"""Signals and what became of them as one file, CSV or Parquet, for whoever works in a sheet or a warehouse.

Rows stream through: memory is that of one batch, however many there are. The file appears under its name
when it is complete, and not before.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from signals.connectors.connector import Contact, InboundOutcome
from signals.connectors.export.formats import CsvFile, ParquetFile
from signals.signal import Signal

BATCH = 500  # rows in memory at a time; one row group of Parquet


class ExportFormat(StrEnum):
    """What kind of file."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One signal, with the customer's contact data where the export is to have them, and its last outcome."""

    signal: Signal
    contact: Contact | None = None
    outcome: InboundOutcome | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows the file has, and how many were left out because the customer does not allow them."""

    written: int
    withheld: int


# Whether this row may leave the house, asked at the time that it is written.
Allowed = Callable[[ExportRow], Awaitable[bool]]


class _File(Protocol):
    def write(self, rows: list[dict[str, Any]]) -> None: ...

    def close(self) -> None: ...


async def export_signals(
    rows: AsyncIterable[ExportRow], path: Path, *, kind: ExportFormat, allowed: Allowed
) -> Exported:
    """Write ``rows`` to ``path``, readable by its owner alone, replacing what was there at the end.

    If anything fails, ``path`` is as it was. Raises ``OSError``, and what ``rows`` and ``allowed`` raise.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        exported = await _write(rows, draft, kind, allowed)
        await asyncio.to_thread(_publish, draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    return exported


async def _write(
    rows: AsyncIterable[ExportRow], draft: Path, kind: ExportFormat, allowed: Allowed
) -> Exported:
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    file: _File = CsvFile(draft) if kind is ExportFormat.CSV else ParquetFile(draft)
    written = withheld = 0
    batch: list[dict[str, Any]] = []
    try:
        async for row in rows:
            if not await allowed(row):
                withheld += 1
                continue
            batch.append(_flat(row))
            written += 1
            if len(batch) == BATCH:
                await asyncio.to_thread(file.write, batch)
                batch = []
        await asyncio.to_thread(file.write, batch)
    finally:
        await asyncio.to_thread(file.close)
    return Exported(written, withheld)


def _publish(draft: Path, path: Path) -> None:
    for target in (draft, path.parent):
        if target is not draft:
            draft.replace(path)
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _flat(row: ExportRow) -> dict[str, Any]:
    signal, contact, outcome = row.signal, row.contact, row.outcome
    return {
        "signal_id": signal.id,
        "revision": signal.revision,
        "customer_id": signal.customer_id,
        "kind": signal.kind.value,
        "probability": signal.probability,
        "score": signal.score,
        "occurrences": signal.occurrences,
        "team": signal.team.value,
        "owner": signal.owner,
        "next_action": signal.next_action,
        "quotes": [quote.text for quote in signal.evidence],
        "source": signal.source,
        "model": signal.model,
        "conversation_id": signal.conversation_id,
        "ticket_id": signal.ticket_id,
        "link": signal.link,
        "created_at": signal.created_at,
        "updated_at": signal.updated_at,
        "expires_at": signal.expires_at,
        "email": contact and contact.email,
        "phone": contact and contact.phone,
        "first_name": contact and contact.first_name,
        "last_name": contact and contact.last_name,
        "company": contact and contact.company,
        "outcome": outcome and outcome.outcome.value,
        "outcome_at": outcome and outcome.at,
        "amount": outcome and outcome.amount,
        "currency": outcome and outcome.currency,
        "reason": outcome and outcome.reason,
    }
