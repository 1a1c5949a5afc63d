"""The labelled messages that ship, and files of the same kind."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from triage.brands import THEM, US
from triage.errors import ExamplesInvalid
from triage.labelled import GROUPS, MARKS, LabelledMessage, marked, read_labelled
from triage.labels import Origin, Sentiment, Signal, Urgency

FEWEST = 50
LINE = {"text": "I leave {us}", "language": "en", "sentiment": "neutral", "signals": [], "urgency": []}


@pytest.fixture(scope="module")
def shipped() -> list[LabelledMessage]:
    return read_labelled()


def test_every_signal_and_urgency_holds_of_enough_messages(shipped: list[LabelledMessage]) -> None:
    counts = Counter(name for message in shipped for name in (*message.signals, *message.urgency))
    assert {name: counts[name] for name in (*Signal, *Urgency) if counts[name] < FEWEST} == {}


def test_every_sentiment_and_origin_has_messages(shipped: list[LabelledMessage]) -> None:
    counts = Counter(name for message in shipped for name in (message.sentiment, message.origin))
    assert {name: counts[name] for name in (*Sentiment, *Origin) if counts[name] < 10} == {}


def test_no_message_ships_twice_or_empty(shipped: list[LabelledMessage]) -> None:
    counts = Counter(" ".join(message.text.casefold().split()) for message in shipped)
    assert "" not in counts
    assert [text for text, times in counts.items() if times > 1] == []


def test_no_message_says_a_signal_twice_or_has_an_unknown_placeholder(shipped: list[LabelledMessage]) -> None:
    for message, mark in zip(shipped, marked(shipped), strict=True):
        assert len(set(message.signals)) == len(message.signals), message.text
        assert len(set(message.urgency)) == len(message.urgency), message.text
        assert "{" not in mark.text, message.text


def test_languages_are_two_letters_and_german_is_among_them(shipped: list[LabelledMessage]) -> None:
    counts = Counter(message.language for message in shipped)
    assert all(len(code) == 2 and code.islower() for code in counts)
    assert counts["en"] > counts["de"] > FEWEST


def test_what_is_not_listed_does_not_hold() -> None:
    message = LabelledMessage(
        text="{us} or {them}?",
        language="en",
        sentiment=Sentiment.NEUTRAL,
        signals=(Signal.COMPETITOR,),
        urgency=(Urgency.DEADLINE,),
    )
    (mark,) = marked([message])
    assert mark.text == f"{US} or {THEM}?"
    expected = {"signal.competitor", "urgency.deadline", "sentiment.neutral", "origin.customer"}
    assert mark.yes == expected
    assert mark.no == set(MARKS) - expected
    assert len(MARKS) == sum(map(len, GROUPS.values())) == len(set(MARKS))


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, text in (("b", "third"), ("a", "first\u2028")):  # a line separator ends no line of JSON
        line = json.dumps(LINE | {"text": text}, ensure_ascii=False)
        (tmp_path / f"{name}.jsonl").write_text(f"{line}\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a message")
    (tmp_path / "c.jsonl").write_text("")
    found = read_labelled(tmp_path)
    assert [message.text for message in found] == ["first\u2028", "third"]
    assert all(message.origin is Origin.CUSTOMER for message in found)
    assert read_labelled(tmp_path / "nothing") == []


@dataclass(frozen=True)
class Broken:
    line: str
    place: str


@pytest.mark.parametrize(
    "case",
    [
        Broken(json.dumps(LINE | {"signals": ["churn"]}), "signals.0: "),
        Broken(json.dumps(LINE | {"sentiment": "sad"}), "sentiment: "),
        Broken(json.dumps({"text": "alone"}), "language: "),
        Broken(json.dumps(LINE | {"mood": 1}), "mood: "),
        Broken("{not json", "the line: "),
        Broken("", "the line: "),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, case: Broken) -> None:
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(LINE)}\n{case.line}\n", encoding="utf-8")
    with pytest.raises(ExamplesInvalid) as caught:
        read_labelled(tmp_path)
    assert f"a.jsonl, line 2: {case.place}" in str(caught.value)


def test_what_a_machine_sent_is_of_no_sentiment() -> None:
    said, sent = marked(
        [LabelledMessage(**LINE, origin=origin) for origin in (Origin.CUSTOMER, Origin.BOUNCE)]
    )

    assert "sentiment.neutral" in said.yes
    assert not any(mark.startswith("sentiment.") for mark in sent.yes | sent.no)
    assert "origin.bounce" in sent.yes
