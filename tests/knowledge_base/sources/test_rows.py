from __future__ import annotations

from datetime import UTC, datetime

import pytest

from knowledge_base.document import DocumentKind
from knowledge_base.errors import CannotLoad
from knowledge_base.sources.rows import rows_of_csv, rows_of_jsonl


def test_questions_and_answers_become_one_document_each() -> None:
    loaded = rows_of_csv(
        "faq.csv",
        'Question,Answer,Topic\nHow do I pay?,"By card,\nor by bank.",billing\nWhere?,Online.,\n',
        most=10,
    )
    first, second = loaded.documents
    assert (first.key, first.title, first.text) == ("faq.csv#1", "How do I pay?", "By card,\nor by bank.")
    assert (first.kind, first.metadata) == (DocumentKind.QUESTION_ANSWER, {"topic": "billing"})
    assert (second.key, second.metadata) == ("faq.csv#2", {})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_are_separated_as_the_header_shows(separator: str) -> None:
    text = separator.join(["id", "title", "text"]) + "\n" + separator.join(["b7", "Bills", "Monthly"])
    document = rows_of_csv("a.csv", text, most=10).documents[0]
    assert (document.key, document.title, document.kind) == ("a.csv#b7", "Bills", DocumentKind.ARTICLE)


def test_jsonl_rows_have_ids_urls_and_dates() -> None:
    loaded = rows_of_jsonl(
        "kb.jsonl",
        '{"_id": 12, "title": "Bills", "text": "Monthly.", "url": "https://x.example/b",'
        ' "updated": "2026-01-02", "tags": ["a", "b"]}\n\n{"text": "' + "word " * 30 + '"}\n',
        most=10,
    )
    first, second = loaded.documents
    assert (first.key, first.url, first.metadata) == ("kb.jsonl#12", "https://x.example/b", {"tags": "a, b"})
    assert first.updated_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert (second.key, second.title) == ("kb.jsonl#2", ("word " * 12).strip() + " …")


def test_bad_rows_are_reported_and_the_others_kept() -> None:
    loaded = rows_of_jsonl(
        "kb.jsonl",
        '{"question": "Q", "answer": "A"}\n{broken\n[1]\n{"question": "only"}\n'
        '{"id": "1", "text": "same id as the first row"}\n{"id": "x", "text": "fine \\ud800"}\n'
        + "["
        * 100_000,
        most=10,
    )
    assert [document.key for document in loaded.documents] == ["kb.jsonl#1", "kb.jsonl#x"]
    assert loaded.documents[1].text == "fine \ufffd"
    assert [(failure.key, failure.reason[:20]) for failure in loaded.failures] == [
        ("kb.jsonl#2", "The line is not JSON"),
        ("kb.jsonl#3", "The line is not a JS"),
        ("kb.jsonl#4", "It lacks a value: ex"),
        ("kb.jsonl#5", "An earlier row has t"),
        ("kb.jsonl#7", "The line is not JSON"),
    ]


def test_a_broken_csv_row_is_reported() -> None:
    loaded = rows_of_csv("a.csv", f'question,answer\nQ,A\nB,"{"x" * 200_000}"\nC,D\n', most=10)
    assert [document.title for document in loaded.documents] == ["Q", "C"]
    assert loaded.failures[0].reason.startswith("The row cannot be read: field larger")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,price\na,1\n", "header does not fit"),
        ("", "header does not fit"),
        (f'"{"x" * 200_000}",b\n', "header cannot be read"),
        ("question,answer\n,\n", "None of its rows"),
        ("question,answer\n" + "q,a\n" * 11, "more than 10 rows"),
    ],
)
def test_a_file_without_usable_rows_is_refused(text: str, reason: str) -> None:
    with pytest.raises(CannotLoad, match=reason):
        rows_of_csv("a.csv", text, most=10)
