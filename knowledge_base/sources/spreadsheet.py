"""A spreadsheet's cells as Markdown tables, shown as the spreadsheet shows them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from datetime import date, datetime, time

import openpyxl  # type: ignore[import-untyped]  # ships no types

from knowledge_base.sources.canonical import one_line

_CURRENCY = re.compile(r'"?([£$€¥₹])|\[\$([^\]-]{1,4})[-\]]')
_DECIMALS = re.compile(r"\.(0+)")


def spreadsheet_to_markdown(data: bytes, *, most_characters: int) -> str:
    """Every sheet with cells as a section with one table, whose header is the sheet's first filled row.

    Raises ``ValueError`` beyond ``most_characters``.
    """
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    sections: list[str] = []
    left = most_characters
    for sheet in book.worksheets:
        rows: list[list[str]] = []
        for cells in sheet.iter_rows():
            row = [_shown(cell.value, cell.number_format or "") for cell in cells]
            while row and not row[-1]:
                row.pop()
            if row:
                rows.append(row)
                left -= sum(map(len, row)) + 3 * len(row)
            if left < 0:
                raise ValueError(f"it holds more than {most_characters:,} characters")
        if rows:
            heading = f"## {one_line(sheet.title)}\n\n" if len(book.worksheets) > 1 else ""
            sections.append(heading + _table(rows))
    book.close()
    return "\n\n".join(sections)


def _table(rows: list[list[str]]) -> str:
    width = max(map(len, rows))
    filled = [row + [""] * (width - len(row)) for row in rows]
    lines = [_line(filled[0]), _line(["---"] * width), *map(_line, filled[1:])]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(value: object, number_format: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _number(value, number_format)
        case datetime():
            return value.isoformat(" ") if value.time() != time.min else value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return one_line(str(value)).replace("|", "\\|")


def _number(value: float, number_format: str) -> str:
    decimals = _DECIMALS.search(number_format)
    places = len(decimals[1]) if decimals else None
    if number_format.endswith("%"):
        return f"{value * 100:.{places or 0}f}%"
    if places is not None:
        shown = f"{value:,.{places}f}" if "," in number_format else f"{value:.{places}f}"
    else:
        shown = f"{round(value, 10):.10g}"
    currency = _CURRENCY.search(number_format)
    return f"{currency[1] or currency[2]}{shown}" if currency else shown
