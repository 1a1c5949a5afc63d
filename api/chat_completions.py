"""OpenAI's chat completions, so that any chat client can ask: stateless, grounded, with citations.

A stream says only what has been checked: text that was sent cannot be taken back here, as it can in a
conversation's stream. It therefore begins when the answer is complete.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from api import wire
from api.deps import AnyCaller, ChatCaller, ChatDep, ClockDep
from api.problems import openai_errors
from bot.answer import Answer
from bot.conversation import CitedSentence
from kit.errors import InvalidInput, NotFound
from kit.ids import new_id
from retrieval import HistoryTurn

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], responses=openai_errors())

MODEL = "careloop"
_CHARACTERS_PER_TOKEN = 4  # there is no tokenizer; OpenAI's rule of thumb for English
_HISTORY = 20  # messages looked back on, as in a conversation
_PIECE = 24  # characters of one streamed piece
_CHUNK = {"type": "object", "properties": {"data": {"type": "string"}}}
_EXAMPLE = 'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"You"}}]}\n\n'
_CREATED = 1_767_225_600  # 2026-01-01, when the model came to be; clients want a number


class TextPart(BaseModel):
    """A part of a message. Only text can be read."""

    type: Literal["text"] = Field(examples=["text"])
    text: str = Field(max_length=100_000, examples=[wire.QUESTION])


class ChatMessage(BaseModel):
    """One message. What `system` and `developer` say is ignored: answers come from the knowledge base."""

    role: Literal["system", "developer", "user", "assistant", "tool"] = Field(examples=["user"])
    content: Annotated[str, Field(max_length=100_000)] | list[TextPart] | None = Field(
        None, examples=[wire.QUESTION]
    )

    @property
    def text(self) -> str:
        """Its text, parts joined by line breaks."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream shall hold."""

    include_usage: StrictBool = Field(False, examples=[True])


class CompletionRequest(BaseModel):
    """A chat so far, which ends with a question. Sampling options are accepted and change nothing."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(MODEL, max_length=200, description="Any name; there is one model.", examples=[MODEL])
    messages: list[ChatMessage] = Field(min_length=1, max_length=500)
    stream: StrictBool | None = Field(False, examples=[False])
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="More than one answer cannot be had.", examples=[1])


class Usage(BaseModel):
    """Tokens, estimated at four characters each."""

    prompt_tokens: int = Field(examples=[10])
    completion_tokens: int = Field(examples=[22])
    total_tokens: int = Field(examples=[32])


class CompletionMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"] = Field("assistant", examples=["assistant"])
    content: str = Field(examples=[wire.QUOTE])
    refusal: str | None = Field(None, examples=[None])


class Choice(BaseModel):
    """The one choice."""

    index: int = Field(0, examples=[0])
    message: CompletionMessage
    finish_reason: Literal["stop"] = Field("stop", examples=["stop"])
    logprobs: None = Field(None, examples=[None])


class Completion(BaseModel):
    """An answer in OpenAI's shape, and from ``citations`` on what Careloop adds to it."""

    id: str = Field(examples=["chatcmpl_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    object: Literal["chat.completion"] = Field("chat.completion", examples=["chat.completion"])
    created: int = Field(examples=[1795255200])
    model: str = Field(examples=[MODEL])
    choices: list[Choice]
    usage: Usage
    citations: list[wire.Citation]
    kind: str = Field(description="`answer`, `clarify`, `handover` or `small_talk`.", examples=["answer"])
    answerability: float = Field(examples=[0.97])
    options: list[str] = Field(examples=[[]])


class Model(BaseModel):
    """A model in OpenAI's shape."""

    id: str = Field(examples=[MODEL])
    object: Literal["model"] = Field("model", examples=["model"])
    created: int = Field(_CREATED, examples=[_CREATED])
    owned_by: str = Field("careloop", examples=["careloop"])


class ModelList(BaseModel):
    """The models there are."""

    object: Literal["list"] = Field("list", examples=["list"])
    data: list[Model]


class OpenAIErrorBody(BaseModel):
    """What went wrong, as OpenAI's clients read it."""

    message: str = Field(examples=["The message is empty."])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(examples=["messages"])
    code: str = Field(examples=["invalid_input"])
    trace_id: str = Field(examples=["req_06dbn3v0m5s1t7w9yb2d4f6h8k"])


class OpenAIError(BaseModel):
    """An error in OpenAI's shape."""

    error: OpenAIErrorBody


@router.get("/models", operation_id="list_models")
async def list_models(_caller: AnyCaller) -> ModelList:
    """The one model there is."""
    return ModelList(data=[Model(id=MODEL)])


@router.get("/models/{model}", operation_id="get_model", responses=openai_errors(404))
async def get_model(_caller: AnyCaller, model: str) -> Model:
    """The one model there is."""
    if model != MODEL:
        raise NotFound(f"There is one model, {MODEL}.", code="model_not_found")
    return Model(id=MODEL)


@router.post(
    "/chat/completions",
    operation_id="create_chat_completion",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"itemSchema": _CHUNK, "example": _EXAMPLE}}}},
)
async def create_chat_completion(
    chat: ChatDep, clock: ClockDep, caller: ChatCaller, body: CompletionRequest
) -> Response | Completion:
    """Answer the last message of a chat from the knowledge base. Nothing is stored.

    With `stream` it comes as `data:` lines that end with `[DONE]`; the last piece carries `citations`.
    """
    question, history = _question(body.messages)
    completion = _completion(
        body, await chat.ask(caller.workspace_id, question, history=history), clock.now()
    )
    if not body.stream:
        return completion
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    return StreamingResponse(_pieces(completion, with_usage=with_usage), media_type="text/event-stream")


