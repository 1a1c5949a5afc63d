"""Files are converted in a process of its own, which may fail, hang or die without harm."""

from __future__ import annotations

import asyncio
import io
import json
import resource
from datetime import datetime, time
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]  # ships no types
import pytest
from pptx import Presentation

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.conversion import LENGTH, Request, confine, convert, reason_of, serve
from knowledge_base.sources.converter import Converter, Format
from knowledge_base.sources.limits import FileLimits
from tests.knowledge_base.sources.conftest import docx, pdf

pytestmark = pytest.mark.anyio


def pptx(*bullets: str) -> bytes:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Roaming"
    slide.placeholders[1].text = "\n".join(bullets)
    buffer = io.BytesIO()
    deck.save(buffer)
    return buffer.getvalue()


def xlsx(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


async def test_every_format_becomes_markdown(converter: Converter) -> None:
    word = await converter.convert(docx("Refunds", "Within 14 days."), kind=Format.DOCX)
    assert word.text == "# Refunds\n\nWithin 14 days."
    slides = await converter.convert(pptx("In Europe: free", "Elsewhere: £5 a day"), kind=Format.PPTX)
    assert slides.text == "# Roaming\nIn Europe: free\nElsewhere: £5 a day"
    sheet = await converter.convert(xlsx([["Plan", "Price"], ["Fibre 100", 25.5]]), kind=Format.XLSX)
    assert sheet.text == "| Plan | Price |\n| --- | --- |\n| Fibre 100 | 25.5 |"
    paper = await converter.convert(
        pdf("The engineer comes within two working", "days of your call. Bring your con-", "tract."),
        kind=Format.PDF,
    )
    assert paper.text == "The engineer comes within two working days of your call. Bring your contract."
    page = await converter.convert(
        b"<main><h1>Bills</h1><p>They come monthly, by mail.</p></main>", kind=Format.HTML
    )
    assert (page.title, page.text) == ("Bills", "# Bills\n\nThey come monthly, by mail.")


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"%PDF-1.4 nothing more", Format.PDF, "damaged"),
        (pdf("Secret", encrypted=True), Format.PDF, "protected by a password"),
        (docx("A")[:200], Format.DOCX, "damaged"),
        (b"PK nothing", Format.XLSX, "damaged"),
    ],
    ids=["broken PDF", "encrypted PDF", "broken DOCX", "broken XLSX"],
)
async def test_a_file_that_cannot_be_converted_says_why(
    converter: Converter, data: bytes, kind: Format, reason: str
) -> None:
    with pytest.raises(CannotLoad, match=reason):
        await converter.convert(data, kind=kind)
    assert (await converter.convert(docx("Still", "here."), kind=Format.DOCX)).text == "# Still\n\nhere."


async def test_too_long_a_text_is_refused() -> None:
    async with Converter(FileLimits(document_characters=10)) as converter:
        with pytest.raises(CannotLoad, match="more than 10 characters"):
            await converter.convert(docx("Refunds", "Within 14 days."), kind=Format.DOCX)


async def test_a_conversion_that_hangs_is_ended_and_the_next_one_works() -> None:
    limits = FileLimits(conversion_seconds=20)
    async with Converter(limits) as converter:
        await converter.convert(docx("Warm"), kind=Format.DOCX)
        assert converter._process is not None
        converter._process.send_signal(19)  # SIGSTOP: it does not answer any more
        object.__setattr__(limits, "conversion_seconds", 0.2)
        with pytest.raises(CannotLoad, match="longer than 0 seconds"):
            await converter.convert(docx("Stuck"), kind=Format.DOCX)
        object.__setattr__(limits, "conversion_seconds", 20)
        assert (await converter.convert(docx("Next"), kind=Format.DOCX)).text == "# Next"


async def test_a_conversion_that_dies_is_reported() -> None:
    async with Converter(FileLimits()) as converter:
        await converter.convert(docx("Warm"), kind=Format.DOCX)
        assert converter._process is not None
        converter._process.kill()
        with pytest.raises(CannotLoad, match="died"):
            await converter.convert(docx("Dead"), kind=Format.DOCX)


async def test_a_cancelled_conversion_leaves_no_half_reply() -> None:
    async with Converter(FileLimits()) as converter:
        await converter.convert(docx("Warm"), kind=Format.DOCX)
        assert converter._process is not None
        converter._process.send_signal(19)
        stuck = asyncio.create_task(converter.convert(docx("Stuck"), kind=Format.DOCX))
        await asyncio.sleep(0.05)
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        assert converter._process is None


