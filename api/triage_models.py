"""What triage, routing and models of triage look like on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field

from api import wire
from triage import plan, taxonomy
from triage import routing as routes
from triage.entities import Entity as FoundEntity
from triage.label_record import label_record
from triage.labels import Certainty, Priority, Signal, Triage
from triage.message import Message
from triage.verdicts import Note

TEXT = "This is the third time my bill is wrong. Refund the 12.50 or I will cancel."
REFUND = {"start": 41, "end": 47, "text": "Refund", "weight": 0.62}
CANCEL = {"start": 67, "end": 73, "text": "cancel", "weight": 0.71}
INTENT = {"name": "billing.refund_request", "probability": 0.91, "evidence": [REFUND]}
CHURN = {"name": "churn_risk", "probability": 0.83, "evidence": [CANCEL]}
MODEL_VERSION = "20261121-3f9c2a1e77b0"
_MOST = 100  # messages of a batch, headers, facts
_FAR = 1e15  # further from 0 no database keeps a number exactly

Json = dict[str, Any]
# Described and not checked: a sum that rounding carried past 1 is no reason to answer nothing.
Probability = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]
FactName = Annotated[
    str, Field(min_length=1, max_length=80), AfterValidator(lambda name: name.replace("\0", ""))
]
FactText = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
FactNumber = Annotated[float, Field(ge=-_FAR, le=_FAR, allow_inf_nan=False)]
FactValue = (
    bool
    | Annotated[int, Field(ge=-int(_FAR), le=int(_FAR))]
    | FactNumber
    | FactText
    | Annotated[list[FactText], Field(max_length=_MOST)]
    | None
)
Facts = Annotated[
    dict[FactName, FactValue],
    Field(
        max_length=_MOST,
        description="What is known about the customer, for routing rules: tier, value, tags, any name.",
        examples=[{"tier": "enterprise", "value": 4800}],
    ),
]
Headers = Annotated[
    dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=8000)]],
    Field(
        max_length=_MOST,
        description="Of an e-mail, in any case: they tell mail of machines from mail of people.",
        examples=[{"Auto-Submitted": "no"}],
    ),
]
Text = Annotated[
    str | None, Field(description="As it came: plain text or HTML, with quotes and all.", examples=[TEXT])
]
Subject = Annotated[
    str | None, Field(max_length=10_000, description="Of an e-mail or a form.", examples=["Wrong bill"])
]


class MessageToTriage(wire.Body):
    """One message. Nothing in it is too little: without any text, too, it gets an answer."""

    text: Text
    subject: Subject = None
    headers: Headers = Field(default_factory=dict)
    channel: wire.Channel | None = Field(None, description="How it came, for routing.", examples=["email"])
    customer: Facts = Field(default_factory=dict)

    @property
    def message(self) -> Message:
        """What a triager reads of it."""
        return Message(self.text, self.subject, self.headers)


class MessagesToTriage(wire.Body):
    """Up to a hundred messages, which are read together: faster than one by one."""

    messages: list[MessageToTriage] = Field(min_length=1, max_length=_MOST)


class Evidence(BaseModel):
    """Words that speak for a label: ``text[start:end]`` of the message, in characters (code points)."""

    start: int = Field(ge=0, examples=[41])
    end: int = Field(ge=0, examples=[47])
    text: str = Field(description="Verbatim.", examples=["Refund"])
    weight: Probability = Field(description="Share of all that speaks for the label.", examples=[0.62])


class Label(BaseModel):
    """A label with its calibrated probability, and the strongest evidence first."""

    name: str = Field(examples=["billing.refund_request"])
    probability: Probability = Field(examples=[0.91])
    evidence: list[Evidence] = Field(examples=[[REFUND]])


class PriorityLabel(BaseModel):
    """How soon it must be dealt with, P1 first; ``reasons`` raised it above what is usual."""

    name: Priority = Field(examples=["P2"])
    probability: Probability = Field(examples=[0.78])
    probabilities: dict[Priority, Probability] = Field(
        description="Of all four; they add up to 1.",
        examples=[{"P1": 0.03, "P2": 0.78, "P3": 0.17, "P4": 0.02}],
    )
    reasons: list[Label] = Field(examples=[[]])


class Entity(BaseModel):
    """Something that the message names; ``text[start:end]`` of it, in characters (code points)."""

    kind: str = Field(description="Such as `money`, `date`, `order`, `product`.", examples=["money"])
    start: int = Field(ge=0, examples=[52])
    end: int = Field(ge=0, examples=[57])
    text: str = Field(description="Verbatim.", examples=["12.50"])
    value: str = Field(description="In a normal form, such as ISO 8601 or `EUR 12.50`.", examples=["12.50"])

    @classmethod
    def of(cls, entity: FoundEntity) -> Self:
        """``entity`` as it is sent."""
        return cls(kind=entity.kind, start=entity.start, end=entity.end, text=entity.text, value=entity.value)


class TriageLabels(BaseModel):
    """What the models say of a message. Probabilities are calibrated: of a hundred 0.8s, 80 are right."""

    certainty: Certainty = Field(description="Whether to act on intent and queue.", examples=["sure"])
    intent: Label = Field(
        description="The likeliest; a group of the taxonomy where none of its intents is likely enough.",
        examples=[INTENT],
    )
    in_scope: Probability = Field(description="How likely any intent fits.", examples=[0.97])
    intents: list[Label] = Field(description="The likeliest, best first.", examples=[[INTENT]])
    further: list[Label] = Field(description="Intents of other sentences of it.", examples=[[]])
    queue: Label = Field(examples=[{"name": "billing", "probability": 0.95, "evidence": [REFUND]}])
    priority: PriorityLabel
    sentiment: Label = Field(examples=[{"name": "very_negative", "probability": 0.74, "evidence": []}])
    sentiment_score: float = Field(description="From -1, very negative, to 1.", examples=[-0.84])
    origin: Label = Field(
        description="`customer`, or mail of machines that needs no answer.",
        examples=[{"name": "customer", "probability": 0.99, "evidence": []}],
    )
    language: Label = Field(
        description="ISO 639-1; `und` where it cannot be told.",
        examples=[{"name": "en", "probability": 0.99, "evidence": []}],
    )
    signals: list[Label] = Field(
        description="What it means for the customer relationship: every one that is likelier than not.",
        examples=[[CHURN]],
    )
    urgency: list[Label] = Field(description="Why it cannot wait.", examples=[[]])
    model: str = Field(description="Version of all models that had a say.", examples=["b81d0c6e4f2a"])

    @classmethod
    def of_record(cls, record: Mapping[str, Any], *, model: str, text: str) -> TriageLabels:
        """A record that the database has of a message with ``text``."""
        return TriageLabels.model_validate({**quoted(record, text), "model": model})


class RoutingReason(BaseModel):
    """One reason, and the words of the message that speak for it."""

    text: str = Field(examples=["signal churn_risk 0.83 >= 0.7"])
    evidence: list[Evidence] = Field(examples=[[CANCEL]])


class RoutingStep(BaseModel):
    """One step: the rule that took it (null: no rule but the way things are), why, and what it changed."""

    rule: str | None = Field(examples=["customers about to leave"])
    because: list[RoutingReason]
    changed: list[str] = Field(examples=[["queue retention", "tag churn"]])

    @classmethod
    def of(cls, step: plan.Explanation) -> RoutingStep:
        """``step`` as it is sent."""
        return cls(rule=step.rule, because=_reasons(step.because), changed=list(step.changed))


class RoutingHint(BaseModel):
    """A rule that nearly held, and what it lacked."""

    rule: str = Field(examples=["very unhappy customers"])
    lacked: list[RoutingReason]


class Routing(BaseModel):
    """Where it goes, how soon it is due and who takes it, each step explained."""

    queue: str = Field(examples=["retention"])
    priority: Priority = Field(examples=["P2"])
    tags: list[str] = Field(examples=[["churn"]])
    skills: list[str] = Field(description="What the agent must know.", examples=[[]])
    agent: str | None = Field(examples=[None])
    escalate_to: list[str] = Field(examples=[[]])
    auto_reply: str | None = Field(description="Name of a reply to send at once.", examples=[None])
    close: bool = Field(description="Needs no answer at all.", examples=[False])
    first_response_due: datetime | None = Field(examples=["2026-11-23T09:00:00Z"])
    resolution_due: datetime | None = Field(examples=["2026-11-24T08:00:00Z"])
    queue_rule: str | None = Field(
        description="The rule that decided it, if one did.", examples=["customers about to leave"]
    )
    priority_rule: str | None = Field(examples=[None])
    sla_rule: str | None = Field(examples=[None])
    why: list[RoutingStep]
    hints: list[RoutingHint] = Field(examples=[[]])

    @classmethod
    def of(cls, routing: routes.Routing) -> Routing:
        """``routing`` as it is sent."""
        return cls(
            queue=routing.queue,
            priority=routing.priority,
            tags=list(routing.tags),
            skills=list(routing.skills),
            agent=routing.agent,
            escalate_to=list(routing.escalate_to),
            auto_reply=routing.auto_reply,
            close=routing.close,
            first_response_due=routing.first_response_due,
            resolution_due=routing.resolution_due,
            queue_rule=routing.queue_rule,
            priority_rule=routing.priority_rule,
            sla_rule=routing.sla_rule,
            why=[RoutingStep.of(step) for step in routing.why],
            hints=[RoutingHint(rule=hint.rule, lacked=_reasons(hint.lacked)) for hint in routing.hints],
        )


class TriagedMessage(TriageLabels):
    """All that is said of one message. ``routing`` is null where no rules are configured."""

    entities: list[Entity]
    intent_model: str | None = Field(
        description="The version of `GET /v1/triage/models` that told the intent; null: what ships.",
        examples=[MODEL_VERSION],
    )
    routing: Routing | None

    @classmethod
    def of(
        cls, triage: Triage, *, text: str, intent_model: str | None, routing: routes.Routing | None
    ) -> TriagedMessage:
        """``triage`` of a message with ``text`` as it is sent."""
        found: Json = {
            **quoted(label_record(triage), text),
            "model": triage.model,
            "entities": [Entity.of(entity) for entity in triage.entities],
            "intent_model": intent_model,
            "routing": None if routing is None else Routing.of(routing),
        }
        return cls.model_validate(found)


class TriageResults(BaseModel):
    """One result for each message, in their order."""

    results: list[TriagedMessage]


class Queue(BaseModel):
    """A team's inbox."""

    name: str = Field(examples=["billing"])
    title: str = Field(examples=["Billing"])
    description: str = Field(examples=["Bills, payments, refunds and money owed."])


