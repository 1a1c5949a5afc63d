"""An OpenAI-compatible embeddings endpoint as an encoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
import respx
from pydantic import SecretStr

from inference.errors import (
    ModelMalformed,
    ModelMissing,
    ModelRateLimited,
    ModelRejected,
    ModelUnavailable,
)
from inference.openai_embeddings import EmbeddingsConfig, OpenAiEncoder
from kit.errors import CareloopError

URL = "http://embeddings.test/v1"


def vectors(request: httpx.Request, *, dimensions: int = 3) -> httpx.Response:
    """A vector for each text: its length first, so that a test can tell texts apart."""
    texts = json.loads(request.content)["input"]
    data = [
        {"object": "embedding", "index": place, "embedding": [float(len(text))] + [1.0] * (dimensions - 1)}
        for place, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return httpx.Response(200, json={"object": "list", "data": data, "model": "embed", "usage": usage})


@pytest.fixture
def server() -> Iterator[respx.Route]:
    with respx.mock(base_url=URL) as router:
        yield router.post("/embeddings").mock(side_effect=vectors)


def encoder_of(**changes: object) -> OpenAiEncoder:
    settings: dict[str, object] = {"base_url": URL, "model": "embed", "attempts": 1} | changes
    return OpenAiEncoder(EmbeddingsConfig(**settings))  # type: ignore[arg-type]  # typed by the table of a test


def test_it_sends_texts_and_the_key_and_gives_unit_vectors(server: respx.Route) -> None:
    encoder = encoder_of(api_key=SecretStr("key-1"))

    matrix = encoder.encode(["four", "seven77"])
    encoder.close()

    request = server.calls.last.request
    assert request.headers["authorization"] == "Bearer key-1"
    assert json.loads(request.content)["input"] == ["four", "seven77"]
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(matrix[0] * np.sqrt(18), [4, 1, 1], atol=1e-5)


def test_an_empty_text_is_zeros_and_is_not_sent(server: respx.Route) -> None:
    matrix = encoder_of().encode(["", "four", "  "])

    assert json.loads(server.calls.last.request.content)["input"] == ["four"]
    assert matrix[0].tolist() == matrix[2].tolist() == [0, 0, 0]
    assert matrix[1, 0] > 0.9


def test_without_texts_it_asks_nothing() -> None:
    assert encoder_of(dimensions=3).encode([]).shape == (0, 3)


def test_the_size_is_asked_once(server: respx.Route) -> None:
    encoder = encoder_of()

    assert encoder.dimensions == encoder.dimensions == 3
    assert server.call_count == 1


def test_the_first_answer_tells_the_size(server: respx.Route) -> None:
    encoder = encoder_of()
    encoder.encode(["four"])

    assert encoder.dimensions == 3
    assert server.call_count == 1


def test_spans_go_into_the_same_request(server: respx.Route) -> None:
    found = encoder_of().encode_with_spans(["abcdef", "xy"], [[(0, 2), (2, 6)], []])

    assert json.loads(server.calls.last.request.content)["input"] == ["abcdef", "xy", "ab", "cdef"]
    assert server.call_count == 1
    assert found.texts.shape == (2, 3)
    assert [rows.shape for rows in found.spans] == [(2, 3), (0, 3)]
    np.testing.assert_allclose(found.spans[0][1] * np.sqrt(18), [4, 1, 1], atol=1e-5)


def test_with_tokens_the_texts_are_asked_once_and_there_are_no_tokens(server: respx.Route) -> None:
    found = encoder_of().encode_with_tokens(["four", "", "seven77"])

    assert server.call_count == 1
    assert json.loads(server.calls.last.request.content)["input"] == ["four", "seven77"]
    np.testing.assert_allclose(np.linalg.norm(found.texts, axis=1), [1, 0, 1], atol=1e-6)
    assert [tokens.offsets.shape for tokens in found.tokens] == [(0, 2)] * 3
    assert [tokens.states.shape for tokens in found.tokens] == [(0, 3)] * 3


def test_with_tokens_of_nothing_there_is_nothing() -> None:
    found = encoder_of(dimensions=3).encode_with_tokens([])

    assert found.texts.shape == (0, 3)
    assert found.tokens == []


def test_many_texts_go_in_batches(server: respx.Route) -> None:
    assert encoder_of(batch=2).encode(["a", "b", "c"]).shape == (3, 3)
    assert server.call_count == 2


def test_its_identity_names_model_and_server_but_not_the_path() -> None:
    one, same = encoder_of(), encoder_of(base_url=URL + "/")
    other = encoder_of(base_url="http://embeddings.test/tenant-a/v1")

    assert one.identity == same.identity != other.identity
    assert one.identity.startswith("embed@embeddings.test-")
    assert "tenant" not in other.identity


@dataclass(frozen=True)
class Failure:
    reply: httpx.Response | Exception
    error: type[CareloopError]


def listed(*rows: list[float]) -> httpx.Response:
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
    return httpx.Response(200, json={"object": "list", "data": data, "model": "embed"})


@pytest.mark.parametrize(
    "case",
    [
        Failure(httpx.Response(401), ModelRejected),
        Failure(httpx.Response(404), ModelMissing),
        Failure(httpx.Response(429), ModelRateLimited),
        Failure(httpx.Response(500), ModelUnavailable),
        Failure(httpx.ReadTimeout("slow"), ModelUnavailable),
        Failure(httpx.Response(200, text="<html>"), ModelMalformed),
        Failure(httpx.Response(200, json={"data": []}), ModelMalformed),
        Failure(listed([1.0, 2.0], [1.0]), ModelMalformed),
        Failure(listed([1.0, 2.0, 3.0]), ModelMalformed),
        Failure(listed([0.0, 0.0], [1.0, 2.0]), ModelMalformed),
    ],
)
def test_failures_are_told_in_our_own_words(server: respx.Route, case: Failure) -> None:
    if isinstance(case.reply, Exception):
        server.mock(side_effect=case.reply)
    else:
        server.mock(side_effect=None, return_value=case.reply)

    with pytest.raises(case.error) as caught:
        encoder_of().encode(["one", "two"])

    assert type(caught.value) is case.error


def test_vectors_of_another_size_than_configured_are_refused(server: respx.Route) -> None:
    with pytest.raises(ModelMalformed, match="3 numbers, not 8"):
        encoder_of(dimensions=8).encode(["four"])


def test_a_busy_server_is_asked_again(server: respx.Route) -> None:
    replies = [httpx.Response(429, headers={"retry-after": "0"})]
    server.mock(side_effect=lambda request: replies.pop() if replies else vectors(request))

    assert encoder_of(attempts=2).encode(["four"]).shape == (1, 3)
    assert server.call_count == 2
