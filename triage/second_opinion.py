"""A language model is asked what a message is where the classifier is in doubt; both answers are kept.

The model is not told which label the classifier prefers, so that its agreement means something, and nothing
that it says changes a probability: whether it is worth its price is for ``opinion_report`` to say.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from inference.errors import ModelMalformed, ModelTimeout, ModelUnavailable
from inference.prompt import Prompt, fenced, new_nonce
from inference.retrying import MODEL_FAILURES
from kit.clock import Clock, SystemClock
from kit.errors import CareloopError
from kit.privacy import redact
from triage.labels import Certainty, Triage

OVER_BUDGET = "over_budget"
PROMPTS = Path(__file__).with_name("prompts")
_NONE = "none"
_LONGEST_REASON = 200  # characters
_LONGEST_REPLY = 10_000  # characters; what a model thinks aloud comes before its answer
_REMEMBERED = 1000  # messages over which the share of those asked is counted
_FEWEST_REMEMBERED = 20  # or who has just started could ask of none
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OpinionPolicy:
    """When to ask: where nothing is sure and the likeliest intent has from ``low`` up to below ``high``.

    The budget, of this process, is ``calls_per_minute`` and a ``share`` of the last thousand messages.
    ``longest`` is how many characters of a message are sent; an answer later than ``timeout_seconds`` is
    none.
    """

    low: float = 0.3
    high: float = 0.75
    calls_per_minute: int = 30
    share: float = 0.25
    candidates: int = 5
    longest: int = 4000
    timeout_seconds: float = 15.0

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1 or not 0 <= self.share <= 1:
            raise ValueError("a band lies within 0 and 1, with its low end below its high one")

    def doubts(self, triage: Triage) -> bool:
        """Whether it is uncertain what the message is, and not beyond help."""
        return (
            triage.certainty is Certainty.NOT_SURE and self.low <= triage.intents[0].probability < self.high
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label as it is explained to the model."""

    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What the model said of a message whose likeliest label is ``classifier``.

    ``label`` is one of ``candidates``, None where the model found that none fits or gave no answer; then
    ``failure`` is an error's code, or ``over_budget`` where it was not asked. ``agrees`` is None without an
    answer. ``reason`` is the model's, of the message without personal data. ``prompt`` is name and hash.
    Tokens are None where the server does not count them.
    """

    classifier: str
    candidates: tuple[str, ...]
    label: str | None
    agrees: bool | None
    reason: str
    model: str
    prompt: str
    input_tokens: int | None
    output_tokens: int | None
    seconds: float
    failure: str | None = None


class SecondOpinions:
    """Asks ``model`` about messages in doubt. ``labels`` explains labels by name; others go by their name."""

    def __init__(
        self,
        model: BaseChatModel,
        labels: Mapping[str, Candidate],
        *,
        policy: OpinionPolicy | None = None,
        model_name: str = "",
        clock: Clock | None = None,
        nonce: Callable[[], str] = new_nonce,
    ) -> None:
        self._model = model
        self._labels = labels
        self._policy = policy or OpinionPolicy()
        self._model_name = model_name
        self._budget = _Budget(self._policy, clock or SystemClock())
        self._nonce = nonce
        self._prompt = Prompt.load("second_opinion", PROMPTS)

    async def ask(self, text: str, triage: Triage) -> SecondOpinion | None:
        """The opinion on ``text``; None where triage is sure enough, or so unsure that none helps.

        A failure is an opinion with ``failure``; nothing is raised for what a server or its model does.
        """
        doubtful = bool(text.strip()) and self._policy.doubts(triage)
        allowed = self._budget.take(asking=doubtful)
        if not doubtful:
            return None
        names = tuple(label.name for label in triage.intents[: self._policy.candidates])
        if not allowed:
            return self._failed(names, OVER_BUDGET, seconds=0.0)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._policy.timeout_seconds):
                reply = await self._model.ainvoke(self.messages(text, names))
        except CareloopError as error:
            return self._failed(names, error.code, seconds=time.perf_counter() - started)
        except TimeoutError:
            return self._failed(names, ModelTimeout.code, seconds=time.perf_counter() - started)
        except MODEL_FAILURES:
            return self._failed(names, ModelUnavailable.code, seconds=time.perf_counter() - started)
        return self._opinion(names, reply, seconds=time.perf_counter() - started)

    def messages(self, text: str, candidates: Sequence[str]) -> list[BaseMessage]:
        """What the model is sent: rules and labels, then the message, fenced and without personal data."""
        nonce = self._nonce()
        explained = "\n".join(map(self._explained, sorted(candidates)))
        rules = self._prompt.render(nonce=nonce, candidates=explained)
        shown = redact(text).text[: self._policy.longest]
        return [SystemMessage(rules), HumanMessage(fenced("message", shown, nonce=nonce))]

    def _explained(self, name: str) -> str:
        known = self._labels.get(name, Candidate(""))
        about = " ".join(" ".join(part.split()) for part in (_ended(known.title), known.description) if part)
        return f"- {json.dumps(name, ensure_ascii=False)}{f': {about}' if about else ''}"

    def _opinion(self, names: tuple[str, ...], reply: AIMessage, *, seconds: float) -> SecondOpinion:
        said = _said(reply.text, names)
        used = reply.usage_metadata
        label = _candidate(said[0], names) if said else None
        return SecondOpinion(
            classifier=names[0],
            candidates=names,
            label=label,
            agrees=label == names[0] if said else None,
            reason=_short(said[1]) if said else "",
            model=self._model_name,
            prompt=self._prompt.version,
            input_tokens=used["input_tokens"] if used else None,
            output_tokens=used["output_tokens"] if used else None,
            seconds=seconds,
            failure=None if said else ModelMalformed.code,
        )

    def _failed(self, names: tuple[str, ...], failure: str, *, seconds: float) -> SecondOpinion:
        return SecondOpinion(
            classifier=names[0],
            candidates=names,
            label=None,
            agrees=None,
            reason="",
            model=self._model_name,
            prompt=self._prompt.version,
            input_tokens=None,
            output_tokens=None,
            seconds=seconds,
            failure=failure,
        )


class _Budget:
    """How many calls there were in the last minute, and among the last messages."""

    def __init__(self, policy: OpinionPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._calls: deque[datetime] = deque()
        self._seen: deque[bool] = deque(maxlen=_REMEMBERED)

    def take(self, *, asking: bool) -> bool:
        """Count a message, and a call for it if it asks for one and there is one left; whether there was."""
        now = self._clock.now()
        while self._calls and now - self._calls[0] >= _MINUTE:
            self._calls.popleft()
        self._seen.append(False)
        of = max(len(self._seen), _FEWEST_REMEMBERED)
        within_share = sum(self._seen) + 1 <= self._policy.share * of + 1e-9
        allowed = asking and within_share and len(self._calls) < self._policy.calls_per_minute
        if allowed:
            self._calls.append(now)
            self._seen[-1] = True
        return allowed


def _said(reply: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Label and reason in a reply: its last JSON object that has a label, or a label alone."""
    answers = [value for value in _objects(reply[-_LONGEST_REPLY:]) if "label" in value]
    if answers:
        reason = answers[-1].get("reason")
        return str(answers[-1]["label"]), reason if isinstance(reason, str) else ""
    alone = reply.strip().strip("`\"'*. \n")
    return (alone, "") if _candidate(alone, names) or alone.casefold() == _NONE else None


def _short(reason: str) -> str:
    """On one line; half a surrogate pair, which JSON may hold, cannot be stored."""
    return " ".join(reason.encode(errors="replace").decode().split())[:_LONGEST_REASON]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in ``text``, whatever stands between them."""
    end = 0
    while (start := text.find("{", end)) >= 0:
        try:
            value, end = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value


def _candidate(said: str, names: Sequence[str]) -> str | None:
    """The one of ``names`` that was meant; None where it is none of them, or could be two."""
    if said in names:
        return said
    alike = [name for name in names if name.casefold() == said.strip().casefold()]
    return alike[0] if len(alike) == 1 else None


def _ended(title: str) -> str:
    return title if not title or title.endswith((".", "!", "?")) else f"{title}."
