"""Evidence is the model's own arithmetic: shares add up to the logit, and words that are shown matter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.embeddings import Encoder, TokenEmbeddings
from inference.encoder import OpenVinoEncoder
from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from tests.triage.small_models import small_taxonomy
from triage.brands import Brands
from triage.evidence import ByWord, Locate, Telling, ngrams_by_word, quoted, telling, words_of
from triage.examples import OUT_OF_SCOPE, Example
from triage.explanation import Contrasts, asked_of
from triage.labels import Evidence
from triage.model import IntentModel, train
from triage.ngrams import find_ngrams
from triage.reading import read_message
from triage.scoring import Scorer
from triage.spans import Pooling, Spans
from triage.spotting import Vocabulary

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


@dataclass(frozen=True)
class Seen:
    """What one pass made of texts, and what was counted in them."""

    texts: list[str]
    encoded: TokenEmbeddings
    by_word: ByWord
    scorer: Scorer

    @classmethod
    def of(cls, texts: list[str], model: IntentModel, encoder: Encoder) -> Seen:
        encoded = encoder.encode_with_tokens(texts)
        words, scorer, vocabulary = (
            words_of(texts),
            Scorer(model.heads, model.all_weights),
            Vocabulary(model.ngrams),
        )
        spotted = vocabulary.spot(texts)
        overlaps = words.overlaps(spotted.message, spotted.start, spotted.end)
        ngrams = ngrams_by_word(spotted, vocabulary.counted(spotted.cells, 0), overlaps, scorer)
        offsets = [one.offsets for one in encoded.tokens]
        tokens, _ = Pooling(offsets, words, Spans.none(texts))(encoded.tokens)
        return cls(texts, encoded, ByWord(words, ngrams, tokens, scorer.nearest(encoded.texts)), scorer)

    def gains(self, shown: list[Contrasts]) -> list[NDArray[np.float64]]:
        """How much each word adds to each label that is shown of each text, set against what excludes it."""
        asked = asked_of(shown, number=self.scorer.number)
        return [one.astype(np.float64) for one in self.by_word.gains(asked, self.scorer)]


def logits(text: str, model: IntentModel, encoder: Encoder) -> NDArray[np.float64]:
    counted = model.ngrams.matrix(find_ngrams([text]))
    return np.asarray(model.logits(counted, encoder.encode([text]))[0])


def plain_shares(
    text: str, model: IntentModel, encoder: Encoder, toward: NDArray[np.float64]
) -> tuple[list[float], float]:
    """What each character adds to Σ ``toward`` · logit, piece by piece, and what no character does."""
    heads, (sentence, ngrams, neighbours) = model.heads, model.weights.tolist()
    (tokens,), (vector,) = (encoder.encode_with_tokens([text]).tokens, encoder.encode([text]))
    labels = np.arange(len(toward))
    pulls = heads.pulls(heads.nearest(vector[None]), np.zeros(len(labels), np.intp), labels)
    direction = toward @ (sentence * heads.sentence + neighbours * pulls)
    length = np.linalg.norm(tokens.states.sum(axis=0))
    pieces = [
        (start, end, float(state @ direction / length))
        for (start, end), state in zip(tokens.offsets.tolist(), tokens.states, strict=True)
    ]
    found = find_ngrams([text])
    (row,) = model.ngrams.matrix(found).toarray()
    place, known = model.ngrams.places(found)
    times = Counter(place[known].tolist())
    columns = (found.start[known], found.end[known], place[known])
    pieces += [
        (start, end, float(ngrams * heads.ngrams[one] @ toward * row[one] / times[one]))
        for start, end, one in zip(*(column.tolist() for column in columns), strict=True)
    ]
    by_character = [0.0] * len(text)
    for start, end, share in pieces:
        for character in range(start, end):
            by_character[character] += share / (end - start)
    silent = sum(share for start, end, share in pieces if start >= end)
    bias = (sentence * heads.sentence_bias + ngrams * heads.ngram_bias) @ toward
    return by_character, silent + float(bias)


def check_adds_up(text: str, model: IntentModel, encoder: Encoder, *, tolerance: float) -> None:
    """Words have what their characters have, and all characters with the rest make the logit."""
    found, number = logits(text, model, encoder), len(model.labels)
    first, seen = int(found.argmax()), Seen.of([text], model, encoder)
    rest: Mapping[int, float] = {place: 0.5 + place for place in range(number)}
    for against in ({}, rest):
        shown: list[Contrasts] = [{first: against}]
        (toward,) = asked_of(shown, number=number).toward.astype(np.float64)
        by_character, beside = plain_shares(text, model, encoder, toward)
        assert sum(by_character) + beside == pytest.approx(found @ toward, abs=tolerance)
        words = zip(seen.by_word.words.start.tolist(), seen.by_word.words.end.tolist(), strict=True)
        expected = [sum(by_character[start:end]) for start, end in words]
        (gains,) = seen.gains(shown)
        assert gains.tolist() == pytest.approx(expected, abs=tolerance / 10)


def told(
    text: str,
    gains: NDArray[np.float64],
    locate: Locate = lambda start, end: (start, end),
    original: str | None = None,
) -> tuple[Evidence, ...]:
    (found,) = telling(words_of([text]), np.zeros(1, np.intp), [gains])
    return quoted(found, locate, text if original is None else original)


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


def contrast(label: int, against: Mapping[int, float], *, number: int) -> list[float]:
    (toward,) = asked_of([{label: against}], number=number).toward.tolist()
    return [float(one) for one in toward]


def test_a_contrast_is_the_label_against_what_else_it_may_be() -> None:
    assert contrast(1, {}, number=3) == [0, 1, 0]
    assert contrast(1, {1: 0.9}, number=3) == [0, 1, 0]
    assert contrast(0, {0: 0.6, 1: 0.3, 2: 0.1}, number=4) == pytest.approx([1, -0.75, -0.25, 0])
    assert contrast(0, {0: 1.0, 1: 0.0, 2: 0.0}, number=3) == [1, -0.5, -0.5]


def test_questions_are_asked_of_the_message_that_they_are_about() -> None:
    asked = asked_of([{2: {}}, {}, {0: {}, 1: {0: 1.0}}], number=3)
    assert asked.message.tolist() == [0, 2, 2]
    assert asked.toward.tolist() == [[0, 0, 1], [1, 0, 0], [-1, 1, 0]]


def test_what_is_said_of_many_is_what_is_said_of_each(hashed: IntentModel) -> None:
    texts = ["refund my parcel", "", "log in, log in", "?"]
    shown: list[Contrasts] = [{0: {1: 0.5, 2: 0.5}, 2: {}}] * len(texts)
    together = iter(Seen.of(texts, hashed, HASH).gains(shown))
    for text in texts:
        for alone in Seen.of([text], hashed, HASH).gains(shown[:1]):
            np.testing.assert_allclose(next(together), alone, atol=1e-6)
    assert not [*together]


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
    found = told(text, np.array(case.by_word, np.float64))
    assert tuple(one.text for one in found) == case.texts
    assert sum(one.weight for one in found) <= 1
    assert all(text[one.start : one.end] == one.text for one in found)


@given(st.lists(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.5, 4.0]), max_size=9), max_size=5))
def test_what_is_told_of_several_at_once_is_what_is_told_of_each(rows: list[list[float]]) -> None:
    words = words_of([" ".join(["word"] * len(row)) for row in rows])
    gains = [np.array(row) for row in rows]
    together = telling(words, np.arange(len(rows)), gains)
    for row, found in zip(gains, together, strict=True):
        alone = words_of([" ".join(["word"] * len(row))])
        assert telling(alone, np.zeros(1, np.intp), [row]) == [found]


def test_what_stands_nowhere_in_the_original_is_not_told() -> None:
    assert quoted([Telling(0, 3, 0.5)], lambda *_: (0, 0), "") == ()


def evidence_for(text: str, model: IntentModel, encoder: Encoder) -> tuple[Evidence, ...]:
    found = logits(text, model, encoder)
    probabilities = np.exp(found - found.max())
    order = np.argsort(-found).tolist()[:5]
    against = {place: float(probabilities[place]) for place in order}
    return told(text, Seen.of([text], model, encoder).gains([{order[0]: against}])[0])


def test_evidence_quotes_the_original_after_names_were_replaced_and_quotes_cut(hashed: IntentModel) -> None:
    text = "Quillcom never did.\nREFUND me, Brightwater!\n\nOn 5 Jan 2026 Ann wrote:\n> reset my password\n"
    reading = read_message(text)
    named = Brands(["Brightwater"], ["Quillcom"]).name(reading.text)
    assert "password" not in named.text
    assert "Quillcom" not in named.text

    def locate(start: int, end: int) -> tuple[int, int]:
        return reading.original_span(*named.before(start, end))

    (gains,) = Seen.of([named.text], hashed, HASH).gains([{hashed.labels.index("refund"): {}}])
    found = told(named.text, gains, locate, text)
    assert found[0].text.startswith("REFUND")
    assert all(text[one.start : one.end] == one.text for one in found)
    whole = told(named.text, np.ones(len(gains)), locate, text)
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
