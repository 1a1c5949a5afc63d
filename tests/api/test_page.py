"""The chat page in a real browser: ask, see the answer come, open what it quotes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.browser import CHROMIUM, Page, browser
from tests.api.conftest import TITLE, World, serving
from tests.conftest import skip_or_fail

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@pytest.fixture
async def page(world: World, tmp_path: Path) -> AsyncIterator[Page]:
    if CHROMIUM is None:
        skip_or_fail("Chromium is not installed")
    async with serving(world.app) as url, browser(tmp_path / "profile") as page:
        await page.size(1280, 800)
        await page.open(url)
        await page.wait_for("document.querySelectorAll('.starter').length === 4")
        yield page
        assert all(item.startswith((url, "data:")) for item in page.requested), "the page asked elsewhere"
        assert page.logged == []


async def test_an_answer_streams_in_and_its_citation_opens_the_passage(page: Page, world: World) -> None:
    await page.write("#text", "How long do I have, wait?")
    await page.wait_for("!document.querySelector('#typing').hidden")
    world.pipeline.gate.set()
    await page.wait_for("document.querySelectorAll('.bot .chip').length === 2")
    assert await page.run("document.querySelectorAll('.message').length") == 2
    assert await page.run("document.querySelectorAll('.bot ol li strong').length") == 1
    await page.click(".bot .chip")
    await page.wait_for("document.querySelector('#source[open] mark')")
    assert (
        await page.run("document.querySelector('#source mark').textContent")
        == "You have 14 days to call off a new order."
    )
    assert await page.run("document.querySelector('#source-title').textContent") == TITLE
    assert await page.run("document.activeElement.id") == "source-title"
    await page.run("[...document.querySelectorAll('.bot .chip')].at(-1).click()")
    await page.wait_for("document.querySelectorAll('#source mark').length === 2")
    await page.click("#source-close")
    await page.wait_for("!document.querySelector('#source').open && document.activeElement.matches('.chip')")


async def test_options_thumbs_and_a_person(page: Page, world: World) -> None:
    await page.write("#text", "which plan?")
    await page.wait_for("document.querySelectorAll('.option').length === 2")
    await page.click(".option")
    await page.wait_for(
        "document.querySelectorAll('.customer').length === 2 && document.querySelector('.thumb')"
    )
    await page.click(".thumb.up")
    await page.wait_for("document.querySelector('.thumb.up').getAttribute('aria-pressed') === 'true'")
    assert await page.run("document.querySelectorAll('.option').length") == 0
    await page.click("#person")
    await page.wait_for("document.querySelector('#owner').dataset.owner === 'queue'")
    conversation = await page.run("sessionStorage.getItem('careloop.conversation')")
    async with world.client() as desk:
        await desk.post(f"/v1/conversations/{conversation}/claim", json={"agent": "Maya"})
        await page.wait_for("document.querySelector('#owner-text').textContent === 'Maya is with you'")
        await desk.post(f"/v1/conversations/{conversation}/replies", json={"agent": "Maya", "text": "Hello!"})
    await page.wait_for("document.querySelector('.agent .bubble').textContent === 'Hello!'")


async def test_a_reload_goes_on_with_the_conversation(page: Page) -> None:
    await page.click(".starter")
    await page.wait_for("document.querySelectorAll('.bot .chip').length === 2")
    await page.call("Page.reload")
    await page.wait_for("document.querySelectorAll('.bot .chip').length === 2")
    assert await page.run("document.querySelector('#welcome').hidden")
    await page.click("#restart")
    await page.wait_for(
        "document.querySelectorAll('.message').length === 0 && !document.querySelector('#welcome').hidden"
    )


async def test_the_api_is_described_without_help_from_elsewhere(page: Page) -> None:
    await page.run("location.assign('/docs')")
    await page.wait_for("document.querySelectorAll('details').length >= 30")
    assert (
        "idempotency-key" in str(await page.run("document.querySelector('#operations').textContent")).lower()
    )


async def test_what_is_said_never_becomes_markup(page: Page) -> None:
    await page.write("#text", "<img src=x onerror=alert(1)> **bold**")
    await page.wait_for("document.querySelectorAll('.bot .chip').length === 2")
    assert await page.run("document.querySelectorAll('#log img').length") == 0
    assert (
        await page.run("document.querySelector('.customer .bubble').textContent")
        == "<img src=x onerror=alert(1)> **bold**"
    )
    script = """import('/page/markdown.js').then(({ render }) => {
      const box = document.createElement('div');
      const table = '| a | b |\\n|---|---|\\n| [l](https://e.example) | **c** |';
      box.append(...render('[x](javascript:alert(1)) <b>y</b> | `z`\\n\\n' + table));
      return box.innerHTML;
    })"""
    html = await page.run(script)
    assert "javascript" not in html
    assert "&lt;b&gt;y&lt;/b&gt;" in html
    assert '<a href="https://e.example" target="_blank" rel="noopener noreferrer">l</a>' in html
    assert "<td><strong>c</strong></td>" in html
