"""A small client for Chromium's DevTools protocol: enough to open a page, type, click and look."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0",
)  # fmt: skip


class PageError(AssertionError):
    """A script that a test ran in the page failed."""


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.logged: list[str] = []
        self.requested: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """The result of a command of the protocol."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        return await asyncio.wait_for(answer, 20)

    async def open(self, url: str) -> None:
        """Go to ``url``."""
        await self.call("Page.navigate", url=url)
        await self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise PageError(f"{script}: {json.dumps(result['exceptionDetails'])[:500]}")
        return result["result"].get("value")

    async def wait_for(self, condition: str, *, seconds: float = 15) -> None:
        """Return once a JavaScript condition holds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    with suppress(PageError):
                        if await self.run(f"Boolean({condition})"):
                            return
                    await asyncio.sleep(0.05)
        text = await self.run("document.body.innerText")
        raise PageError(
            f"not within {seconds} s: {condition}; the page says {text!r}, the console {self.logged}"
        )

    async def click(self, selector: str) -> None:
        """Click the first element that matches."""
        await self.wait_for(f"document.querySelector({selector!r})")
        await self.run(f"document.querySelector({selector!r}).click()")

    async def write(self, selector: str, text: str) -> None:
        """Focus an element, type a text, and press Enter."""
        await self.run(f"document.querySelector({selector!r}).focus()")
        await self.call("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13
            )

    async def look(
        self, path: Path, *, width: int, height: int, dark: bool = False, scale: float = 1
    ) -> None:
        """Save a picture of the page."""
        await self.size(width, height, dark=dark, scale=scale)
        await asyncio.sleep(0.4)
        picture = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(picture["data"]))

    async def size(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """Give the page a size and a colour scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def close(self) -> None:
        """Stop listening."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._socket:
                self._hear(json.loads(text))

    def _hear(self, message: dict[str, Any]) -> None:
        if "id" in message:
            answer = self._answers.pop(message["id"])
            if not answer.done():  # whoever asked may have given up
                answer.set_result(message.get("result", {}))
        elif message["method"] == "Network.requestWillBeSent":
            self.requested.append(message["params"]["request"]["url"])
        elif message["method"] in {"Runtime.exceptionThrown", "Log.entryAdded"}:
            self.logged.append(json.dumps(message["params"])[:400])


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Page]:
    """A Chromium with a fresh profile in the folder ``profile``, showing one page."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with connect(await _page_address(profile), max_size=None, proxy=None) as socket:
            page = Page(socket)
            for domain in ("Page", "Runtime", "Network", "Log"):
                await page.call(f"{domain}.enable")
            yield page
            await page.close()
    finally:
        process.terminate()
        await process.wait()


async def _page_address(profile: Path) -> str:
    """Where the first tab listens, once the browser is up."""
    async with asyncio.timeout(30):
        while True:
            with suppress(OSError, IndexError, StopIteration, httpx.HTTPError):
                port = int((profile / "DevToolsActivePort").read_text().splitlines()[0])
                return await _first_tab(port)
            await asyncio.sleep(0.1)


async def _first_tab(port: int) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        tabs = (await client.get(f"http://127.0.0.1:{port}/json")).json()
    return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
