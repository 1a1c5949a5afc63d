"""A web site on loopback, and files of every kind made from scratch."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from knowledge_base.errors import CannotLoad
from knowledge_base.sources import Entry, EntryState, Failure, Listed, Loaded, Skipped, Source, Unchanged
from knowledge_base.sources.converter import Converter
from knowledge_base.sources.limits import FileLimits

DOCX_PARTS = {
    "[Content_Types].xml": (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<?xml version="1.0"?><Relationships '
        'xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        'officeDocument" Target="word/document.xml"/></Relationships>'
    ),
}


def docx(*paragraphs: str, extra: dict[str, bytes] | None = None) -> bytes:
    """A Word document; the first paragraph is a heading."""
    body = "".join(
        f"<w:p>{'<w:pPr><w:pStyle w:val=&quot;Heading1&quot;/></w:pPr>' if not place else ''}"
        f"<w:r><w:t>{paragraph}</w:t></w:r></w:p>".replace("&quot;", '"')
        for place, paragraph in enumerate(paragraphs)
    )
    document = (
        '<?xml version="1.0"?><w:document '
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        f"<w:body>{body}</w:body></w:document>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**DOCX_PARTS, "word/document.xml": document}.items():
            archive.writestr(name, text)
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return buffer.getvalue()


def pdf(*lines: str, encrypted: bool = False) -> bytes:
    """A PDF with one page; ``encrypted`` with a password that nobody knows."""
    stream = "BT /F1 12 Tf 72 720 Td 14 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources 6 0 R >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Font << /F1 5 0 R >> >>",
    ]
    if encrypted:
        word = "ab" * 32
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{word}> /U <{word}> /P -4 >>")
    out = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    secret = f"/Encrypt 7 0 R /ID [<{'cd' * 16}> <{'cd' * 16}>]" if encrypted else ""
    out += (
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R {secret} >>\nstartxref\n{table}\n%%EOF\n".encode()
    )
    return out


@dataclass
class Harvest:
    """What a source gave in one pass."""

    loaded: dict[str, Loaded | Unchanged] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    listed: list[Listed] = field(default_factory=list)

    @property
    def texts(self) -> dict[str, str]:
        return {
            document.key: document.text
            for loaded in self.loaded.values()
            if isinstance(loaded, Loaded)
            for document in loaded.documents
        }

    @property
    def states(self) -> dict[str, EntryState]:
        return {key: loaded.state for key, loaded in self.loaded.items() if loaded.state is not None}


async def harvest(source: Source, known: dict[str, EntryState] | None = None) -> Harvest:
    """Everything ``source`` gives, loaded."""
    found = Harvest()
    async for item in source.entries(known or {}):
        found.listed.append(item)
        match item:
            case Skipped():
                found.skipped[item.key] = item.reason
            case Failure():
                found.failed[item.key] = item.reason
            case Entry():
                try:
                    found.loaded[item.key] = await item.load()
                except CannotLoad as error:
                    found.failed[item.key] = error.detail
    return found


@dataclass
class Answer:
    """What the site says to a request for a path."""

    body: str | bytes = ""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """A web server on loopback. ``pages`` maps a path to what it answers; ``requests`` is what was asked."""

    port: int
    pages: dict[str, Answer | Callable[[dict[str, str]], Answer]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[str]:
        return [path for path, _ in self.requests]

    def page(self, path: str, body: str, **options: object) -> None:
        """An HTML page with ``body`` in its main element."""
        html = f"<html><head><title>T</title></head><body><nav>Menu</nav><main>{body}</main></body></html>"
        self.pages[path] = Answer(html, **options)  # type: ignore[arg-type]  # options of Answer


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site(0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.requests.append((self.path, headers))
            answer = found.pages.get(self.path, Answer("gone", 404))
            if callable(answer):
                answer = answer(headers)
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            self.send_response(answer.status)
            if answer.content_type:
                self.send_header("Content-Type", answer.content_type)
            for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the base's name)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
async def converter() -> AsyncIterator[Converter]:
    async with Converter(FileLimits()) as converter:
        yield converter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "help-centre"
    path.mkdir()
    return path
