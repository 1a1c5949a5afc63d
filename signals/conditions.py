"""Conditions on facts: those of routing rules (``triage/conditions.py``) that need no message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

from triage.conditions import AllOf, AnyOf, Condition, NotThis
from triage.criteria import Criterion, FactIs
from triage.labels import Certainty, Label, Origin, Priority, PriorityLabel, Sentiment, Triage
from triage.verdicts import Circumstances, Verdict

_KINDS = (AllOf, AnyOf, NotThis, FactIs)
# Nothing was said: a signal may come of behaviour alone, and no condition here asks what was said.
_SILENCE = Triage(
    certainty=Certainty.OUT_OF_SCOPE,
    intent=Label("", 0.0),
    in_scope=0.0,
    intents=(),
    further=(),
    queue=Label("", 0.0),
    priority=PriorityLabel(Priority.P4, 0.0, ()),
    sentiment=Label(Sentiment.NEUTRAL, 0.0),
    sentiment_score=0.0,
    origin=Label(Origin.CUSTOMER, 0.0),
    language=Label("", 0.0),
    signals=(),
    urgency=(),
    entities=(),
)


def _about_facts(condition: Criterion) -> Criterion:
    others = [part.word for part in condition.within() if not isinstance(part, _KINDS)]
    if others:
        raise ValueError(f"{others[0]} is about a message; here are {', '.join(k.word for k in _KINDS)}")
    return condition


FactCondition = Annotated[Condition, AfterValidator(_about_facts)]


def judge(condition: Criterion, facts: Mapping[str, object], *, at: datetime) -> Verdict:
    """Whether ``condition`` holds of ``facts``, how nearly and why."""
    return condition.judge(Circumstances(_SILENCE, at, facts=facts))


def reasons(verdict: Verdict) -> str:
    """Why, in one line."""
    return "; ".join(note.text for note in verdict.notes)
