"""Converting files in a process of its own, which may fail, hang or run out of memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.limits import FileLimits

_ROOT = Path(__file__).parent.parent.parent
_START_SECONDS = 120.0  # importing the libraries takes 3 s, many times that on a machine under load
_LONGEST_REPLY = 1 << 30
# Nothing of the parent's environment: what strangers wrote is read here, and the environment holds keys.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}


class Format(StrEnum):
    """What the converter reads."""

    PDF = "pdf"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Converted:
    """Canonical Markdown, and for HTML what else the page says of itself (see ``web_page.WebPage``)."""

    text: str
    title: str = ""
    updated: str | None = None
    links: tuple[str, ...] = ()
    canonical_url: str | None = None
    indexable: bool = True


class Converter:
    """One child process as an async context manager: started when first needed, and again after it died."""

    def __init__(self, limits: FileLimits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def convert(
        self,
        data: bytes,
        *,
        kind: Format,
        url: str | None = None,
        encoding: str | None = None,
    ) -> Converted:
        """Convert one file. Raises ``CannotLoad``, also when it takes too long or too much memory."""
        request = {
            "kind": kind.value,
            "url": url,
            "encoding": encoding,
            "most_characters": self._limits.document_characters,
        }
        async with self._turn:
            reply = await self._ask(json.dumps(request).encode(), data)
        if "error" in reply:
            raise CannotLoad(reply["error"])
        reply["links"] = tuple(reply.get("links", ()))
        return Converted(**reply)

    async def _ask(self, request: bytes, data: bytes) -> dict[str, Any]:
        seconds = self._limits.conversion_seconds
        answered = False
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(seconds):
                assert process.stdin is not None
                process.stdin.write(_length(request) + request + _length(data) + data)
                await process.stdin.drain()
                reply = await _receive(process)
            answered = True
        except TimeoutError:
            raise CannotLoad(f"Converting it takes longer than {seconds:.0f} seconds.") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise CannotLoad(
                "The process that converts it died: it takes too much memory or is damaged."
            ) from None
        finally:
            if not answered:  # also when cancelled: a half-read reply must not be taken for the next one's
                await self._stop(kill=True)
        return reply

    async def _start(self) -> asyncio.subprocess.Process:
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "knowledge_base.sources.conversion",
            str(self._limits.conversion_bytes),
            str(int(self._limits.conversion_seconds) + 1),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
            env=_ENVIRONMENT,
        )
        async with asyncio.timeout(_START_SECONDS):
            await _receive(process)
        return process

    async def _stop(self, *, kill: bool = False) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        if kill:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


async def _receive(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    length = int.from_bytes(await process.stdout.readexactly(4), "little")
    reply: dict[str, Any] = json.loads(await process.stdout.readexactly(min(length, _LONGEST_REPLY)))
    return reply


def _length(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little")
