"""What the knowledge base could not answer: questions that belong together, and the draft of an article.

The draft quotes: its headings are customers' questions, its points what people of the company answered to
them. Nobody has checked either, and it says so wherever it is shown.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inference.embeddings import Encoder
from insights.contact import Contact, Ending, Reply, ReplyKind, Turn
from insights.digest import Article, Gap, OutlineSection
from insights.grouping import Group, grouped_and_single
from insights.quotes import Quoter, anonymous, excerpt, few
from kit.ids import WorkspaceId
from kit.text import sentences
from retrieval import Retriever
from signals.signal import SignalKind

SHOWN = 8
UNANSWERED, DISLIKED, LEFT = "unanswered", "disliked", "left"
_UNANSWERABLE = "unanswerable"  # the bot's reason to hand over when the knowledge base does not say
_NO_QUESTIONS = (
    SignalKind.ADVOCACY,
    SignalKind.CHURN_RISK,
    SignalKind.COMPETITOR,
    SignalKind.FEATURE_REQUEST,
)
_QUESTIONS, _HEADINGS, _POINTS, _ARTICLES = 3, 5, 3, 3
_DEPTH = 10  # passages that are looked through for the nearest articles
_LEAST_WORDS = 4  # of an agent's sentence: "Hi there!" answers nothing
_ALIKE = 0.25  # cosine of a question and a sentence that may answer it: below, they share no subject
_SAME = 0.92  # cosine of two headings that ask the same


@dataclass(frozen=True, slots=True)
class _Miss:
    contact: Contact
    turn: Turn
    reason: str
    text: str  # without personal data


async def gaps(
    contacts: Sequence[Contact],
    workspace: WorkspaceId,
    *,
    encoder: Encoder,
    retriever: Retriever,
    quoter: Quoter,
    thresholds: Mapping[SignalKind, float],
) -> tuple[Gap, ...]:
    """What was asked and not answered, or not to the customer's liking; the most frequent first.

    Who asks nothing, but praises, or speaks of leaving, of a competitor or of a wish, misses no article.
    """
    missed = [
        _Miss(contact, turn, reason, excerpt(turn.text, (), contact.personal))
        for contact in contacts
        for turn, reason in _missed(contact)
        if "?" in turn.text or not _says_otherwise(turn, thresholds)
    ]
    groups = await asyncio.to_thread(grouped_and_single, [one.text for one in missed], encoder)
    found = []
    for one in groups[:SHOWN]:
        members = [missed[place] for place in one.places]
        articles = await _articles(members[0].text, workspace, retriever)
        outline = await asyncio.to_thread(_outline, members, encoder)
        found.append(_gap(one, members, articles, outline, quoter))
    return tuple(sorted(found, key=lambda gap: -gap.count))


def _missed(contact: Contact) -> list[tuple[Turn, str]]:
    """Each question of the contact that went wrong, and how."""
    reasons = {reply.to: _reason(contact, reply) for reply in contact.replies}
    return [(turn, reason) for turn in contact.questions if (reason := reasons.get(turn.id)) is not None]


def _says_otherwise(turn: Turn, thresholds: Mapping[SignalKind, float]) -> bool:
    return any(
        kind in turn.signals and turn.signals[kind].probability >= thresholds[kind] for kind in _NO_QUESTIONS
    )


def _reason(contact: Contact, reply: Reply) -> str | None:
    if reply.rating == "down":
        return DISLIKED
    if reply.kind is ReplyKind.HANDOVER and reply.reason == _UNANSWERABLE:
        return UNANSWERED
    asked_back = reply.kind is ReplyKind.CLARIFY and reply is contact.replies[-1]
    return LEFT if asked_back and contact.ending is Ending.ABANDONED else None


async def _articles(question: str, workspace: WorkspaceId, retriever: Retriever) -> tuple[Article, ...]:
    """The articles whose passages are nearest to ``question``, each once."""
    retrieval = await retriever.search(workspace, question, limit=_DEPTH)
    found: dict[str, Article] = {}
    for ranked in retrieval.passages:
        passage = ranked.passage
        article = Article(passage.title, passage.url, passage.document_id, ranked.dense)
        found.setdefault(passage.document_id, article)
    return tuple(found.values())[:_ARTICLES]


def _gap(
    one: Group,
    members: Sequence[_Miss],
    articles: tuple[Article, ...],
    outline: tuple[OutlineSection, ...],
    quoter: Quoter,
) -> Gap:
    return Gap(
        title=one.title,
        count=len({miss.contact.id for miss in members}),
        reasons=dict(Counter(miss.reason for miss in members).most_common()),
        questions=few((quoter.quote(miss.contact, miss.turn) for miss in members), _QUESTIONS),
        articles=articles,
        outline=outline,
    )


def _outline(members: Sequence[_Miss], encoder: Encoder) -> tuple[OutlineSection, ...]:
    """A section for each question that is not asked in other words before, with what people answered."""
    vectors = encoder.encode([miss.text for miss in members])
    chosen: list[int] = []
    for place in range(len(members)):
        if all(float(vectors[place] @ vectors[other]) < _SAME for other in chosen):
            chosen.append(place)
        if len(chosen) == _HEADINGS:
            break
    answers = _answers(members)
    if not answers:
        return tuple(OutlineSection(members[place].text, ()) for place in chosen)
    matrix = encoder.encode(answers)
    asked = np.stack([vectors[place] for place in chosen])
    cosines = asked @ matrix.T
    nearest = cosines.argmax(axis=0)  # a sentence answers one question, the one that it is nearest to
    sections = []
    for row, place in enumerate(chosen):
        fitting = [at for at in np.argsort(-cosines[row]) if nearest[at] == row]
        points = tuple(answers[at] for at in fitting[:_POINTS] if cosines[row, at] >= _ALIKE)
        sections.append(OutlineSection(members[place].text, points))
    return tuple(sections)


def _answers(members: Sequence[_Miss]) -> list[str]:
    """What people wrote in these conversations after the question, each sentence once."""
    found: dict[str, None] = {}
    for miss in members:
        for message in miss.contact.agents:
            if message.at < miss.turn.at:
                continue
            for sentence in sentences(anonymous(message.text, miss.contact.personal)):
                if len(sentence.text.split()) >= _LEAST_WORDS and not sentence.text.endswith("?"):
                    found.setdefault(sentence.text, None)
    return list(found)
