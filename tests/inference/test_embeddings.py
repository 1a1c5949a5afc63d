import asyncio
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.embeddings import EncoderEmbeddings, Matrix, Part, TokenEmbeddings, begun, grouped, whole
from inference.fakes import HashEncoder

pytestmark = pytest.mark.anyio


class CountingEncoder(HashEncoder):
    """Notes every batch; waits at a gate when it has one."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.gate: threading.Event | None = None

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.batches.append(list(texts))
        if self.gate is not None:
            self.gate.wait(5)
        return super().encode(texts)


@pytest.fixture
def encoder() -> CountingEncoder:
    return CountingEncoder()


def test_documents_come_back_as_unit_vectors_in_order(encoder: CountingEncoder) -> None:
    vectors = np.array(EncoderEmbeddings(encoder).embed_documents(["one", "two"]))
    assert vectors.shape == (2, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.allclose(vectors[1], encoder.encode(["two"])[0])


async def test_a_query_is_encoded_once_and_then_remembered(encoder: CountingEncoder) -> None:
    embeddings = EncoderEmbeddings(encoder)
    first = await embeddings.aembed_query("moving home")
    assert await embeddings.aembed_query("moving home") == first
    assert embeddings.embed_query("moving home") == first
    assert encoder.batches == [["moving home"]]


async def test_queries_that_arrive_meanwhile_share_the_next_pass(encoder: CountingEncoder) -> None:
    encoder.gate = threading.Event()
    embeddings = EncoderEmbeddings(encoder)
    first = asyncio.create_task(embeddings.aembed_query("a"))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(embeddings.aembed_query(text)) for text in "bcdb"]
    await asyncio.sleep(0.05)
    encoder.gate.set()
    await asyncio.gather(first, *others)
    assert encoder.batches == [["a"], ["b", "c", "d"]]


async def test_one_pass_serves_who_wants_the_vector_and_who_wants_the_tokens(
    encoder: CountingEncoder,
) -> None:
    embeddings = EncoderEmbeddings(encoder)
    vectors, encoded = await asyncio.gather(
        embeddings.encode_queries(["reset my router"]),
        embeddings.encode_queries_with_tokens(["reset my router"]),
    )
    later = await embeddings.encode_queries_with_tokens(["reset my router", "reset my router"])
    assert encoder.batches == [["reset my router"]]
    assert np.array_equal(vectors, encoded.texts)
    assert np.array_equal(later.texts, np.repeat(vectors, 2, axis=0))
    expected = HashEncoder().encode_with_tokens(["reset my router"]).tokens[0]
    for tokens in (*encoded.tokens, *later.tokens):
        assert np.array_equal(tokens.states, expected.states)
        assert np.array_equal(tokens.offsets, expected.offsets)


async def test_tokens_of_a_text_whose_vector_alone_is_remembered_cost_a_pass(
    encoder: CountingEncoder,
) -> None:
    embeddings = EncoderEmbeddings(encoder)
    embeddings.embed_query("a b")
    assert len((await embeddings.encode_queries_with_tokens(["a b"])).tokens[0].states) == 3
    assert encoder.batches == [["a b"], ["a b"]]


async def test_tokens_are_kept_up_to_a_number(encoder: CountingEncoder) -> None:
    embeddings = EncoderEmbeddings(encoder)
    long = ["word " * 2000 + str(number) for number in range(3)]
    for text in (*long, long[-1]):
        await embeddings.encode_queries_with_tokens([text])
    assert [batch[0][-1] for batch in encoder.batches] == ["0", "1", "2"]
    await embeddings.encode_queries_with_tokens([long[0]])
    assert len(encoder.batches) == 4


async def test_several_texts_keep_their_order_whatever_is_cached(encoder: CountingEncoder) -> None:
    embeddings = EncoderEmbeddings(encoder)
    await embeddings.aembed_query("b")
    vectors = await embeddings.encode_queries(["a", "b", "a"])
    assert np.allclose(vectors, HashEncoder().encode(["a", "b", "a"]))
    assert encoder.batches == [["b"], ["a"]]


async def test_the_least_recently_used_goes_first(encoder: CountingEncoder) -> None:
    embeddings = EncoderEmbeddings(encoder, cache_size=2)
    for text in ("a", "b", "a", "c"):
        await embeddings.aembed_query(text)
    await embeddings.aembed_query("a")
    await embeddings.aembed_query("b")
    assert encoder.batches == [["a"], ["b"], ["c"], ["b"]]


async def test_a_batch_has_its_limit(encoder: CountingEncoder) -> None:
    embeddings = EncoderEmbeddings(encoder, max_batch=2)
    await asyncio.gather(*(embeddings.aembed_query(text) for text in "abcde"))
    assert [len(batch) for batch in encoder.batches] == [1, 2, 2]


async def test_a_failing_pass_fails_those_who_waited_and_nobody_else() -> None:
    class Failing(CountingEncoder):
        def encode(self, texts: Sequence[str]) -> Matrix:
            if "bad" in texts:
                raise RuntimeError("no memory")
            return super().encode(texts)

    embeddings = EncoderEmbeddings(Failing(), max_batch=1)
    bad, good = await asyncio.gather(
        embeddings.aembed_query("bad"), embeddings.aembed_query("good"), return_exceptions=True
    )
    assert isinstance(bad, RuntimeError)
    assert isinstance(good, list)


async def test_one_caller_going_away_does_not_fail_the_others(encoder: CountingEncoder) -> None:
    encoder.gate = threading.Event()
    embeddings = EncoderEmbeddings(encoder)
    leaving = asyncio.create_task(embeddings.aembed_query("a"))
    staying = asyncio.create_task(embeddings.aembed_query("a"))
    await asyncio.sleep(0.05)
    leaving.cancel()
    encoder.gate.set()
    assert len(await staying) == 384
    assert encoder.batches == [["a"]]


async def test_documents_are_embedded_off_the_event_loop(encoder: CountingEncoder) -> None:
    assert len(await EncoderEmbeddings(encoder).aembed_documents(["a", "b"])) == 2


def test_identity_and_dimensions_are_the_encoder_s(encoder: CountingEncoder) -> None:
    embeddings = EncoderEmbeddings(encoder)
    assert (embeddings.identity, embeddings.dimensions) == ("hash@1", 384)


def test_the_hash_encoder_separates_texts() -> None:
    vectors = HashEncoder().encode(["cancel my contract", "cancel the contract", "reset the router"])
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=4))
def test_the_words_of_the_hash_encoder_add_up_to_the_vector(texts: list[str]) -> None:
    encoder = HashEncoder()
    found = encoder.encode_with_tokens(texts)
    assert np.array_equal(found.texts, encoder.encode(texts))
    for text, vector, tokens in zip(texts, found.texts, found.tokens, strict=True):
        mean = tokens.states.mean(axis=0)
        assert np.allclose(mean / np.linalg.norm(mean), vector, atol=1e-3)
        assert [text[start:end] for start, end in tokens.offsets] == ["", *text.split()]


def parts_of(encoded: TokenEmbeddings, *places: list[int]) -> Iterator[Part]:
    for own in places:
        tokens = [encoded.tokens[place] for place in own]
        yield Part(own, TokenEmbeddings(encoded.texts[own], tokens))


def test_parts_are_joined_until_there_are_enough_and_put_in_order() -> None:
    texts = ["one", "two", "three", "four", "five"]
    encoded = HashEncoder().encode_with_tokens(texts)
    parts = ([3], [0, 4], [2, 1])
    assert [part.places for part in grouped(parts_of(encoded, *parts), 2)] == [[3, 0, 4], [2, 1]]
    assert [part.places for part in grouped(parts_of(encoded, *parts), 4)] == [[3, 0, 4, 2, 1]]
    together = whole(parts_of(encoded, *parts))
    np.testing.assert_array_equal(together.texts, encoded.texts)
    assert [one.offsets.tolist() for one in together.tokens] == [
        one.offsets.tolist() for one in encoded.tokens
    ]


def test_an_encoder_without_passes_of_its_own_gives_one_part() -> None:
    with begun(HashEncoder(), [["one"], ["two"]]) as passes:
        (part,) = passes.parts
    assert [*part.places] == [0, 1]
    np.testing.assert_array_equal(part.encoded.texts, HashEncoder().encode(["one", "two"]))
