"""Reading data sets, and what is said about broken ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evals.dataset import GoldPassage, Half, Label, conversation_of, half_of, load_dataset
from evals.errors import DatasetInvalid
from retrieval import HistoryTurn
from tests.evals.sets import QUERIES, write_dataset


def test_a_beir_folder_becomes_questions_over_documents(tmp_path: Path) -> None:
    dataset = load_dataset(write_dataset(tmp_path / "tiny"))
    assert dataset.name == "tiny"
    assert [document.key for document in dataset.documents] == ["router", "bill", "roaming"]
    first, second, third = dataset.queries
    assert first.label is Label.ANSWERABLE
    assert first.gold == {"router": 1}
    assert first.gold_passages == (GoldPassage("router", "power button of the router for ten seconds"),)
    assert second.history == (
        HistoryTurn("Hello", by_customer=True),
        HistoryTurn("Hello, how can I help?", by_customer=False),
    )
    assert second.gold == {"bill": 2}
    assert second.gold_spans == ((0, 57),)
    assert (third.label, third.gold, third.kind) == (Label.UNANSWERABLE, {}, "unanswerable")


def test_a_corpus_can_be_a_folder_of_articles(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "cases" / "tiny")
    (folder / "corpus.jsonl").unlink()
    (tmp_path / "articles").mkdir()
    (folder / "dataset.json").write_text('{"corpus": "../../articles"}')
    dataset = load_dataset(folder)
    assert dataset.folder == tmp_path / "articles"
    assert dataset.documents == ()


def test_a_split_keeps_the_questions_that_carry_it(tmp_path: Path) -> None:
    dataset = load_dataset(write_dataset(tmp_path / "tiny")).select(split="test")
    assert [query.id for query in dataset.queries] == ["c1_2", "c2_1"]
    assert dataset.name == "tiny:test"


@pytest.mark.parametrize(
    ("query", "conversation"),
    [("abc_def_12", "abc_def"), ("abc<::>7", "abc"), ("a_b<::>7", "a_b"), ("38", "38"), ("4-0", "4-0")],
)
def test_a_question_names_its_conversation(query: str, conversation: str) -> None:
    assert conversation_of(query) == conversation


def test_halves_split_conversations_by_the_parity_of_their_md5(tmp_path: Path) -> None:
    even = int(hashlib.md5(b"c1").hexdigest(), 16) % 2 == 0
    assert half_of("c1_1") is half_of("c1_2") is (Half.A if even else Half.B)
    dataset = load_dataset(write_dataset(tmp_path / "tiny"))
    sizes = []
    for half in Half:
        try:
            sizes.append(len(dataset.select(half=half).queries))
        except DatasetInvalid:
            sizes.append(0)
    assert sum(sizes) == 3


def test_a_selection_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="no questions in split train"):
        load_dataset(write_dataset(tmp_path / "tiny")).select(split="train")


@dataclass(frozen=True)
class Broken:
    name: str
    file: str
    content: str
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Broken("not JSON", "corpus.jsonl", '{"_id": "a"\n', "corpus.jsonl line 1: not JSON"),
        Broken("not an object", "queries.jsonl", "[1]\n", "queries.jsonl line 1: not a JSON object"),
        Broken("no text", "queries.jsonl", '\n{"_id": "q"}\n', "queries.jsonl line 2: no text under `text`"),
        Broken("a blank question", "queries.jsonl", '{"_id": "q", "text": " "}', "no text under `text`"),
        Broken("no id", "corpus.jsonl", '{"text": "x"}', "corpus.jsonl line 1: no text under `_id`"),
        Broken(
            "an id twice",
            "queries.jsonl",
            '{"_id": "q", "text": "x"}\n' * 2,
            "queries.jsonl line 2: the id q is used twice",
        ),
        Broken(
            "a document twice",
            "corpus.jsonl",
            '{"_id": "d", "text": "x"}\n' * 2,
            "corpus.jsonl line 2: the id d is used twice",
        ),
        Broken(
            "an unknown label",
            "queries.jsonl",
            '{"_id": "q", "text": "x", "answerable": "perhaps"}',
            "`answerable` is 'perhaps', not one of",
        ),
        Broken(
            "a half turn",
            "queries.jsonl",
            '{"_id": "q", "text": "x", "history": [{"role": "user"}]}',
            "`history` holds an entry without `role` and `text`",
        ),
        Broken(
            "a strange span",
            "queries.jsonl",
            '{"_id": "q", "text": "x", "gold_spans": [[5, 2]]}',
            r"`gold_spans` holds \[5, 2\]",
        ),
        Broken("a short row", "qrels.tsv", "h\nc1_1\trouter\n", "qrels.tsv line 2: 2 columns instead of 3"),
        Broken("a score in words", "qrels.tsv", "h\nc1_1\trouter\tgood\n", "line 2: the score 'good'"),
        Broken("an unknown question", "qrels.tsv", "h\nq9\trouter\t1\n", "there is no question q9"),
        Broken("an unknown document", "qrels.tsv", "h\nc1_1\tx\t1\n", "the document x, which does not exist"),
        Broken("no questions", "queries.jsonl", "", "there is no question c1_1"),
        Broken("a broken description", "dataset.json", "{", "dataset.json is not JSON"),
        Broken("a description that is a list", "dataset.json", "[]", "is not a JSON object"),
        Broken("a missing folder", "dataset.json", '{"corpus": "../none"}', "not the path of a folder"),
    ],
    ids=lambda case: case.name,
)
def test_what_is_broken_is_said_with_its_line(tmp_path: Path, case: Broken) -> None:
    folder = write_dataset(tmp_path / "tiny")
    (folder / case.file).write_text(case.content)
    with pytest.raises(DatasetInvalid, match=case.says):
        load_dataset(folder)


def test_many_broken_lines_are_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"_id": f"q{place}"} for place in range(30)]
    with pytest.raises(DatasetInvalid, match="line 20: no text under `text`\n  and 10 more"):
        load_dataset(write_dataset(tmp_path / "tiny", queries=rows, qrels=()))


def test_a_set_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="is empty"):
        load_dataset(write_dataset(tmp_path / "tiny", queries=(), qrels=()))


def test_a_missing_or_undecodable_file_is_named(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "tiny")
    (folder / "queries.jsonl").write_bytes(json.dumps(dict(QUERIES[0])).encode() + b"\xff")
    with pytest.raises(DatasetInvalid, match=r"queries\.jsonl is not UTF-8"):
        load_dataset(folder)
    (folder / "queries.jsonl").unlink()
    with pytest.raises(DatasetInvalid, match=r"queries\.jsonl cannot be read: No such file"):
        load_dataset(folder)


def test_documents_without_title_have_none(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "tiny", corpus=[{"_id": "x", "text": ""}], qrels=())
    assert load_dataset(folder).documents[0].title == ""