class Intent(BaseModel):
    """What a message can be about; ``name`` is what labels and corrections call it."""

    name: str = Field(examples=["billing.refund_request"])
    title: str = Field(examples=["Refund request"])
    description: str = Field(examples=["The customer wants money back that was taken."])
    queue: str = Field(examples=["billing"])
    priority: Priority = Field(examples=["P3"])


class SignalMeaning(BaseModel):
    """What a signal is at this company, who owns it and what that person should do."""

    name: Signal = Field(examples=["churn_risk"])
    title: str = Field(examples=["May leave"])
    description: str = Field(examples=["Says or hints that they will cancel."])
    owner: str = Field(examples=["retention"])
    next_action: str = Field(examples=["Call within a day."])


class Taxonomy(BaseModel):
    """The intents, queues and signals that messages are sorted by."""

    name: str = Field(examples=["telecom"])
    title: str = Field(examples=["Subscription and telecom"])
    description: str = Field(examples=["Customer messages to a provider of broadband and mobile."])
    languages: list[str] = Field(description="Of its examples, ISO 639-1.", examples=[["en", "de"]])
    queues: list[Queue]
    intents: list[Intent]
    signals: list[SignalMeaning]

    @classmethod
    def of(cls, known: taxonomy.Taxonomy) -> Taxonomy:
        """``known`` as it is sent: without its examples."""
        return cls(
            name=known.name,
            title=known.title,
            description=known.description,
            languages=list(known.languages),
            queues=[Queue.model_validate(queue.model_dump()) for queue in known.queues],
            intents=[Intent.model_validate(intent.model_dump()) for intent in known.leaves.values()],
            signals=[
                SignalMeaning.model_validate(signal.model_dump(include=set(SignalMeaning.model_fields)))
                for signal in known.signals
            ],
        )


def quoted(record: Any, text: str) -> Any:  # noqa: ANN401 (any JSON value)
    """``record`` with the words of ``text`` in all its evidence, which it has as offsets."""
    if isinstance(record, list):
        return [quoted(item, text) for item in record]
    if not isinstance(record, Mapping):
        return record
    found = {name: quoted(value, text) for name, value in record.items()}
    return {**found, "text": text[found["start"] : found["end"]]} if "weight" in found else found


def _reasons(notes: Sequence[Note]) -> list[RoutingReason]:
    return [
        RoutingReason(
            text=note.text,
            evidence=[
                Evidence(start=words.start, end=words.end, text=words.text, weight=words.weight)
                for words in note.evidence
            ],
        )
        for note in notes
    ]
