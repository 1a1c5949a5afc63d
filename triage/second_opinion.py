"""A language model is asked what a message is where the classifier is in doubt; both answers are kept.

The model is not told which label the classifier prefers, so that its agreement means something, and nothing
that it says changes a probability: whether it is worth its price is for ``report`` to say.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from scipy.special import ndtri

from inference.errors import ModelMalformed, ModelTimeout, ModelUnavailable
from inference.retrying import MODEL_FAILURES
from kit.clock import Clock, SystemClock
from kit.errors import CareloopError
from kit.privacy import redact
from triage.model import Prediction
from triage.risk import wilson

OVER_BUDGET = "over_budget"
_NONE = "none"
_PROMPT = Path(__file__).with_name("prompts") / "second_opinion.md"
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_LONGEST_REASON = 200  # characters
_LONGEST_REPLY = 10_000  # characters; what a model thinks aloud comes before its answer
_REMEMBERED = 1000  # messages over which the share of those asked is counted
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OpinionPolicy:
    """When to ask: for top probabilities from ``low`` up to below ``high``, as far as the budget goes.

    The budget is ``calls_per_minute`` and a ``share`` of the last thousand messages. ``longest`` is how many
    characters of a message are sent; an answer later than ``timeout_seconds`` is none.
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

    def doubts(self, probability: float) -> bool:
        """Whether a top label that likely is uncertain."""
        return self.low <= probability < self.high


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
        nonce: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._model = model
        self._labels = labels
        self._policy = policy or OpinionPolicy()
        self._model_name = model_name
        self._budget = _Budget(self._policy, clock or SystemClock())
        self._nonce = nonce
        self._prompt = _PROMPT.read_text(encoding="utf-8").strip()
        self.prompt = f"{_PROMPT.stem}@{hashlib.sha256(self._prompt.encode()).hexdigest()[:12]}"

    async def ask(self, text: str, prediction: Prediction) -> SecondOpinion | None:
        """The opinion on ``text``; None where the classifier is sure enough, or so unsure that none helps.

        A failure is an opinion with ``failure``; nothing is raised for what a server or its model does.
        """
        doubtful = self._policy.doubts(prediction.probability)
        allowed = self._budget.take(asking=doubtful)
        if not doubtful:
            return None
        names = (prediction.label, *(name for name, _ in prediction.others))[: self._policy.candidates]
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
        shown = redact(text).text[: self._policy.longest].replace(nonce, "")
        slots = {"nonce": nonce, "candidates": "\n".join(map(self._explained, sorted(candidates)))}
        rules = _SLOT.sub(lambda slot: slots[slot[1]], self._prompt)
        return [SystemMessage(rules), HumanMessage(f"<<{nonce} begin message>>\n{shown}\n<<{nonce} end>>")]

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
            reason=" ".join(said[1].split())[:_LONGEST_REASON] if said else "",
            model=self._model_name,
            prompt=self.prompt,
            input_tokens=used["input_tokens"] if used else None,
            output_tokens=used["output_tokens"] if used else None,
            seconds=seconds,
            failure=None if said else ModelMalformed.code,
        )

    def _failed(self, names: tuple[str, ...], failure: str, *, seconds: float) -> SecondOpinion:
        return SecondOpinion(
            names[0], names, None, None, "", self._model_name, self.prompt, None, None, seconds, failure
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
        within_share = sum(self._seen) + 1 <= self._policy.share * len(self._seen) + 1e-9
        allowed = asking and within_share and len(self._calls) < self._policy.calls_per_minute
        if allowed:
            self._calls.append(now)
            self._seen[-1] = True
        return allowed


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``trials``, with the 95 % interval of the share (Wilson 1927)."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        """In [0, 1]; NaN of nothing."""
        return self.hits / self.trials if self.trials else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Its ends; 0 and 1 of nothing."""
        low, high = wilson(self.hits, self.trials)
        return float(low), float(high)

    def __str__(self) -> str:
        if not self.trials:
            return "0 of 0"
        low, high = self.interval
        return f"{self.hits} of {self.trials} ({self.value:.0%}, 95 % interval {low:.0%} to {high:.0%})"


@dataclass(frozen=True, slots=True)
class SecondOpinionReport:
    """What second opinions cost and whether they are worth it.

    ``asked`` were sent, of which ``answered`` came back, ``none`` of them with none of the labels;
    ``failures`` by code. ``differing`` is of opinions that differ and whose message people have labelled
    since: ``classifier_right`` and ``opinion_right`` never both, often neither. "None" is right where the
    final label was not on offer. ``gain`` is the difference of the two shares, in points of 1.
    """

    asked: int
    answered: int
    none: int
    over_budget: int
    failures: tuple[tuple[str, int], ...]
    agreed: Share
    input_tokens: int
    output_tokens: int
    uncounted: int
    seconds: float
    settled: int
    classifier_right: Share
    opinion_right: Share

    @property
    def differing(self) -> int:
        """How many settled messages the two differ about."""
        return self.opinion_right.trials

    @property
    def gain(self) -> float:
        """What the model's accuracy is above the classifier's where they differ; NaN where they never do."""
        return self.opinion_right.value - self.classifier_right.value

    @property
    def gain_interval(self) -> tuple[float, float]:
        """95 % interval of ``gain``, for paired shares (Bonett & Price 2012); −1 to 1 of nothing."""
        n = self.differing
        if not n:
            return -1.0, 1.0
        model, classifier = ((own.hits + 1) / (n + 2) for own in (self.opinion_right, self.classifier_right))
        middle = model - classifier
        half = float(ndtri(0.975)) * math.sqrt((model + classifier - middle**2) / (n + 2))
        return max(-1.0, middle - half), min(1.0, middle + half)

    @property
    def tokens_per_correction(self) -> float:
        """Tokens for each message that would be right thanks to the model, over all settled; inf for none.

        What was spent on messages that nobody has labelled yet is left out in proportion.
        """
        corrected = self.opinion_right.hits - self.classifier_right.hits
        if corrected <= 0 or not self.answered:
            return math.inf
        return (self.input_tokens + self.output_tokens) * self.settled / self.answered / corrected

    def text(self) -> str:
        """For people, a line for each finding."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.asked:,} asked, {self.answered:,} answered, {self.none:,} with none of the labels."
        if self.over_budget:
            yield f"{self.over_budget:,} in doubt were not asked: the budget was spent."
        for code, count in self.failures:
            yield f"{count:,} failed: {code}."
        yield f"Agreed with the classifier: {self.agreed}."
        uncounted = f", {self.uncounted:,} answers uncounted" if self.uncounted else ""
        yield (
            f"Tokens: {self.input_tokens:,} in, {self.output_tokens:,} out{uncounted}; "
            f"{self.seconds:.1f} seconds an answer."
        )
        if not self.differing:
            yield "No message that they differ about has a final label yet."
            return
        low, high = self.gain_interval
        yield f"Where they differ, the classifier was right in {self.classifier_right}."
        yield f"Where they differ, the model was right in {self.opinion_right}."
        yield f"Gain: {100 * self.gain:+.0f} points, 95 % interval {100 * low:+.0f} to {100 * high:+.0f}."
        if math.isfinite(self.tokens_per_correction):
            yield f"{self.tokens_per_correction:,.0f} tokens for each message put right."


def report(opinions: Sequence[tuple[SecondOpinion, str | None]]) -> SecondOpinionReport:
    """The report on opinions, each with the label that people gave the message in the end, if they have."""
    asked = [(one, final) for one, final in opinions if one.failure != OVER_BUDGET]
    answered = [(one, final) for one, final in asked if one.failure is None]
    failures = Counter(one.failure for one, _ in asked if one.failure is not None)
    settled = [(one, final) for one, final in answered if final is not None]
    differing = [(one, final) for one, final in settled if not one.agrees]
    return SecondOpinionReport(
        asked=len(asked),
        answered=len(answered),
        none=sum(one.label is None for one, _ in answered),
        over_budget=len(opinions) - len(asked),
        failures=tuple(sorted(failures.items(), key=lambda item: (-item[1], item[0]))),
        agreed=Share(sum(bool(one.agrees) for one, _ in answered), len(answered)),
        input_tokens=sum(one.input_tokens or 0 for one, _ in asked),
        output_tokens=sum(one.output_tokens or 0 for one, _ in asked),
        uncounted=sum(one.input_tokens is None for one, _ in answered),
        seconds=sum(one.seconds for one, _ in answered) / len(answered) if answered else 0.0,
        settled=len(settled),
        classifier_right=Share(sum(one.classifier == final for one, final in differing), len(differing)),
        opinion_right=Share(sum(_right(one, final) for one, final in differing), len(differing)),
    )


def _right(opinion: SecondOpinion, final: str) -> bool:
    return final not in opinion.candidates if opinion.label is None else opinion.label == final


def _said(reply: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Label and reason in a reply: its last JSON object that has a label, or a label alone."""
    answers = [value for value in _objects(reply[-_LONGEST_REPLY:]) if "label" in value]
    if answers:
        reason = answers[-1].get("reason")
        return str(answers[-1]["label"]), reason if isinstance(reason, str) else ""
    alone = reply.strip().strip("`\"'*. \n")
    return (alone, "") if _candidate(alone, names) or alone.casefold() == _NONE else None


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
