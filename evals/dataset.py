"""Labelled questions over a knowledge base, in BEIR's layout or over a folder of articles.

A data set is a folder with ``queries.jsonl`` and ``qrels.tsv``, and either ``corpus.jsonl`` (BEIR,
arXiv:2104.08663) or a ``dataset.json`` whose ``corpus`` is the path, relative to it, of a folder of
articles as ``careloop ingest`` takes it; documents are then named by their path in that folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from evals.rows import RowReader
from knowledge_base.document import Document
from retrieval import HistoryTurn


class Label(StrEnum):
    """Whether the knowledge base answers a question, as a person judged it."""

    ANSWERABLE = "answerable"
    PARTIAL = "partial"  # answered in part
    UNDERSPECIFIED = "underspecified"  # nobody could answer without asking back
    UNANSWERABLE = "unanswerable"
    UNKNOWN = "unknown"  # not judged


class Half(StrEnum):
    """One of two halves of a data set's conversations, for tuning on one and reporting both."""

    A = "a"
    B = "b"


@dataclass(frozen=True, slots=True)
class GoldPassage:
    """Words that answer a question: ``quote`` stands in the document named ``document``."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Query:
    """One customer turn with what is known about its right answer.

    ``history`` is oldest first. ``gold`` maps document ids to their grade (1 or more). ``gold_spans``
    are offsets into the gold document. ``kind`` is the label unless the data set names kinds of its own.
    """

    id: str
    text: str
    history: tuple[HistoryTurn, ...] = ()
    answer: str | None = None
    label: Label = Label.UNKNOWN
    gold: Mapping[str, int] = field(default_factory=dict)
    gold_spans: tuple[tuple[int, int], ...] = ()
    gold_passages: tuple[GoldPassage, ...] = ()
    split: str | None = None
    kind: str = Label.UNKNOWN


@dataclass(frozen=True, slots=True)
class Dataset:
    """Questions and the knowledge base they are asked of.

    Exactly one of ``documents`` (rows of a corpus file) and ``folder`` (articles) is set. ``name`` is the
    folder's name, with the part that was selected.
    """

    name: str
    queries: tuple[Query, ...]
    documents: tuple[Document, ...] = ()
    folder: Path | None = None

    def select(self, *, split: str = "all", half: Half | None = None) -> Dataset:
        """The same knowledge base with fewer questions.

        ``split`` keeps questions that carry it (``all`` keeps every one). ``half`` keeps the
        conversations of one half, see ``half_of``. Raises ``DatasetInvalid`` when nothing is left.
        """
        chosen = self.queries if split == "all" else tuple(q for q in self.queries if q.split == split)
        if half is not None:
            chosen = tuple(query for query in chosen if half_of(query.id) is half)
        if not chosen:
            raise RowReader.nothing_left(
                f"{self.name} has no questions in split {split}, half {half or 'any'}."
            )
        marks = [mark for mark in (split if split != "all" else None, half) if mark]
        return replace(self, queries=chosen, name=":".join([self.name, *marks]))


_CONVERSATION_END = re.compile(r"(?:<::>|_)[^_]*$")


def conversation_of(query_id: str) -> str:
    """The conversation a question belongs to: what stands before the last ``<::>`` or ``_`` of its id."""
    head, mark, _ = query_id.rpartition("<::>")
    return head if mark else _CONVERSATION_END.sub("", query_id)


def half_of(query_id: str) -> Half:
    """The half that a question's conversation falls into: A where its MD5, read as a number, is even."""
    digest = hashlib.md5(conversation_of(query_id).encode(), usedforsecurity=False)
    return Half.B if digest.digest()[-1] & 1 else Half.A


def load_dataset(path: Path) -> Dataset:
    """The data set in folder ``path``. Raises ``DatasetInvalid`` naming every broken line and its reason."""
    rows = RowReader(path)
    folder = _articles_folder(rows)
    documents = () if folder else tuple(_documents(rows))
    relevance = _relevance(rows)
    queries = tuple(_queries(rows, relevance))
    rows.check(relevance=relevance, documents={document.key for document in documents}, queries=queries)
    return Dataset(name=path.resolve().name, queries=queries, documents=documents, folder=folder)


def _articles_folder(rows: RowReader) -> Path | None:
    if not (rows.path / "dataset.json").is_file():
        return None
    corpus = rows.object("dataset.json").get("corpus")
    folder = rows.path / corpus if isinstance(corpus, str) else None
    if folder is None or not folder.is_dir():
        raise RowReader.nothing_left(f"{rows.path / 'dataset.json'}: `corpus` is not the path of a folder.")
    return folder.resolve()


def _documents(rows: RowReader) -> Sequence[Document]:
    found: dict[str, Document] = {}
    for line in rows.json_lines("corpus.jsonl"):
        key, text = line.text("_id"), line.text("text", empty=True)
        if key is None or text is None:
            continue
        if key in found:
            line.broken(f"the id {key} is used twice")
            continue
        found[key] = Document(key=key, title=line.optional_text("title") or "", text=text)
    return list(found.values())


def _relevance(rows: RowReader) -> dict[str, dict[str, int]]:
    relevance: dict[str, dict[str, int]] = {}
    for line, cells in rows.table("qrels.tsv", columns=3):
        query, document, grade = cells
        if not grade.lstrip("-").isdigit():
            rows.broken("qrels.tsv", line, f"the score {grade!r} is not a whole number")
        elif int(grade) > 0:
            relevance.setdefault(query, {})[document] = int(grade)
    return relevance


def _queries(rows: RowReader, relevance: Mapping[str, Mapping[str, int]]) -> Sequence[Query]:
    found: dict[str, Query] = {}
    for line in rows.json_lines("queries.jsonl"):
        key, text = line.text("_id"), line.text("text")
        if key is None or text is None:
            continue
        if key in found:
            line.broken(f"the id {key} is used twice")
            continue
        label = _LABELS.get(str(line.value.get("answerable")).lower())
        if label is None:
            known = ", ".join(_LABELS)
            line.broken(f"`answerable` is {line.value['answerable']!r}, not one of {known}")
            continue
        found[key] = Query(
            id=key,
            text=text,
            history=tuple(
                HistoryTurn(said, by_customer=role in _CUSTOMER_ROLES) for role, said in line.turns("history")
            ),
            answer=line.optional_text("answer"),
            label=label,
            gold=relevance.get(key, {}),
            gold_spans=line.spans("gold_spans"),
            gold_passages=tuple(GoldPassage(*pair) for pair in line.quotes("gold_passages")),
            split=line.optional_text("split"),
            kind=line.optional_text("kind") or label,
        )
    return list(found.values())


_LABELS = {label.value: label for label in Label} | {
    "true": Label.ANSWERABLE,
    "false": Label.UNANSWERABLE,
    "none": Label.UNKNOWN,
}
_CUSTOMER_ROLES = frozenset({"user", "customer"})
