"""Which words of which passages support a sentence that a language model wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answer import AnswerSentence, Citation
from bot.citations import cite
from bot.draft import DraftSentence
from bot.grounding import Weight, support
from kit.text import sentences
from knowledge_base.document import Passage

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+|\S+@\S+")
_MARKER = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s+")
_WEAKEST_QUOTE = 0.2  # a quote that supports the sentence less than this says something else
_QUOTES = 3


@dataclass(frozen=True, slots=True)
class GroundingRisk:
    """From which support on a sentence is said, and how much of an answer must be supported.

    ``sentence`` in [0, 1] is a score of ``bot.grounding.support``; ``share`` in [0, 1] is the share of the
    model's sentences that must reach it, or none of them is said.
    """

    sentence: float = 0.5
    share: float = 0.5


class Evidence:
    """Checks the sentences of one answer against its passages."""

    def __init__(
        self, passages: Sequence[Passage], *, threshold: float = 0.5, weight: Weight | None = None
    ) -> None:
        self._passages = passages
        self._texts = [_readable(passage) for passage in passages]
        self._threshold = threshold
        self._weight = weight

    def ground(self, draft: DraftSentence) -> AnswerSentence | None:
        """``draft`` with its quotes, or None where the passages do not support it.

        The passages that the model named are asked first, then all: models number carelessly. A sentence
        in another language than the passages counts by its ``source``, and must not add numbers or links.
        """
        source = _MARKER.sub("", draft.source)
        if draft.source != draft.text and not _same_facts(draft.text, draft.source):
            return None
        named = [number - 1 for number in dict.fromkeys(draft.passages) if 0 < number <= len(self._passages)]
        for places in (named, list(range(len(self._passages)))):
            score = self._support(source, [self._texts[place] for place in places])
            if score >= self._threshold:
                citations = self._quotes(source, places)
                if citations:
                    return AnswerSentence(draft.text, citations, score)
        return None

    def _support(self, sentence: str, texts: Sequence[str]) -> float:
        return support(sentence, texts, weight=self._weight).score if texts else 0.0

    def _quotes(self, sentence: str, places: Sequence[int]) -> tuple[Citation, ...]:
        """The sentence of each passage that says most of ``sentence``, best first."""
        found: list[tuple[float, Citation]] = []
        for place in places:
            passage = self._passages[place]
            scored = [
                (self._support(sentence, [span.text]), -span.start, span) for span in sentences(passage.text)
            ]
            if scored:
                score, _, span = max(scored, key=lambda item: item[:2])
                found.append((score, cite(passage, span.start, span.end)))
        found.sort(key=lambda item: -item[0])
        strong = [citation for score, citation in found if score >= _WEAKEST_QUOTE] or [
            citation for _, citation in found[:1]
        ]
        return tuple(strong[:_QUOTES])


def _readable(passage: Passage) -> str:
    """What a passage says, with what stands above it: headings and a table's header row are said too."""
    return "\n".join((passage.title, *passage.headings, passage.context, passage.text))


def _same_facts(text: str, source: str) -> bool:
    """Whether ``text`` has no number and no link that ``source`` lacks."""
    digits = {re.sub(r"\D", "", number) for number in _NUMBER.findall(source)}
    numbers = {re.sub(r"\D", "", number) for number in _NUMBER.findall(text)}
    return numbers <= digits and set(_LINK.findall(text)) <= set(_LINK.findall(source))
