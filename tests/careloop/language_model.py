"""A language model's server of our own: OpenAI-compatible, over real HTTP, with a model that quotes."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kit.text import sentences

_PASSAGE = re.compile(r"begin passage (\d+)>>\n(.*?)\n<<", re.DOTALL)


@dataclass
class QuotingModel:
    """Says what it is told to say, else the first whole sentence of the first passage; notes each request."""

    says: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)

    def reply(self, body: dict[str, Any]) -> str:
        self.requests.append(body)
        if self.says is not None:
            return self.says
        number, text = _PASSAGE.findall(body["messages"][-1]["content"])[0]
        whole = [span.text for span in sentences(text) if span.text.endswith(".") and len(span.text) > 30]
        return json.dumps({"sentence": whole[0], "passages": [int(number)]})


@contextmanager
def serving(model: QuotingModel) -> Iterator[str]:
    """Base URL of a server for ``model`` while the block runs."""

    async def complete(request: Request) -> Response:
        body = await request.json()
        text = model.reply(body)
        base = {"id": "cmpl-1", "created": 1, "model": body["model"]}
        if body.get("stream"):
            return StreamingResponse(_chunks(base, text), media_type="text/event-stream")
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": usage})

    application = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        server.should_exit = True
        thread.join(10)


async def _chunks(base: dict[str, Any], text: str) -> Any:
    for start in range(0, len(text), 7):
        choice = {"index": 0, "delta": {"content": text[start : start + 7]}, "finish_reason": None}
        yield f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
    choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"
