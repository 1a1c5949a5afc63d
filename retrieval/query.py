"""What a conversation asks for: the last turn, and what it takes from the turns before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.text import words

# How all of these were chosen, and how little most of them matter: docs/adr/0003-retrieval.md.
_TURNS = 12  # of the history; more never helped
_TURN_CHARACTERS = 600  # of one turn: an agent's long answer says early what it is about
_RECENCY = 0.8  # what a turn weighs against the one after it
_PLAIN_WORDS = 10  # a turn with more content words spreads the weight of ten over them
_MENTION_RECENCY = 0.9  # as _RECENCY, for names: a name said long ago may still be the subject
_HISTORY_TERMS = 32

_FUNCTION_WORDS = frozenset(
    """
    a about after all also am an and any are as at be because been before being but by can could did do
    does doing done don't for from get give go going got had has have having he hello help her here hi
    him his how i i'd i'll i'm i've if in into is it it's its just know let like may me more my need no
    not of ok okay on one or our out please really said say see she should so some tell than thank
    thanks that that's the their them then there these they thing this those to too up us want was we
    well were what what's when where which while who why will with would yes you you're your
    """.split()  # noqa: SIM905 (a list of literals fills a screen)
)
_SUFFIX = re.compile(r"(?:'s|ies|es|s|ed|ing)$")


@dataclass(frozen=True, slots=True)
class HistoryTurn:
    """One earlier turn, redacted; ``by_customer`` is false for what the bot or an agent said."""

    text: str
    by_customer: bool = True


@dataclass(frozen=True, slots=True)
class ConversationQuery:
    """A turn and its history, taken apart for search.

    ``turns`` are the texts of the history, newest first. ``terms`` and ``history_terms`` map words to
    weights in (0, 1]. ``said`` maps the stems of every word of the conversation to how lately it was
    said: 1 in the last turn, less by a tenth for every turn before.
    """

    question: str
    turns: tuple[str, ...]
    terms: dict[str, float]
    history_terms: dict[str, float]
    said: dict[str, float]

    @property
    def texts(self) -> tuple[str, ...]:
        """What is to be encoded: the question, then ``turns``."""
        return (self.question, *self.turns)


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """Unit vectors (dimensions,) of the last turn and of the history; the latter two are zeros without one.

    In ``recent`` every turn weighs less than the one after it, in ``whole`` all weigh alike.
    """

    last: NDArray[np.float32]
    recent: NDArray[np.float32]
    whole: NDArray[np.float32]


def read_conversation(question: str, history: Sequence[HistoryTurn] = ()) -> ConversationQuery:
    """``question`` said after ``history`` (oldest first)."""
    turns = tuple(turn.text[:_TURN_CHARACTERS] for turn in reversed(history) if turn.text.strip())[:_TURNS]
    return ConversationQuery(
        question=question,
        turns=turns,
        terms=dict.fromkeys(content_words(question), 1.0),
        history_terms=_history_terms(turns),
        said=_said((question, *turns)),
    )


def query_vectors(vectors: NDArray[np.float32]) -> QueryVectors:
    """The vectors of a query from those of its ``texts``: (number of texts, dimensions)."""
    history = vectors[1:]
    recency = _RECENCY ** np.arange(len(history), dtype=np.float32)
    return QueryVectors(vectors[0], _unit(recency @ history), _unit(history.sum(axis=0)))


def content_words(text: str) -> list[str]:
    """The distinct words of ``text`` that are more than grammar; all of them if none is."""
    found = list(dict.fromkeys(words(text)))
    return [word for word in found if word not in _FUNCTION_WORDS] or found


def stem(word: str) -> str:
    """``word`` without the commonest English endings, so that plural and singular meet."""
    shorter = _SUFFIX.sub("", word)
    return shorter if len(shorter) > 2 else word


def _history_terms(turns: Sequence[str]) -> dict[str, float]:
    """The words of the history, each with its weight in the turn where it weighs most."""
    terms: dict[str, float] = {}
    for age, turn in enumerate(turns):
        found = content_words(turn)
        weight = _RECENCY**age * min(1.0, _PLAIN_WORDS / max(1, len(found)))
        for word in found:
            terms[word] = max(weight, terms.get(word, 0.0))
    heaviest = sorted(terms, key=lambda word: -terms[word])[:_HISTORY_TERMS]
    return {word: terms[word] for word in heaviest}


def _said(texts: Sequence[str]) -> dict[str, float]:
    said: dict[str, float] = {}
    for age, text in enumerate(texts):
        for word in words(text):
            said.setdefault(stem(word), _MENTION_RECENCY**age)
    return said


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return (vector / length).astype(np.float32) if length > 0 else vector.astype(np.float32)
