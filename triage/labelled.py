"""The messages that ship with labels for what any company wants to know, whatever its intents are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from triage.brands import fill
from triage.errors import ExamplesInvalid
from triage.labels import Origin, Sentiment, Signal, Urgency

FOLDER = Path(__file__).with_name("labelled_messages")


class LabelledMessage(BaseModel):
    """A message with everything that holds of it: a signal or an urgency that is not listed does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    language: str
    sentiment: Sentiment
    signals: tuple[Signal, ...]
    urgency: tuple[Urgency, ...]
    origin: Origin = Origin.CUSTOMER


@dataclass(frozen=True, slots=True)
class Marked:
    """A message of which is known what holds (``yes``) and what does not (``no``); of the rest nothing is.

    Labels are named with their kind: "signal.churn_risk", "sentiment.negative".
    """

    text: str
    yes: frozenset[str]
    no: frozenset[str]


GROUPS: dict[str, tuple[str, ...]] = {
    "signal": tuple(Signal),
    "urgency": tuple(Urgency),
    "sentiment": tuple(Sentiment),
    "origin": tuple(Origin),
}
EXCLUSIVE = ("sentiment", "origin")  # of these exactly one holds
MARKS = tuple(f"{group}.{name}" for group, names in GROUPS.items() for name in names)
_SENTIMENTS = frozenset(f"sentiment.{level}" for level in Sentiment)


def read_labelled(folder: Path = FOLDER) -> list[LabelledMessage]:
    """Every message of the JSONL files in ``folder``. Raises ``ExamplesInvalid``, which names the line."""
    found: list[LabelledMessage] = []
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    found.append(LabelledMessage.model_validate_json(line))
                except ValidationError as error:
                    first = error.errors()[0]
                    place = ".".join(map(str, first["loc"])) or "the line"
                    raise ExamplesInvalid(f"{file.name}, line {number}: {place}: {first['msg']}.") from None
    return found


def marked(messages: Sequence[LabelledMessage]) -> list[Marked]:
    """The messages as marks, with placeholders filled. What a machine or a stranger sent has no sentiment."""
    found = []
    for message in messages:
        yes = {f"signal.{name}" for name in message.signals} | {f"urgency.{name}" for name in message.urgency}
        yes |= {f"sentiment.{message.sentiment}", f"origin.{message.origin}"}
        unknown: frozenset[str] = frozenset() if message.origin is Origin.CUSTOMER else _SENTIMENTS
        found.append(Marked(fill(message.text), frozenset(yes - unknown), frozenset(MARKS) - yes - unknown))
    return found
