"""Evidence is the model's own arithmetic: shares add up to the logit, and words that are shown matter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.embeddings import Encoder
from inference.encoder import OpenVinoEncoder
from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from tests.triage.small_models import small_taxonomy
from triage.brands import Brands
from triage.evidence import Locate, Pass, Seen, passes, shares, telling
from triage.examples import OUT_OF_SCOPE, Example
from triage.explanation import contrast
from triage.heads import NAMES
from triage.labels import Evidence
from triage.model import IntentModel, train
from triage.ngrams import find_ngrams
from triage.reading import read_message

HASH = HashEncoder(dimensions=64)
WORDS = st.sampled_from(
    ["refund", "Parcel", "password", "my", "log in", "late?", "?!", "straße", "\n", "EMI"]
)
TEXTS = st.lists(WORDS | st.text(st.characters(codec="utf-8"), max_size=6), max_size=10).map(" ".join)


@pytest.fixture(scope="module")
def hashed() -> IntentModel:
    return train(EXAMPLES, HASH)[0]


@pytest.fixture(scope="module")
def said() -> list[Example]:
    """Half of them to learn from, half to be asked."""
    found = [example for example in small_taxonomy().examples() if example.label != OUT_OF_SCOPE]
    order = np.random.default_rng(2).permutation(len(found))
    return [found[row] for row in order]


@pytest.fixture(scope="module")
def real(real_encoder: OpenVinoEncoder, said: list[Example]) -> IntentModel:
    return train(said[:150], real_encoder)[0]


def pass_over(text: str, model: IntentModel, encoder: Encoder) -> Pass:
    found, encoded = find_ngrams([text]), encoder.encode_with_tokens([text])
    seen = Seen([text], encoded.texts, encoded.tokens, found)
    return passes(seen, model.ngrams, model.ngrams.matrix(found))[0]


def logits(text: str, model: IntentModel, encoder: Encoder) -> NDArray[np.float64]:
    counted = model.ngrams.matrix(find_ngrams([text]))
    return np.asarray(model.logits(counted, encoder.encode([text]))[0])


def shares_of(one: Pass, model: IntentModel, toward: NDArray[np.float64]) -> NDArray[np.float64]:
    (found,) = shares(one, model.heads, model.all_weights, toward[None])
    return np.asarray(found)


def told(text: str, by_character: NDArray[np.float64], locate: Locate, original: str) -> tuple[Evidence, ...]:
    return telling(text, by_character[None], locate, original)[0]


def said_by_no_character(one: Pass, model: IntentModel, toward: NDArray[np.float64]) -> float:
    """Biases, and the shares of tokens that stand for no character, such as [CLS]."""
    heads = model.heads
    weight = dict(zip(NAMES, model.weights.tolist(), strict=True))
    bias = weight["sentence"] * heads.sentence_bias + weight["ngrams"] * heads.ngram_bias
    direction = sum(
        label_weight * (weight["sentence"] * heads.sentence[label] + weight["neighbours"] * nearest)
        for label, label_weight in enumerate(toward)
        for nearest in heads.nearest(one.vector, np.array([label]))
    )
    silent = one.tokens.states[one.tokens.offsets[:, 0] >= one.tokens.offsets[:, 1]]
    length = np.linalg.norm(one.tokens.states.sum(axis=0))
    return float(bias @ toward + (silent.sum(axis=0) @ direction) / length)


def check_adds_up(text: str, model: IntentModel, encoder: Encoder, *, tolerance: float) -> None:
    one, found = pass_over(text, model, encoder), logits(text, model, encoder)
    number = len(model.labels)
    first = int(found.argmax())
    rest: Mapping[int, float] = {place: 0.5 + place for place in range(number)}
    for toward in (contrast(first, {}, number=number), contrast(first, rest, number=number)):
        by_character = shares_of(one, model, toward)
        assert by_character.shape == (len(text),)
        total = by_character.sum() + said_by_no_character(one, model, toward)
        assert total == pytest.approx(found @ toward, abs=tolerance)


@settings(deadline=None)
@given(TEXTS)
def test_shares_of_words_and_pieces_and_the_bias_add_up_to_the_logit(hashed: IntentModel, text: str) -> None:
    check_adds_up(text, hashed, HASH, tolerance=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "Where is my parcel?",
        "charged twice, charged twice, CHARGED TWICE!",
        "Ich möchte mein Abo kündigen – wo geht das?",
        "unwahrscheinlichkeitsrechnung 448-20917 🙂 我的包裹",
        "",
        "?",
        "please cancel my box. " * 60,  # longer than the encoder reads
    ],
)
def test_shares_add_up_with_the_encoder_that_ships(
    real: IntentModel, real_encoder: OpenVinoEncoder, text: str
) -> None:
    check_adds_up(text, real, real_encoder, tolerance=0.02)


def test_a_contrast_is_the_label_against_what_else_it_may_be() -> None:
    assert contrast(1, {}, number=3).tolist() == [0, 1, 0]
    assert contrast(1, {1: 0.9}, number=3).tolist() == [0, 1, 0]
    assert contrast(0, {0: 0.6, 1: 0.3, 2: 0.1}, number=4).tolist() == pytest.approx([1, -0.75, -0.25, 0])
    assert contrast(0, {0: 1.0, 1: 0.0, 2: 0.0}, number=3).tolist() == [1, -0.5, -0.5]


def test_passes_over_many_are_those_over_each(hashed: IntentModel) -> None:
    texts = ["refund my parcel", "", "log in, log in", "?"]
    found, encoded = find_ngrams(texts), HASH.encode_with_tokens(texts)
    seen = Seen(texts, encoded.texts, encoded.tokens, found)
    together = passes(seen, hashed.ngrams, hashed.ngrams.matrix(found))
    for text, one in zip(texts, together, strict=True):
        alone = pass_over(text, hashed, HASH)
        assert one.text == alone.text == text
        toward = contrast(0, {1: 0.5, 2: 0.5}, number=3)
        first, second = (shares_of(each, hashed, toward) for each in (one, alone))
        np.testing.assert_allclose(first, second, atol=1e-6)


@settings(deadline=None)
@given(TEXTS)
def test_shares_of_several_labels_at_once_are_those_of_each(hashed: IntentModel, text: str) -> None:
    one = pass_over(text, hashed, HASH)
    asked = np.stack([contrast(0, {1: 0.7, 2: 0.3}, number=3), contrast(2, {}, number=3)])
    together = shares(one, hashed.heads, hashed.all_weights, asked)
    apart = np.stack([shares_of(one, hashed, toward) for toward in asked])
    np.testing.assert_allclose(together, apart, atol=1e-9)
    same = [told(text, by_character, lambda start, end: (start, end), text) for by_character in together]
    assert telling(text, together, lambda start, end: (start, end), text) == same


def plain_shares(one: Pass, model: IntentModel, label: int) -> list[float]:
    """What ``shares`` says, one piece and one character at a time."""
    heads, (sentence, ngrams, neighbours) = model.heads, model.weights.tolist()
    (nearest,) = heads.nearest(one.vector, np.array([label]))
    direction = sentence * heads.sentence[label] + neighbours * nearest
    length = np.linalg.norm(one.tokens.states.sum(axis=0))
    pieces: list[tuple[int, int, float]] = [
        (start, end, float(state @ direction / length))
        for (start, end), state in zip(one.tokens.offsets.tolist(), one.tokens.states, strict=True)
    ]
    pieces += [
        (int(start), int(end), float(ngrams * heads.ngrams[place, label] * value))
        for start, end, place, value in zip(one.starts, one.ends, one.places, one.values, strict=True)
    ]
    found = [0.0] * len(one.text)
    for start, end, share in pieces:
        for character in range(start, end):
            found[character] += share / (end - start)
    return found


@settings(deadline=None)
@given(TEXTS)
def test_shares_are_those_of_the_plain_way(hashed: IntentModel, text: str) -> None:
    one = pass_over(text, hashed, HASH)
    for label in range(len(hashed.labels)):
        toward = contrast(label, {}, number=len(hashed.labels))
        assert shares_of(one, hashed, toward).tolist() == pytest.approx(
            plain_shares(one, hashed, label), abs=1e-5
        )


@dataclass(frozen=True)
class Told:
    name: str
    by_word: tuple[float, ...]  # of "one two three four five"
    texts: tuple[str, ...]


@pytest.mark.parametrize(
    "case",
    [
        Told("one", (0, 0, 3, 0, 0), ("three",)),
        Told("nothing", (0, 0, 0, 0, 0), ()),
        Told("all against", (-1, -1, -1, -1, -1), ()),
        Told("enough", (8, 0, 1, 0, 1), ("one",)),
        Told("neighbours together", (3, 3, 0, 0, 1), ("one two",)),
        Told("the strongest first", (2, 0, 0, 2.5, 0), ("four", "one")),
        Told("not what speaks against", (5, -9, 4, 0, 0), ("one", "three")),
    ],
    ids=lambda case: case.name,
)
def test_the_words_that_say_most_are_told(case: Told) -> None:
    text = "one two three four five"
    by_character = np.zeros(len(text))
    for word, share in zip(text.split(), case.by_word, strict=True):
        by_character[text.index(word)] = share
    found = told(text, by_character, lambda start, end: (start, end), text)
    assert tuple(one.text for one in found) == case.texts
    assert sum(one.weight for one in found) <= 1
    assert all(text[one.start : one.end] == one.text for one in found)


def test_what_stands_nowhere_in_the_original_is_not_told() -> None:
    text = "one two"
    assert told(text, np.ones(len(text)), lambda *_: (0, 0), "") == ()


def evidence_for(text: str, model: IntentModel, encoder: Encoder) -> tuple[Evidence, ...]:
    found = logits(text, model, encoder)
    probabilities = np.exp(found - found.max())
    order = np.argsort(-found).tolist()[:5]
    against = {place: float(probabilities[place]) for place in order}
    one = pass_over(text, model, encoder)
    by_character = shares_of(one, model, contrast(order[0], against, number=len(model.labels)))
    return told(text, by_character, lambda start, end: (start, end), text)


def test_evidence_quotes_the_original_after_names_were_replaced_and_quotes_cut(hashed: IntentModel) -> None:
    text = "Quillcom never did.\nREFUND me, Brightwater!\n\nOn 5 Jan 2026 Ann wrote:\n> reset my password\n"
    reading = read_message(text)
    named = Brands(["Brightwater"], ["Quillcom"]).name(reading.text)
    assert "password" not in named.text
    assert "Quillcom" not in named.text
    label = hashed.labels.index("refund")
    toward = contrast(label, {}, number=len(hashed.labels))
    by_character = shares_of(pass_over(named.text, hashed, HASH), hashed, toward)
    found = told(
        named.text, by_character, lambda start, end: reading.original_span(*named.before(start, end)), text
    )
    assert found[0].text.startswith("REFUND")
    assert all(text[one.start : one.end] == one.text for one in found)
    everything = np.ones(len(named.text))
    whole = told(
        named.text, everything, lambda start, end: reading.original_span(*named.before(start, end)), text
    )
    assert all(text[one.start : one.end] == one.text for one in whole)
    assert any("Quillcom" in one.text or "Brightwater" in one.text for one in whole)


def without(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return " ".join(text.split())


def test_without_its_evidence_a_message_is_less_sure_than_without_other_words(
    real: IntentModel, real_encoder: OpenVinoEncoder, said: list[Example]
) -> None:
    random = np.random.default_rng(0)
    sure: list[tuple[str, float]] = []
    left: dict[str, list[str]] = {"evidence": [], "random": []}
    texts = [example.text for example in said[150:]]
    for text, found in zip(texts, real.predict(texts, real_encoder), strict=True):
        evidence = [(one.start, one.end) for one in evidence_for(text, real, real_encoder)]
        words = placed(text)
        removed = [
            word for word in words if any(start < word[1] and word[0] < end for start, end in evidence)
        ]
        if removed and len(words) >= 2 * len(removed):
            other = [words[place] for place in random.choice(len(words), len(removed), replace=False)]
            sure.append((found.label, found.probability))
            left["evidence"].append(without(text, evidence))
            left["random"].append(without(text, other))
    lost = {
        kind: np.mean(
            [
                probability - dict([(now.label, now.probability), *now.others]).get(label, 0.0)
                for (label, probability), now in zip(sure, real.predict(rest, real_encoder), strict=True)
            ]
        )
        for kind, rest in left.items()
    }
    assert len(sure) > 35
    assert lost["evidence"] > 0.1
    assert lost["evidence"] > 3 * lost["random"]


def placed(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]
