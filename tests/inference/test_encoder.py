import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from inference.embeddings import whole
from inference.encoder import OpenVinoEncoder, bundled_model, load_encoder
from inference.errors import ModelMissing
from kit.text import sentences

TEXTS = [
    "How do I move my broadband to a new home?",
    "hi",
    "Your bill is made on the 3rd of each month. It covers the month ahead, and calls of the month before. "
    * 6,
    "Was kostet der Router?",
]
_REFERENCE = """
import json, sys
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu", local_files_only=True)
print(json.dumps(model.encode(json.loads(sys.stdin.read()), normalize_embeddings=True).tolist()))
"""


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    """What sentence-transformers itself says, in a process of its own: torch stays out of this one."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _REFERENCE, str(bundled_model())],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
    )
    return np.array(json.loads(result.stdout))


def test_vectors_agree_with_sentence_transformers(
    real_encoder: OpenVinoEncoder, reference: np.ndarray
) -> None:
    cosines = (real_encoder.encode(TEXTS) * reference).sum(axis=1)
    assert cosines.min() >= 0.999


def test_order_and_batching_do_not_change_a_vector(real_encoder: OpenVinoEncoder) -> None:
    many = [f"{text} {number}" for number in range(9) for text in TEXTS]
    together = real_encoder.encode(many)
    apart = np.concatenate([real_encoder.encode([text]) for text in many])
    assert (together * apart).sum(axis=1).min() > 0.9995
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-3)


def test_calls_from_several_threads_with_texts_of_any_length_do_not_disturb_one_another(
    real_encoder: OpenVinoEncoder,
) -> None:
    texts = [" ".join(TEXTS[0].split() * (1 + number % 7)) + f" {number}" for number in range(40)]
    expected = real_encoder.encode(texts)

    def encode(first: int) -> float:
        # From 1 to 20 texts a call: one batch, several batches, and batches of ever new shape.
        part = slice(first, first + 1 + first % 20)
        return float((real_encoder.encode(texts[part]) * expected[part]).sum(axis=1).min())

    with ThreadPoolExecutor(4) as pool:
        assert min(pool.map(encode, [number % 20 for number in range(200)])) > 0.999


def test_nothing_in_nothing_out(real_encoder: OpenVinoEncoder) -> None:
    assert real_encoder.encode([]).shape == (0, 384)


def test_a_span_vector_is_nearest_to_what_it_says(real_encoder: OpenVinoEncoder) -> None:
    text = "Unplug the router and wait. You may pay by card or bank transfer."
    spans = [(span.start, span.end) for span in sentences(text)]
    result = real_encoder.encode_with_spans([text, "no spans"], [spans, []])
    question = real_encoder.encode(["Which ways to pay are there?"])[0]
    assert result.spans[0].shape == (2, 384)
    assert result.spans[1].shape == (0, 384)
    assert int(np.argmax(result.spans[0] @ question)) == 1
    assert np.allclose(result.texts, real_encoder.encode([text, "no spans"]), atol=1e-3)


def test_a_span_beyond_what_is_read_is_a_row_of_zeros(real_encoder: OpenVinoEncoder) -> None:
    text = "word " * 400
    result = real_encoder.encode_with_spans([text], [[(0, 20), (1950, 1990)]])
    assert np.linalg.norm(result.spans[0][0]) == pytest.approx(1, abs=1e-3)
    assert not result.spans[0][1].any()


def test_the_mean_of_the_token_states_is_the_text_s_vector(real_encoder: OpenVinoEncoder) -> None:
    texts = [*TEXTS, "", "🙂 Überweisung", "word " * 400]
    found = real_encoder.encode_with_tokens(texts)
    assert np.allclose(found.texts, real_encoder.encode(texts), atol=1e-3)
    for vector, tokens in zip(found.texts, found.tokens, strict=True):
        mean = tokens.states.mean(axis=0)
        assert np.allclose(mean / np.linalg.norm(mean), vector, atol=1e-3)


def test_tokens_stand_where_they_say(real_encoder: OpenVinoEncoder) -> None:
    text = "Überweisung:  EMI-failed 🙂 twice"
    (tokens,) = real_encoder.encode_with_tokens([text]).tokens
    assert tokens.offsets.dtype == np.int32
    assert tokens.states.shape == (len(tokens.offsets), real_encoder.dimensions)
    assert tokens.offsets[[0, -1]].tolist() == [[0, 0], [0, 0]]  # [CLS] and [SEP] stand for nothing
    pieces = [text[start:end] for start, end in tokens.offsets[1:-1]]
    assert "".join(pieces) == "".join(text.split())
    assert {"-", "failed", "twice", "🙂"} <= set(pieces)


def test_tokens_of_a_long_text_end_where_reading_ends(real_encoder: OpenVinoEncoder) -> None:
    long, short = real_encoder.encode_with_tokens(["word " * 400, "word"]).tokens
    assert len(long.offsets) == len(long.states) == 256
    assert long.offsets.max() == 254 * 5 - 1
    assert len(short.offsets) == 3  # not padded to the length of the other
    assert real_encoder.encode_with_tokens([]).tokens == []


def test_the_identity_holds_a_hash_of_the_weights(real_encoder: OpenVinoEncoder) -> None:
    name, _, digest = real_encoder.identity.partition("@")
    assert name == "all-MiniLM-L6-v2"
    assert len(digest) == 12


def test_a_folder_without_a_model_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"tokenizer\.json"):
        load_encoder(tmp_path / "nothing", cache=tmp_path)


def test_a_model_that_cannot_be_converted_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"broken")
    (model / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelMissing, match="could not be converted"):
        load_encoder(model, cache=tmp_path / "cache")
    assert not list(tmp_path.glob("cache/encoder-*"))


def test_another_model_folder_takes_the_bundled_one_s_place(tmp_path: Path) -> None:
    model = tmp_path / "my-model"
    model.mkdir()
    for file in bundled_model().rglob("*"):
        if file.is_file():
            target = model / file.relative_to(bundled_model())
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    encoder = load_encoder(model, cache=tmp_path / "cache")
    assert encoder.identity.startswith("my-model@")
    assert encoder.encode(["hello"]).shape == (1, 384)


def test_parts_that_are_begun_are_those_of_one_call_in_some_order(real_encoder: OpenVinoEncoder) -> None:
    many = [f"{text} {number}" for number in range(5) for text in TEXTS]
    expected = real_encoder.encode_with_tokens(many)
    with real_encoder.begin([many]) as passes:
        found = whole(passes.parts)
    np.testing.assert_allclose(found.texts, expected.texts, atol=1e-6)
    for own, other in zip(found.tokens, expected.tokens, strict=True):
        np.testing.assert_array_equal(own.offsets, other.offsets)
        np.testing.assert_allclose(own.states, other.states, atol=1e-6)


def test_windows_are_numbered_throughout_and_asked_for_as_there_is_room(
    real_encoder: OpenVinoEncoder,
) -> None:
    texts = [f"{text} {number}" for number in range(30) for text in TEXTS]
    asked: list[int] = []

    def windows() -> Iterator[list[str]]:
        for start in range(0, len(texts), 40):
            asked.append(start)
            yield texts[start : start + 40]

    with real_encoder.begin(windows()) as passes:
        assert asked == [0, 40]
        found = whole(passes.parts)
        assert asked == [0, 40, 80]
    expected = real_encoder.encode(texts)
    assert (found.texts * expected).sum(axis=1).min() > 0.9995
    assert len(passes.offsets) == len(texts)
    for one, offsets in zip(found.tokens, passes.offsets, strict=True):
        np.testing.assert_array_equal(one.offsets, offsets)


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_passes_that_nobody_waits_for_do_not_keep_the_encoder(
    real_encoder: OpenVinoEncoder, taken: int
) -> None:
    many = [f"{text} {number}" for number in range(9) for text in TEXTS]
    for _ in range(3):  # more often than there are slots
        with pytest.raises(ZeroDivisionError), real_encoder.begin([many]) as passes:
            assert len([*islice(passes.parts, taken)]) == taken
            raise ZeroDivisionError
    assert real_encoder.encode(TEXTS).shape == (len(TEXTS), real_encoder.dimensions)


def test_the_last_slot_is_free_while_its_result_is_looked_at(real_encoder: OpenVinoEncoder) -> None:
    with real_encoder.begin([TEXTS[:1]]) as passes:
        assert len([*passes.parts]) == 1
        assert len(real_encoder.encode(TEXTS * 8)) == len(TEXTS) * 8
