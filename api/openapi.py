"""The OpenAPI document: problem details and examples added to what FastAPI finds in the routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.chat_completions import OpenAIError
from api.errors import Problem

Document = dict[str, Any]

_DESCRIPTION = """\
Careloop answers customers from a company's knowledge base: every sentence is supported by a quoted
passage, or a person takes over.

Send `Authorization: Bearer <API key or visitor token>`. Errors are problem details (RFC 9457); under
`/v1/chat/completions` and `/v1/models` they have OpenAI's shape. A `POST` that creates something takes an
`Idempotency-Key`.
"""


def document_of(app: FastAPI) -> Callable[[], Document]:
    """A function that gives the OpenAPI document of ``app``, made on the first call."""

    def openapi() -> Document:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    return openapi


def _describe(app: FastAPI) -> Document:
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    schemas = document["components"]["schemas"]
    schemas.update(_schemas(Problem, OpenAIError))
    for content in _contents(document):
        if "example" not in content and "schema" in content:
            content["example"] = example_of(content["schema"], schemas)
    return document


def _schemas(*models: type[BaseModel]) -> Document:
    template = "#/components/schemas/{model}"
    _, found = models_json_schema([(model, "serialization") for model in models], ref_template=template)
    definitions: Document = found["$defs"]
    return definitions


def _contents(document: Document) -> Iterator[Document]:
    """The description of every body, in requests and responses."""
    for path in document["paths"].values():
        for operation in path.values():
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                yield from part.get("content", {}).values()


def example_of(schema: Document, schemas: Document) -> Any:  # noqa: ANN401 (any JSON value)
    """An example of ``schema``, composed of those that its fields give."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    return {name: example_of(field, schemas) for name, field in schema.get("properties", {}).items()}
