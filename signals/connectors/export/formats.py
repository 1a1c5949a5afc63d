"""How the rows of an export are written: as CSV that no sheet takes for formulas, or as Parquet."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from signals.connectors.signal_document import instant

_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("signal_id", pa.string(), nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("occurrences", pa.int32(), nullable=False),
        pa.field("team", pa.string(), nullable=False),
        pa.field("owner", pa.string()),
        pa.field("next_action", pa.string()),
        pa.field("quotes", pa.list_(pa.string()), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("conversation_id", pa.string()),
        pa.field("ticket_id", pa.string()),
        pa.field("link", pa.string()),
        pa.field("created_at", _TIME, nullable=False),
        pa.field("updated_at", _TIME, nullable=False),
        pa.field("expires_at", _TIME, nullable=False),
        pa.field("email", pa.string()),
        pa.field("phone", pa.string()),
        pa.field("first_name", pa.string()),
        pa.field("last_name", pa.string()),
        pa.field("company", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("outcome_at", _TIME),
        pa.field("amount", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
# What makes a sheet read a cell as a formula, full-width forms included.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = tuple("=+-@\t\r\n＝＋－＠|%")


class CsvFile:
    """CSV as RFC 4180 has it, in UTF-8, times in RFC 3339.

    A text that a sheet could take for a formula, such as a phone number with ``+``, has an apostrophe in
    front, which a sheet does not show; Parquet has every text as it is.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(SCHEMA.names)

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Append ``rows``."""
        self._writer.writerows([_cell(row[name]) for name in SCHEMA.names] for row in rows)

    def close(self) -> None:
        """Write what is buffered."""
        self._file.close()


class ParquetFile:
    """Parquet with the types of ``SCHEMA``, one row group for each call of ``write``."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Append ``rows``."""
        if rows:
            self._writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))

    def close(self) -> None:
        """Write the footer, without which the file cannot be read."""
        self._writer.close()


def safe_cell(text: str) -> str:
    """``text`` such that no sheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _cell(value: object) -> str | int | float | None:
    match value:
        case None | int() | float():
            return value
        case datetime():
            return instant(value)
        case list():
            return safe_cell(" … ".join(map(str, value)))
        case _:
            return safe_cell(str(value))
