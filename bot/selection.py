"""Which pieces of the ranked passages answer the question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.blocks import Block, BlockKind, blocks_of
from bot.wording import content_terms
from kit.text import Span, rarity, sentences
from knowledge_base.document import Passage, PassageKind
from retrieval import RankedPassage

# Tuned on one half of doc2dial's conversations (docs/adr/0004-answers.md); flat around these values.
_WORDS = 0.4  # weight of shared words against the cosine of a sentence
_RANK = 0.6  # weight of a passage's distance from the best one
_HEADING_SHARE = 0.8  # a word said only in title or heading counts a little less
_TOO_SHORT = 4  # words; "Yes." alone answers nothing
_SHORT_PENALTY = 0.15
_POINTER_PENALTY = 0.3

# A sentence that sends the reader on to a page: to be said only when there is nothing else.
_POINTER = re.compile(
    r"^(?:please\s+)?(?:see|read|look (?:at|up)|go to|learn more|find out|for more|more (?:about|on|in))\b"
    r"|\b(?:see|read|follow|look (?:it|them) up (?:in|under)|dealt with (?:in|by)|as in"
    r"|another (?:page|kind of \w+):|(?:describ|cover|explain|list|show)(?:ed|n) (?:in|under|on|by))"
    r" (?:the )?\[",
    re.IGNORECASE,
)
_REPLY = re.compile(r"(?:yes|no)\b", re.IGNORECASE)  # means as much as the question above it
_LINKED = re.compile(r"\]\(|\[\d+\s*\]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block of a ranked passage with how well it answers; ``score`` is on the scale of a cosine."""

    rank: int  # of the passage, from 0
    place: int  # among the blocks of the passage
    passage: Passage
    block: Block
    score: float
    items: tuple[float, ...] = ()  # of a list's items, on the same scale


@dataclass(frozen=True, slots=True)
class _Read:
    """A ranked passage, cut into blocks, with the content words of each."""

    ranked: RankedPassage
    blocks: tuple[Block, ...]
    words: tuple[frozenset[str], ...]
    headings: tuple[frozenset[str], ...]


def candidates(
    question: str, vector: NDArray[np.float32], ranked: Sequence[RankedPassage]
) -> list[Candidate]:
    """Every quotable block of ``ranked`` (best first) with its score, in the order of rank and text.

    ``vector`` (dimensions,) is the unit vector of ``question``. Words weigh by how few of the blocks
    have them: among passages that were all found by the same question, that says more than
    how rare a word is in the whole knowledge base, and needs no index.
    """
    read = [_read(passage) for passage in ranked]
    weights = _weights(content_terms(question), read)
    found: list[Candidate] = []
    for rank, one in enumerate(read):
        behind = _RANK * (one.ranked.score - read[0].ranked.score)
        cosines = _cosines(one.ranked, vector)
        heading = 0.0
        for place, block in enumerate(one.blocks):
            near = _nearness(block, cosines, one.ranked.dense)
            if block.kind is BlockKind.HEADING:
                heading = near
                continue
            near = (
                (near + heading) / 2
                if _REPLY.match(block.text) and heading
                else max(near, (near + heading) / 2)
            )
            heading = 0.0
            shared = _overlap(weights, one.words[place], one.headings[place])
            score = near + _WORDS * shared + behind - _penalty(block)
            items = _items(one.ranked.passage, block, cosines, weights)
            found.append(Candidate(rank, place, one.ranked.passage, block, score, items))
    return found


def is_pointer(block: Block) -> bool:
    """Whether ``block`` only says where something else stands."""
    return block.kind is BlockKind.SENTENCE and bool(
        _LINKED.search(block.text) and _POINTER.search(block.text)
    )


def _read(ranked: RankedPassage) -> _Read:
    passage = ranked.passage
    blocks = blocks_of(passage.text, passage.context)
    outer = " ".join((passage.title, *passage.headings))
    return _Read(
        ranked,
        blocks,
        tuple(content_terms(" ".join((*block.columns, block.text))) for block in blocks),
        tuple(content_terms(f"{outer} {block.heading}") for block in blocks),
    )


def _weights(asked: frozenset[str], read: Sequence[_Read]) -> dict[str, float]:
    """For each word asked, how telling it is among the blocks; together they weigh 1."""
    counts = Counter(word for one in read for words in one.words for word in words & asked)
    total = sum(len(one.words) for one in read)
    raw = {word: rarity(counts[word], total) for word in asked}
    whole = sum(raw.values()) or 1.0
    return {word: value / whole for word, value in raw.items()}


def _overlap(weights: dict[str, float], words: frozenset[str], headings: frozenset[str]) -> float:
    return sum(
        weight * (1.0 if word in words else _HEADING_SHARE if word in headings else 0.0)
        for word, weight in weights.items()
    )


def _cosines(ranked: RankedPassage, vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of the question and each sentence of the passage; the passage's own where there is none."""
    stored = ranked.sentence_embeddings
    count = len(_spans(ranked.passage.text))
    if stored is None or len(stored) != count:
        return np.full(count, ranked.dense, dtype=np.float32)
    cosines = stored.astype(np.float32) @ vector
    unread = ~stored.any(axis=1)  # beyond what the encoder reads of a passage
    cosines[unread] = ranked.dense
    return cosines


def _nearness(block: Block, cosines: NDArray[np.float32], passage: float) -> float:
    first, last = block.sentences
    own = cosines[first:last]
    if not len(own):
        return passage
    if block.kind in {BlockKind.STEPS, BlockKind.BULLETS}:
        # A list is about what its best items are about, and mostly about what its passage is.
        return float(max(passage, np.sort(own)[-2:].mean()))
    return float(own.max())


def _items(
    passage: Passage, block: Block, cosines: NDArray[np.float32], weights: dict[str, float]
) -> tuple[float, ...]:
    if block.kind is not BlockKind.BULLETS:
        return ()
    spans = _spans(passage.text)
    scores = []
    for start, end in block.items:
        own = [float(cosines[place]) for place, span in enumerate(spans) if start <= span.start < end]
        shared = _overlap(weights, content_terms(passage.text[start:end]), frozenset())
        scores.append(max(own, default=0.0) + _WORDS * shared)
    return tuple(scores)


@lru_cache(maxsize=2048)
def _spans(text: str) -> tuple[Span, ...]:
    return tuple(sentences(text))


def _penalty(block: Block) -> float:
    if is_pointer(block):
        return _POINTER_PENALTY
    if block.kind is BlockKind.SENTENCE and len(block.text.split()) < _TOO_SHORT:
        return _SHORT_PENALTY
    return 0.0


def is_whole_answer(passage: Passage) -> bool:
    """Whether the passage is the answer of a question/answer pair."""
    return passage.kind is PassageKind.QUESTION_ANSWER
