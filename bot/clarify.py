"""One question back, when what the customer asked fits several topics."""

from __future__ import annotations

from collections.abc import Sequence

from bot.answer import Answer, AnswerKind
from bot.wording import content_terms
from knowledge_base.document import Passage, PassageKind
from retrieval import RankedPassage, Retrieval

_FEWEST = 2
_MOST = 4
_CONTENDERS = 10  # passages among which the topics are looked for
_QUESTION = "I want to be sure that I answer the right question. Is it about {options}?"


def clarify(question: str, retrieval: Retrieval, *, answerability: float = 0.0) -> Answer | None:
    """A question that lets the customer choose a topic; none where only one topic was found.

    Each option is the title of an article (or, within one article, a heading), so that sending it as
    the next message finds that topic.
    """
    options = topics(question, retrieval.passages[:_CONTENDERS])
    if len(options) < _FEWEST:
        return None
    return Answer(
        kind=AnswerKind.CLARIFY,
        text=_QUESTION.format(options=_listed(options)),
        answerability=answerability,
        answerer="rules",
        options=options,
        trace={"reason": "vague", "topics": len(options)},
    )


def topics(question: str, ranked: Sequence[RankedPassage]) -> tuple[str, ...]:
    """Two to four names of what the passages are about, the likeliest first; fewer where there are fewer.

    Articles that say a word of the question in their name come before those that do not: for "how do I
    reset it" the two articles on resetting, and not one that only mentions it.
    """
    titles = list(dict.fromkeys(_topic(one.passage) for one in ranked))
    asked = content_terms(question)
    named = [title for title in titles if asked & content_terms(title)]
    chosen = named if len(named) >= _FEWEST else [*named, *(title for title in titles if title not in named)]
    if len(chosen) < _FEWEST:
        chosen = list(dict.fromkeys(one.passage.headings[0] for one in ranked if one.passage.headings))
    return tuple(chosen[:_MOST])


def _topic(passage: Passage) -> str:
    # A question/answer pair is named by its question, which is no topic to choose but can be asked.
    return passage.title.rstrip("?") if passage.kind is PassageKind.QUESTION_ANSWER else passage.title


def _listed(options: Sequence[str]) -> str:
    quoted = [f"“{option}”" for option in options]
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]
