"""The process that reads what strangers wrote: PDF, office files, HTML.

Run as ``python -m knowledge_base.sources.conversion BYTES SECONDS``: it may use that much address space,
and that long for one file. Requests and replies on its standard streams are frames: a length of four bytes, a
JSON object, and for requests a second length and the file. Heavy libraries are loaded here and only here.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import resource
import signal
import struct
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from markitdown import StreamInfo
from markitdown.converters import DocxConverter, PdfConverter, PptxConverter
from pdfminer.pdfdocument import PDFPasswordIncorrect

from knowledge_base.sources.canonical import canonical
from knowledge_base.sources.pdf_text import paragraphs
from knowledge_base.sources.spreadsheet import spreadsheet_to_markdown
from knowledge_base.sources.web_page import read_page

_SLIDE_NUMBER = re.compile(r"<!-- Slide number: \d+ -->\n?")
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")  # the file it names is inside the deck
LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Request:
    """One file to convert. ``most_characters`` bounds the text that comes back."""

    kind: str
    url: str | None
    encoding: str | None
    most_characters: int


def convert(request: Request, data: bytes) -> dict[str, Any]:
    """The fields of ``knowledge_base.sources.converter.Converted`` that are not empty."""
    if request.kind == "html":
        page = read_page(data, url=request.url, encoding=request.encoding)
        return asdict(page)
    text = _CONVERTERS[request.kind](data, request.most_characters)
    return {"text": canonical(text)}


def reason_of(error: BaseException) -> str:
    """Why a file could not be converted, in words for the person who wrote it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, PDFPasswordIncorrect) or any(
            isinstance(a, PDFPasswordIncorrect) for a in seen.args
        ):
            return "It is protected by a password."
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, MemoryError):
        return "Converting it needs too much memory."
    if isinstance(error, RecursionError):
        return "It is nested too deeply."
    told = " ".join(str(error).split())[:200]
    return f"It is damaged or not what its name says ({type(error).__name__}{': ' + told if told else ''})."


def serve(requests: BinaryIO, replies: BinaryIO, *, seconds: int) -> None:
    """Answer requests until there are no more; no file gets longer than ``seconds``."""
    _send(replies, {"ready": True})
    while header := requests.read(LENGTH.size):
        request = Request(**json.loads(requests.read(LENGTH.unpack(header)[0])))
        data = requests.read(LENGTH.unpack(requests.read(LENGTH.size))[0])
        signal.alarm(seconds)
        try:
            reply = convert(request, data)
        except Exception as error:  # noqa: BLE001 (the outermost boundary of this process)
            reply = {"error": reason_of(error)}
        signal.alarm(0)
        if len(reply.get("text", "")) > request.most_characters:
            reply = {"error": f"It holds more than {request.most_characters:,} characters."}
        _send(replies, reply)


def confine(address_space: int) -> None:
    """Bound the memory of this process, and forbid it to write files."""
    for limit, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a platform without this limit
            resource.setrlimit(limit, (value, value))


def _pdf(data: bytes, _most: int) -> str:
    return paragraphs(PdfConverter().convert(io.BytesIO(data), StreamInfo(extension=".pdf")).markdown)


def _docx(data: bytes, _most: int) -> str:
    converter = DocxConverter()  # type: ignore[no-untyped-call]  # the library has no types here
    return str(converter.convert(io.BytesIO(data), StreamInfo(extension=".docx")).markdown)


def _pptx(data: bytes, _most: int) -> str:
    converter = PptxConverter()  # type: ignore[no-untyped-call]  # the library has no types here
    slides = str(converter.convert(io.BytesIO(data), StreamInfo(extension=".pptx")).markdown)
    return _PICTURE.sub(r"\1", _SLIDE_NUMBER.sub("", slides))


def _xlsx(data: bytes, most: int) -> str:
    return spreadsheet_to_markdown(data, most_characters=most)


_CONVERTERS: dict[str, Callable[[bytes, int], str]] = {
    "pdf": _pdf,
    "docx": _docx,
    "pptx": _pptx,
    "xlsx": _xlsx,
}


def _send(replies: BinaryIO, reply: dict[str, Any]) -> None:
    body = json.dumps(reply).encode()
    replies.write(LENGTH.pack(len(body)) + body)
    replies.flush()


def main() -> None:
    """Serve on the standard streams; what libraries print goes to standard error instead."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes our input
    confine(int(sys.argv[1]))
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, replies, seconds=int(sys.argv[2]))


if __name__ == "__main__":
    main()
