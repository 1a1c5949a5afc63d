"""What the language suite counts, on guesses made by hand and on real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.errors import DatasetInvalid
from evals.suites.language import Identified, Message, evaluate_language, load_messages, measure


def identified(language: str, code: str | None, confidence: float = 0.9) -> Identified:
    return Identified(Message(language, "a message"), code, confidence)


def write(folder: Path, text: str) -> Path:
    file = folder / "messages.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_accuracy_f1_calibration_and_recalls() -> None:
    found = [identified("en", "en"), identified("en", "de"), identified("de", "de"), identified("de", "de")]
    metrics = measure(found).metrics
    assert metrics["accuracy"] == 0.75
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert metrics["ece"] == pytest.approx(0.15)
    assert (metrics["recall.en"], metrics["recall.de"]) == (0.5, 1)


@pytest.mark.parametrize("code", ["sv", None])
def test_a_language_that_no_message_is_in_is_wrong_and_no_class(code: str | None) -> None:
    metrics = measure([identified("en", "en"), identified("en", code)]).metrics
    assert metrics["accuracy"] == 0.5
    assert metrics["macro_f1"] == pytest.approx(2 / 3)


def test_every_figure_has_an_interval_around_it() -> None:
    found = [identified("en", "en"), identified("en", "de", 0.6), identified("de", "de")]
    measures = measure(found)
    assert measures.metrics.keys() == measures.intervals.keys()
    for name in ("accuracy", "macro_f1"):
        low, high = measures.intervals[name]
        assert low < measures.metrics[name] <= high


def test_messages_are_identified_and_reported() -> None:
    rows = [
        Message("en", "where is my parcel"),
        Message("de", "wo bleibt mein Paket"),
        Message("ja", "荷物はどこですか"),
        Message("fr", "where is the invoice"),
    ]
    report = evaluate_language("four", rows)
    assert (report.suite, report.data, report.n) == ("language", "four", 4)
    assert report.metrics["accuracy"] == 0.75
    assert report.metrics["recall.fr"] == 0


def test_messages_are_read_with_their_languages(tmp_path: Path) -> None:
    file = write(tmp_path, 'text,language\n"Hallo, wo ist es?",de\nok?,en\n')
    assert load_messages(file) == [Message("de", "Hallo, wo ist es?"), Message("en", "ok?")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("language,words\nen,hello\n", "needs the columns language and text"),
        ("language,text\nen,hello\n,who\n", "line 3 needs a language and a text"),
        ("language,text\nen\n", "line 2 needs a language and a text"),
        ("language,text\n", "is empty"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DatasetInvalid, match=reason):
        load_messages(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match=r"nowhere\.csv cannot be read"):
        load_messages(tmp_path / "nowhere.csv")


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("language,text\nde,für mich\n".encode("latin-1"))
    with pytest.raises(DatasetInvalid, match=r"latin\.csv cannot be read"):
        load_messages(file)