def _question(messages: Sequence[ChatMessage]) -> tuple[str, list[HistoryTurn]]:
    """The last message, and the turns before it, oldest first."""
    *before, last = messages
    if last.role != "user":
        raise InvalidInput("The last message must be the user's.")
    history = [
        HistoryTurn(message.text, by_customer=message.role == "user")
        for message in before[-_HISTORY:]
        if message.role in {"user", "assistant"} and message.text
    ]
    return last.text, history


def _completion(body: CompletionRequest, answer: Answer, now: datetime) -> Completion:
    prompt = _tokens("".join(message.text for message in body.messages))
    said = _tokens(answer.text)
    return Completion(
        id=new_id("chatcmpl"),
        created=int(now.timestamp()),
        model=body.model,
        choices=[Choice(message=CompletionMessage(content=answer.text))],
        usage=Usage(prompt_tokens=prompt, completion_tokens=said, total_tokens=prompt + said),
        citations=wire.citations(
            CitedSentence(number, citation, sentence.support)
            for number, sentence in enumerate(answer.sentences)
            for citation in sentence.citations
        ),
        kind=answer.kind,
        answerability=answer.answerability,
        options=list(answer.options),
    )


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


async def _pieces(completion: Completion, *, with_usage: bool) -> AsyncIterator[str]:
    text = completion.choices[0].message.content
    yield _chunk(completion, {"role": "assistant", "content": ""})
    for start in range(0, len(text), _PIECE):
        yield _chunk(completion, {"content": text[start : start + _PIECE]})
    extension = completion.model_dump(mode="json", include={"citations", "kind", "answerability", "options"})
    yield _chunk(completion, {}, finish_reason="stop", **extension)
    if with_usage:
        yield _chunk(completion, None, usage=completion.usage.model_dump())
    yield "data: [DONE]\n\n"


def _chunk(completion: Completion, delta: dict[str, str] | None, **fields: object) -> str:
    reason = fields.pop("finish_reason", None)
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
    chunk = {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
        "choices": [] if delta is None else [choice],
        **fields,
    }
    return f"data: {json.dumps(chunk, ensure_ascii=False, separators=(',', ':'))}\n\n"
