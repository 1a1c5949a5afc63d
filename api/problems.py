"""How the OpenAPI document describes errors and streams."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from api.errors import PROBLEM

NOT_FOUND = 404
CONFLICT = 409

# What any route may answer: body unreadable, nobody known, not allowed, too large, not JSON, fields wrong,
# too many requests, an error of ours, a part of ours is down.
_ALWAYS = (400, 401, 403, 413, 415, 422, 429, 500, 503)

STREAM: dict[str, Any] = {
    "description": "Server-sent events.",
    "content": {
        "text/event-stream": {
            "itemSchema": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("event", "data", "id")},
            },
            "example": (
                'event: token\ndata: {"reply_to":"msg_01","offset":0,"text":"You have 14 days"}\nid: 11\n\n'
                'event: done\ndata: {"message_id":"msg_02"}\n\n'
            ),
        }
    },
}

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """The error responses of a route: those that every route has, and ``statuses``."""
    return {status: _response(status, PROBLEM, "Problem") for status in sorted({*_ALWAYS, *statuses})}


def openai_errors(*statuses: int) -> Responses:
    """The same in OpenAI's shape."""
    return {
        status: _response(status, "application/json", "OpenAIError")
        for status in sorted({*_ALWAYS, *statuses})
    }


def _response(status: int, media_type: str, schema: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
    if status in {429, 503}:
        response["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return response
