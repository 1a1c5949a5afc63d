from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import pytest
from pydantic import BaseModel

import api
from tests.api.conftest import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    return world.app.openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{m} {p}", found) for p, path in document["paths"].items() for m, found in path.items()]


def models() -> dict[str, type[BaseModel]]:
    """Every model of the package by name."""
    found: dict[str, type[BaseModel]] = {}
    for module in pkgutil.iter_modules(api.__path__):
        found |= {
            name: item
            for name, item in vars(importlib.import_module(f"api.{module.name}")).items()
            if inspect.isclass(item) and issubclass(item, BaseModel) and item.__module__.startswith("api.")
        }
    return found


async def test_every_operation_is_named_tagged_described_and_protected(document: dict[str, Any]) -> None:
    found = operations(document)
    names = [operation["operationId"] for _, operation in found]
    assert len(names) == len(set(names)) >= 30
    for name, operation in found:
        assert operation["tags"], name
        assert operation["description"].endswith((".", "below.")), name
    open_to_all = {op["operationId"] for _, op in found if "security" not in op}
    signed = {"take_webhook", "take_secret_webhook", "try_secret_webhook"}
    assert open_to_all == {"liveness", "readiness", "metrics", "create_visitor_token", *signed}


async def test_every_body_has_an_example_that_its_model_accepts(document: dict[str, Any]) -> None:
    known, checked = models(), 0
    for name, operation in operations(document):
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for kind, content in part.get("content", {}).items():
                assert content.get("example") is not None, (name, kind)
                reference = content.get("schema", {}).get("$ref", "")
                model = known.get(reference.rsplit("/", 1)[-1])
                if model is not None:
                    model.model_validate(content["example"])
                    checked += 1
    assert checked > 60


async def test_every_operation_documents_its_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if operation["operationId"] not in {"liveness", "readiness"}:
            assert {"400", "401", "403", "413", "415", "422", "429", "500", "503"} <= set(
                operation["responses"]
            ), name


def test_the_package_s_face_is_sorted_and_complete() -> None:
    assert sorted(api.__all__) == api.__all__
    assert all(hasattr(api, name) for name in api.__all__)
