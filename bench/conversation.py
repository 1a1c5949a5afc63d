"""A customer who talks to a server and checks that nothing he was told is lost or out of order."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.worker import ROOT

TURNS = 8  # of one conversation, before the customer starts another
_QUESTIONS = ROOT / "evals" / "cases" / "brightwater" / "queries.jsonl"


def questions(seed: int) -> Iterator[str]:
    """Questions to the sample help centre without end, each a text never sent before, so no cache helps."""
    rows = [json.loads(line)["text"] for line in _QUESTIONS.read_text(encoding="utf-8").splitlines()]
    random.Random(seed).shuffle(rows)
    for number, text in enumerate(itertools.cycle(rows)):
        yield f"{text} (question {seed}.{number})"


@dataclass(slots=True)
class Exchange:
    """A message that the server acknowledged, with its reply."""

    text: str
    message_id: str
    sequence: int
    reply_id: str | None
    reply_text: str | None


@dataclass(slots=True)
class Customer:
    """Talks until told to stop. ``conversations`` holds what was acknowledged, by conversation."""

    client: httpx.AsyncClient
    seed: int
    conversations: dict[str, list[Exchange]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def talk(self, *, until: float) -> None:
        """Send turn after turn until the clock ``time.perf_counter`` shows ``until``; errors are noted."""
        asked = questions(self.seed)
        while time.perf_counter() < until:
            try:
                await self._converse(asked, until)
            except (httpx.HTTPError, KeyError) as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                return

    async def _converse(self, asked: Iterator[str], until: float) -> None:
        opened = (await self.client.post("/v1/conversations", json={})).raise_for_status().json()
        said = self.conversations.setdefault(opened["id"], [])
        for text in itertools.islice(asked, TURNS):
            if time.perf_counter() >= until:
                return
            start = time.perf_counter()
            url = f"/v1/conversations/{opened['id']}/messages"
            result = (await self.client.post(url, json={"text": text})).raise_for_status().json()
            self.seconds.append(time.perf_counter() - start)
            said.append(_exchange(text, result))
            if result["reply"] is None or result["conversation"]["owner"] != "bot":
                return  # a person answers next


def _exchange(text: str, result: dict[str, Any]) -> Exchange:
    message, reply = result["message"], result["reply"]
    return Exchange(
        text,
        message["id"],
        message["sequence"],
        reply["id"] if reply else None,
        reply["text"] if reply else None,
    )


async def problems(client: httpx.AsyncClient, conversation: str, said: list[Exchange]) -> list[str]:
    """What the server now shows of a conversation that is not as it was acknowledged."""
    answer = await client.get(f"/v1/conversations/{conversation}/messages")
    if answer.status_code != httpx.codes.OK:
        return [f"{conversation} is gone ({answer.status_code})"]
    messages = answer.json()["items"]
    found = []
    if [message["sequence"] for message in messages] != list(range(1, len(messages) + 1)):
        found.append(f"{conversation}: sequences {[message['sequence'] for message in messages]}")
    stored = {message["id"]: message for message in messages}
    for exchange in said:
        message = stored.get(exchange.message_id)
        if message is None or message["text"] != exchange.text or message["sequence"] != exchange.sequence:
            found.append(f"{conversation}: message {exchange.sequence} is lost or changed")
        if exchange.reply_id is not None:
            reply = stored.get(exchange.reply_id)
            if reply is None or reply["text"] != exchange.reply_text:
                found.append(f"{conversation}: the reply to message {exchange.sequence} is lost or changed")
            elif message is not None and reply["sequence"] <= message["sequence"]:
                found.append(f"{conversation}: the reply to message {exchange.sequence} stands before it")
    return found
