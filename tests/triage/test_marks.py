"""Signals, urgency, sentiment and origin: trained, kept, and as likely as they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.special import expit

from inference.fakes import HashEncoder
from triage.errors import ModelUnreadable
from triage.labelled import EXCLUSIVE, GROUPS, MARKS, Marked, marked, read_labelled
from triage.marks import (
    HeldOutMarks,
    MarkModel,
    groups,
    load_marks,
    mark_matrix,
    marks_hash,
    probabilities_of,
    train_marks,
)
from triage.ngrams import find_ngrams

ENCODER = HashEncoder(dimensions=64)
EACH = 8  # messages of every mark at least
HOLDS, SAID_ANYWAY = 0.8, 0.05  # how often a mark holds of a message with its word, and of one without
WORD = {mark: f"cue{place}x" for place, mark in enumerate(MARKS)}  # of synthetic messages

Trained = tuple[MarkModel, HeldOutMarks]


def some_of(messages: Sequence[Marked], *, each: int) -> list[Marked]:
    """Messages that together have each mark ``each`` times or more."""
    counts: Counter[str] = Counter()
    found = []
    for message in messages:
        if any(counts[mark] < each for mark in message.yes):
            counts.update(message.yes)
            found.append(message)
    return found


def probabilities(model: MarkModel, texts: Sequence[str]) -> NDArray[np.float64]:
    counted = model.ngrams.matrix(find_ngrams(texts))
    return probabilities_of(model.logits(counted, ENCODER.encode(texts)))


def synthetic(number: int, *, seed: int) -> list[Marked]:
    """Messages of which each mark has one word, which tells with some certainty that it holds."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        said, yes = [f"filler{one}" for one in random.integers(0, 40, 4)], set()
        for group, names in GROUPS.items():
            own = [f"{group}.{name}" for name in names]
            if group in EXCLUSIVE:
                hinted = own[random.integers(len(own))]
                said.append(WORD[hinted])
                yes.add(hinted if random.random() < HOLDS else own[random.integers(len(own))])
                continue
            for mark in own:
                hints = random.random() < 0.15
                said += [WORD[mark]] * hints
                yes |= {mark} if random.random() < (HOLDS if hints else SAID_ANYWAY) else set()
        found.append(Marked(" ".join(random.permutation(said)), frozenset(yes), frozenset(MARKS) - yes))
    return found


@pytest.fixture(scope="module")
def messages() -> list[Marked]:
    return some_of(marked(read_labelled()), each=EACH)


@pytest.fixture(scope="module")
def trained(messages: list[Marked]) -> Trained:
    return train_marks(messages, ENCODER)


@pytest.fixture(scope="module")
def texts(messages: list[Marked]) -> list[str]:
    return [message.text for message in messages]


def test_what_is_written_says_the_same_when_it_is_read(
    trained: Trained, texts: list[str], tmp_path: Path
) -> None:
    model, _ = trained
    model.save(tmp_path / "marks")
    again = load_marks(tmp_path / "marks")
    # Large weights are kept at half precision.
    np.testing.assert_allclose(probabilities(again, texts), probabilities(model, texts), atol=0.01)
    assert again.provenance == model.provenance
    np.testing.assert_array_equal(again.weights, model.weights)


def test_training_twice_gives_the_same(trained: Trained, messages: list[Marked], texts: list[str]) -> None:
    again, held_out = train_marks(messages, ENCODER)
    np.testing.assert_array_equal(probabilities(again, texts), probabilities(trained[0], texts))
    np.testing.assert_array_equal(held_out.probabilities, trained[1].probabilities)
    assert again.provenance == trained[0].provenance


def test_a_model_knows_what_it_was_trained_on(trained: Trained, texts: list[str]) -> None:
    model, held_out = trained
    found = probabilities(model, texts) >= 0.5
    assert (found == (held_out.marks == 1)).mean() > 0.97


def test_of_messages_it_had_not_seen_it_tells_more_than_how_frequent_a_mark_is(trained: Trained) -> None:
    _, held_out = trained
    holds = held_out.marks == 1
    surprise = -np.log(np.where(holds, held_out.probabilities, 1 - held_out.probabilities)).mean()
    base = holds.mean(axis=0)
    assert surprise < -np.log(np.where(holds, base, 1 - base)).mean()


