"""Exports: what is in them, who is not, and how large they make the process."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.connectors.connector import InboundOutcome, OutcomeKind
from signals.connectors.export import Exported, ExportFormat, ExportRow, export_signals
from signals.connectors.export.formats import SCHEMA, safe_cell
from tests.signals.connectors.dispatches import AT, contact, signal

KINDS = pytest.mark.parametrize("kind", list(ExportFormat))


async def _everybody(_: ExportRow) -> bool:
    return True


async def _rows(rows: Sequence[ExportRow]) -> AsyncIterator[ExportRow]:
    for row in rows:
        yield row


def _row(number: int = 1, *, customer: int = 1) -> ExportRow:
    told = signal(number, customer=customer)
    won = InboundOutcome(told.id, OutcomeKind.WON, "x1", AT, amount=120.5, currency="EUR", reason="=called")
    return ExportRow(told, contact(customer), won)


def _read(path: Path, kind: ExportFormat) -> list[dict[str, object]]:
    if kind is ExportFormat.PARQUET:
        return list(pq.read_table(path).to_pylist())
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_parquet_has_every_field_with_its_type(tmp_path: Path) -> None:
    path = tmp_path / "signals.parquet"
    row = _row()
    exported = await export_signals(_rows([row]), path, kind=ExportFormat.PARQUET, allowed=_everybody)
    assert exported == Exported(1, 0)
    [found] = _read(path, ExportFormat.PARQUET)
    assert pq.read_schema(path).names == SCHEMA.names
    assert (found["signal_id"], found["probability"], found["revision"]) == ("sig_1", 0.87, 1)
    assert found["quotes"] == [quote.text for quote in row.signal.evidence]
    assert (found["phone"], found["reason"]) == ("+441632960001", "=called")
    assert (found["outcome"], found["amount"], found["outcome_at"]) == ("won", 120.5, AT)
    assert found["created_at"] == datetime(2026, 1, 1, 12, tzinfo=UTC)


async def test_csv_has_the_same_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "signals.csv"
    await export_signals(_rows([_row()]), path, kind=ExportFormat.CSV, allowed=_everybody)
    [found] = _read(path, ExportFormat.CSV)
    assert list(found) == SCHEMA.names
    assert (found["phone"], found["reason"]) == ("'+441632960001", "'=called")
    assert (found["probability"], found["amount"]) == ("0.87", "120.5")
    assert found["created_at"] == "2026-01-01T12:00:00.000Z"
    assert found["quotes"] == "the price is too high … I will leave for a competitor"


@KINDS
async def test_what_is_not_known_is_empty(tmp_path: Path, kind: ExportFormat) -> None:
    path = tmp_path / "signals"
    await export_signals(_rows([ExportRow(signal())]), path, kind=kind, allowed=_everybody)
    [found] = _read(path, kind)
    assert {found[name] or None for name in ("email", "outcome", "amount", "outcome_at")} == {None}


@KINDS
async def test_an_empty_export_has_its_columns(tmp_path: Path, kind: ExportFormat) -> None:
    path = tmp_path / "signals"
    assert await export_signals(_rows([]), path, kind=kind, allowed=_everybody) == Exported(0, 0)
    assert _read(path, kind) == []
    assert path.stat().st_size > 0


@KINDS
@given(allowed=st.sets(st.integers(0, 7)), customers=st.lists(st.integers(0, 7), max_size=30))
@settings(max_examples=15, deadline=None)
async def test_only_customers_who_allow_it_are_in_it(
    tmp_path_factory: pytest.TempPathFactory, kind: ExportFormat, allowed: set[int], customers: list[int]
) -> None:
    async def asked(row: ExportRow) -> bool:
        return int(row.signal.customer_id.removeprefix("cus_")) in allowed

    path = tmp_path_factory.mktemp("export") / "signals"
    rows = [_row(number, customer=customer) for number, customer in enumerate(customers)]
    exported = await export_signals(_rows(rows), path, kind=kind, allowed=asked)

    found = _read(path, kind)
    assert [one["customer_id"] for one in found] == [f"cus_{n}" for n in customers if n in allowed]
    assert exported == Exported(len(found), len(rows) - len(found))


@KINDS
async def test_one_that_fails_leaves_what_was_there(tmp_path: Path, kind: ExportFormat) -> None:
    async def broken() -> AsyncIterator[ExportRow]:
        yield _row()
        raise ConnectionError

    path = tmp_path / "signals"
    path.write_text("before")
    with pytest.raises(ConnectionError):
        await export_signals(broken(), path, kind=kind, allowed=_everybody)
    assert [one.name for one in tmp_path.iterdir()] == ["signals"]
    assert path.read_text() == "before"


@KINDS
async def test_only_its_owner_reads_it(tmp_path: Path, kind: ExportFormat) -> None:
    path = tmp_path / "signals"
    await export_signals(_rows([_row()]), path, kind=kind, allowed=_everybody)
    assert path.stat().st_mode & 0o777 == 0o600


@KINDS
async def test_memory_does_not_grow_with_the_rows(tmp_path: Path, kind: ExportFormat) -> None:
    async def many(count: int) -> AsyncIterator[ExportRow]:
        for number in range(count):
            told = replace(signal(number), next_action=f"{number:06} " * 100)
            yield ExportRow(told)

    async def peak(count: int) -> int:
        tracemalloc.start()
        await export_signals(many(count), tmp_path / "signals", kind=kind, allowed=_everybody)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await peak(600)  # what is loaded once is loaded
    held = pa.total_allocated_bytes()
    small, large = await peak(600), await peak(3000)
    assert large < small * 1.5
    assert pa.total_allocated_bytes() <= held + 1_000_000


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert cell.removeprefix("'") == text or cell == text


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1", "|calc", "%0"]
)
def test_what_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "Call back", "'quoted'", "1 + 1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text