async def test_a_converter_that_was_never_used_starts_no_process() -> None:
    async with Converter(FileLimits()) as converter:
        pass
    assert converter._process is None


def frame(request: Request, data: bytes) -> bytes:
    header = json.dumps(
        {name: getattr(request, name) for name in ("kind", "url", "encoding", "most_characters")}
    ).encode()
    return LENGTH.pack(len(header)) + header + LENGTH.pack(len(data)) + data


def replies(data: bytes) -> list[dict[str, object]]:
    found = []
    stream = io.BytesIO(data)
    while length := stream.read(4):
        found.append(json.loads(stream.read(LENGTH.unpack(length)[0])))
    return found


def test_the_child_answers_each_frame() -> None:
    requests = io.BytesIO(
        frame(Request("docx", None, None, 1000), docx("One"))
        + frame(Request("pdf", None, None, 1000), b"%PDF")
        + frame(Request("html", "https://x.example/a/", "utf-8", 5), b"<main>" + b"word " * 20 + b"</main>")
    )
    out = io.BytesIO()
    serve(requests, out, seconds=60)
    ready, one, broken, long = replies(out.getvalue())
    assert ready == {"ready": True}
    assert one == {"text": "# One"}
    assert "damaged" in str(broken["error"])
    assert long == {"error": "It holds more than 5 characters."}


def test_the_child_converts_each_format() -> None:
    assert convert(Request("pptx", None, None, 1000), pptx("A"))["text"] == "# Roaming\nA"
    assert convert(Request("xlsx", None, None, 1000), xlsx([["A"]]))["text"] == "| A |\n| --- |"
    assert convert(Request("pdf", None, None, 1000), pdf("Hello there."))["text"] == "Hello there."


def test_reasons_are_for_people() -> None:
    assert reason_of(MemoryError()) == "Converting it needs too much memory."
    assert reason_of(RecursionError()) == "It is nested too deeply."
    assert reason_of(KeyError()) == "It is damaged or not what its name says (KeyError)."


def test_the_child_is_confined(monkeypatch: pytest.MonkeyPatch) -> None:
    limited: list[int] = []

    def setrlimit(limit: int, _value: tuple[int, int]) -> None:
        limited.append(limit)
        raise ValueError("not here")

    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    confine(1000)
    assert len(limited) == 3


async def test_the_child_has_nothing_of_the_environment(
    converter: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELOOP_LLM__API_KEY", "secret")
    await converter.convert(docx("Warm"), kind=Format.DOCX)
    assert converter._process is not None
    environment = Path(f"/proc/{converter._process.pid}/environ")
    if not environment.exists():
        pytest.skip("this system does not show the environment of a process")
    assert b"secret" not in environment.read_bytes()


def test_a_spreadsheet_shows_what_it_shows() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Prices"
    moment = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 (spreadsheets know no time zones)
    rows: list[tuple[object, ...]] = [
        ("What", "Value"), ("Price", 25), ("Share", 0.125), ("Dollars", 1234.5),
        ("Since", moment.date()), ("Midnight", datetime.combine(moment.date(), time.min)), ("At", moment),
        ("Open", True), ("Shut", False), ("Pipe", "a|b"), ("Third", 1 / 3), (None, None), ("Short",),
        ("Time", moment.time()),
    ]  # fmt: skip
    for row in rows:
        sheet.append(row)
    sheet["B2"].number_format = '"£"#,##0.00'
    sheet["B3"].number_format = "0.0%"
    sheet["B4"].number_format = "[$USD-409]#,##0.00"
    book.create_sheet("Empty")
    book.create_sheet("Second").append(["x"])
    buffer = io.BytesIO()
    book.save(buffer)
    text = convert(Request("xlsx", None, None, 10_000), buffer.getvalue())["text"]
    assert text == (
        "## Prices\n\n| What | Value |\n| --- | --- |\n| Price | £25.00 |\n| Share | 12.5% |\n"
        "| Dollars | USD1,234.50 |\n| Since | 2026-01-02 |\n| Midnight | 2026-01-02 |\n"
        "| At | 2026-01-02 03:04:00 |\n| Open | yes |\n| Shut | no |\n| Pipe | a\\|b |\n"
        "| Third | 0.3333333333 |\n| Short |  |\n| Time | 03:04:00 |\n\n## Second\n\n| x |\n| --- |"
    )
    with pytest.raises(ValueError, match="more than 20 characters"):
        convert(Request("xlsx", None, None, 20), buffer.getvalue())