def test_every_message_is_held_out_once(trained: Trained, messages: list[Marked]) -> None:
    _, held_out = trained
    assert held_out.probabilities.shape == held_out.marks.shape == (len(messages), len(MARKS))
    assert ((held_out.probabilities > 0) & (held_out.probabilities < 1)).all()
    np.testing.assert_array_equal(held_out.marks, mark_matrix(messages))


def test_held_out_probabilities_come_true() -> None:
    messages = synthetic(500, seed=4)
    _, held_out = train_marks(messages, ENCODER)
    said, came = held_out.probabilities, held_out.marks == 1
    np.testing.assert_allclose(said.mean(axis=0), came.mean(axis=0), atol=0.03)
    hinted = np.array([[word in message.text.split() for word in WORD.values()] for message in messages])
    for own, share in ((hinted, HOLDS), (~hinted, SAID_ANYWAY)):
        assert said[own].mean() == pytest.approx(came[own].mean(), abs=0.1)
        assert came[own].mean() == pytest.approx(share, abs=0.05)
    place = np.minimum((said * 10).astype(int), 9)
    gaps = [
        (place == number).mean() * abs(said[place == number].mean() - came[place == number].mean())
        for number in np.unique(place)
    ]
    assert sum(gaps) < 0.05  # the expected calibration error


@given(arrays(np.float64, (3, len(MARKS)), elements=st.floats(-1e4, 1e4)))
def test_of_an_exclusive_group_exactly_one_holds(logits: NDArray[np.float64]) -> None:
    found = probabilities_of(logits)
    assert ((found >= 0) & (found <= 1)).all()
    for group, columns in groups():
        if group in EXCLUSIVE:
            np.testing.assert_allclose(found[:, columns].sum(axis=1), 1)
        else:
            np.testing.assert_allclose(found[:, columns], expit(logits[:, columns]), atol=1e-9)


def test_groups_lie_one_after_the_other() -> None:
    found = dict(groups())
    assert list(found) == list(GROUPS)
    for group, columns in found.items():
        assert MARKS[columns] == tuple(f"{group}.{name}" for name in GROUPS[group])


def test_what_nobody_said_is_neither_yes_nor_no() -> None:
    found = mark_matrix(
        [Marked("x", frozenset({MARKS[0]}), frozenset({MARKS[2]})), Marked("y", *[frozenset()] * 2)]
    )
    assert found[0, :4].tolist() == [1, -1, 0, -1]
    assert (found[1] == -1).all()


def test_messages_of_which_little_was_said_teach_only_that(messages: list[Marked], trained: Trained) -> None:
    churn = "signal.churn_risk"
    more = [Marked(f"zebra{number} quagga", frozenset({churn}), frozenset()) for number in range(8)]
    taught, _ = train_marks([*messages, *more], ENCODER)
    place, asked = MARKS.index(churn), ["zebra quagga"]
    assert probabilities(taught, asked)[0, place] > probabilities(trained[0], asked)[0, place] + 0.3
    (origin,) = (columns for group, columns in groups() if group == "origin")
    change = probabilities(taught, asked)[0, origin] - probabilities(trained[0], asked)[0, origin]
    assert np.abs(change).max() < 0.1


def test_the_hash_changes_with_every_text_and_mark(messages: list[Marked]) -> None:
    first = messages[0]
    changed = [
        replace(first, text=f"{first.text}!"),
        replace(first, yes=first.yes - {min(first.yes)}),
        replace(first, no=first.no - {min(first.no)}),
        replace(first, yes=first.no, no=first.yes),
    ]
    hashes = {marks_hash([one, *messages[1:]]) for one in (first, *changed)}
    assert len(hashes | {marks_hash(messages[1:]), marks_hash(messages[::-1])}) == 7


def test_a_model_of_other_marks_is_refused(trained: Trained, tmp_path: Path) -> None:
    trained[0].save(tmp_path)
    file = tmp_path / "model.json"
    file.write_text(file.read_text(encoding="utf-8").replace("churn_risk", "leaving"), encoding="utf-8")
    with pytest.raises(ModelUnreadable, match="other marks"):
        load_marks(tmp_path)


@pytest.mark.parametrize("missing", ["marks", "provenance"])
def test_half_a_description_is_none(trained: Trained, tmp_path: Path, missing: str) -> None:
    trained[0].save(tmp_path)
    file = tmp_path / "model.json"
    file.write_text(file.read_text(encoding="utf-8").replace(f'"{missing}"', '"other"'), encoding="utf-8")
    with pytest.raises(ModelUnreadable, match=missing):
        load_marks(tmp_path)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match="holds no model"):
        load_marks(tmp_path)
