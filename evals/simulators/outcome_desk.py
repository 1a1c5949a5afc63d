"""The product's own intake, outcomes and nightly learning over a simulated world, day by day."""
# ruff: noqa: ARG002 (a port has arguments that need no answer here)

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from evals.simulators.outcome_world import KINDS, OutcomeWorld, Person, Said, Written
from inference.embeddings import Encoder, Vector
from kit.ids import DEFAULT_WORKSPACE, ConversationId, CustomerId, SignalId, WorkspaceId
from signals import routing, scoring
from signals.behaviour import BehaviourRules
from signals.connectors.connector import OutcomeKind
from signals.customer import Contact, KnownCustomer, Moment
from signals.detection import Heard, detect
from signals.intake import SignalIntake
from signals.judgements import Judgements
from signals.outcomes import NewOutcome, OutcomeStore
from signals.policy import POLICIES
from signals.signal import SignalKind, SignalState
from signals.store import SignalStore
from signals.worth.circumstances import CircumstanceStore, circumstances_of, words_of
from signals.worth.outcome_learning import OutcomeLearning
from signals.worth.worth import Case
from signals.worth.worth_filter import WorthFilter
from signals.worth.worth_learning import Aims
from signals.worth.worth_store import WorthStore
from store.encryption import Cipher
from store.engine import Database
from store.tables import customers, tickets
from triage.labels import Triage

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
FACTS = ("plan", "value", "stage")
_DAY = timedelta(days=1)
_BEGINS = {kind: policy.threshold for kind, policy in POLICIES.items()}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that the detector reads as ``kind``, as surely as is asked at first.

    ``detected`` is its probability, ``learnt`` that of the model in force then (the same where there is
    none), ``told`` whether a signal came of it, ``worth`` whether it is one, ``chance`` how probable it was.
    """

    week: int
    kind: str
    detected: float
    learnt: float
    told: bool
    worth: bool
    chance: float


@dataclass(frozen=True, slots=True)
class _Listener:
    """Knows the customers of the world, and remembers nothing of them (``signals.customer.Customers``)."""

    people: Mapping[CustomerId, KnownCustomer]

    async def get(self, _: AsyncConnection, __: WorkspaceId, customer: CustomerId) -> KnownCustomer | None:
        return self.people.get(customer)

    async def of_conversation(
        self, _: AsyncConnection, __: WorkspaceId, ___: ConversationId
    ) -> KnownCustomer | None:
        return None

    async def of_ticket(self, _: AsyncConnection, __: WorkspaceId, ___: str) -> KnownCustomer | None:
        return None

    async def writer(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        conversation: ConversationId | None,
        ticket: str | None,
    ) -> CustomerId | None:
        return None

    async def moments(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        *,
        since: datetime,
    ) -> Sequence[Moment]:
        return ()

    async def wrote(self, _: AsyncConnection, __: WorkspaceId, ___: CustomerId, ____: Contact) -> None:
        return None

    async def ended(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: CustomerId,
        conversation: ConversationId,
        *,
        solved: bool,
        at: datetime,
    ) -> None:
        return None


class OutcomeDesk:
    """Hears a world's messages, gets its answers, and learns every night. ``database`` is empty at first."""

    def __init__(
        self, world: OutcomeWorld, database: Database, encoder: Encoder, *, aims: Aims, learns: bool = True
    ) -> None:
        cipher = Cipher(bytes(32))
        self._world, self._database, self._encoder, self._cipher = world, database, encoder, cipher
        self._aims, self._learns = aims, learns
        self._people = {_id(person): KnownCustomer(_id(person), person.facts()) for person in world.people}
        self._store = SignalStore(cipher)
        self._outcomes = OutcomeStore(cipher, self._store)
        self._judgements = Judgements(cipher, self._store, self._outcomes)
        self._circumstances, self._models = CircumstanceStore(cipher), WorthStore(encoder.identity)
        self._intake = SignalIntake(
            self._store,
            _Listener(self._people),
            rules=routing.read_rules(),
            scoring=scoring.read_scoring(),
            behaviour=BehaviourRules(),
            worth=WorthFilter(self._models, self._circumstances, self._vector, facts=FACTS, aims=aims),
        )
        self._learning = OutcomeLearning(
            database, self._judgements, self._circumstances, self._models, encoder, aims=aims
        )
        self._answers: list[tuple[float, SignalId, Said]] = []
        self._asked: set[SignalId] = set()

    async def open(self) -> None:
        """Write the customers down."""
        row = {"workspace_id": DEFAULT_WORKSPACE, "profile": b"", "do_not_sell": False, "stage": "retention"}
        rows = [{"id": one, **row, "created_at": START, "updated_at": START} for one in self._people]
        async with self._database.write() as connection:
            await connection.execute(insert(customers), rows)

    async def hear(
        self, week: int, messages: Sequence[Written], *, read: Mapping[str, Triage]
    ) -> list[Candidate]:
        """One week: what of its ``messages`` may be told. ``read`` is what triage makes of each text."""
        found: list[Candidate] = []
        for day in range(7 * week, 7 * week + 7):
            for message in messages:
                if day <= message.day < day + 1:
                    found += await self._hear(week, message, read[message.text])
            await self._night(day + 1)
        return found

    async def _hear(self, week: int, message: Written, said: Triage) -> list[Candidate]:
        at = START + message.day * _DAY
        origin = f"tkt_{message.number}"
        heard = Heard(origin, said, message.text, ticket_id=origin)
        person = self._people[_id(message.person)]
        async with self._database.write() as connection:
            await connection.execute(insert(tickets).values(self._ticket(origin, message.text, at)))
            candidates = await self._candidates(connection, message, heard)
            told = await self._intake.take(connection, DEFAULT_WORKSPACE, person, heard, at=at)
        for signal in told:
            if signal.id not in self._asked:
                self._asked.add(signal.id)
                answer = self._world.answer(message, signal.kind)
                if answer is not None:
                    heapq.heappush(self._answers, (message.day + answer.days, signal.id, answer))
        kinds = {str(signal.kind) for signal in told}
        return [
            Candidate(
                week,
                kind,
                detected,
                learnt,
                told=kind in kinds,
                worth=message.worth[kind],
                chance=message.chances[kind],
            )
            for kind, detected, learnt in candidates
        ]

    async def _candidates(
        self, connection: AsyncConnection, message: Written, heard: Heard
    ) -> list[tuple[str, float, float]]:
        """Kind, detector's probability and that of the model in force, of what may be told."""
        found = [one for one in detect(heard, _BEGINS) if str(one.kind) in KINDS]
        lives = await self._models.live(connection, DEFAULT_WORKSPACE, [one.kind for one in found])
        candidates = []
        for one in found:
            learnt, live = one.probability, lives.get(one.kind)
            if live is not None and live.model is not None:
                seen = circumstances_of(one, message.person.facts(), names=FACTS, heard=heard)
                vector = np.asarray(await self._vector(words_of(one, heard)), dtype=np.float64)
                learnt = live.model.judge(Case(seen, vector)).probability
            candidates.append((str(one.kind), one.probability, learnt))
        return candidates

    async def _night(self, day: int) -> None:
        at = START + day * _DAY
        while self._answers and self._answers[0][0] <= day:
            due, signal, said = heapq.heappop(self._answers)
            async with self._database.write() as connection:
                known = await self._store.get(connection, DEFAULT_WORKSPACE, signal)
                if known.state is not SignalState.CLOSED:
                    outcome = NewOutcome(_outcome(said), "api", START + due * _DAY)
                    await self._outcomes.record(connection, DEFAULT_WORKSPACE, signal, outcome, at=at)
        if not self._learns:
            return
        await self._learning.learn(DEFAULT_WORKSPACE, at=at)
        async with self._database.write() as connection:
            await self._judgements.tune(connection, DEFAULT_WORKSPACE, target=self._aims.precision, at=at)
            await self._store.expire(connection, DEFAULT_WORKSPACE, at=at)

    async def _vector(self, text: str) -> Vector:
        vector: Vector = self._encoder.encode([text])[0]
        return vector

    async def learnt(self) -> list[tuple[datetime, SignalKind, str]]:
        """Every change of what is in force: when, of what, and why."""
        async with self._database.read() as connection:
            changes = await self._models.history(connection, DEFAULT_WORKSPACE)
        return [(one.at, one.kind, str(one.because["why"])) for one in changes]

    def _ticket(self, origin: str, text: str, at: datetime) -> dict[str, object]:
        return {
            "id": origin,
            "workspace_id": DEFAULT_WORKSPACE,
            "source": "simulated",
            "external_id": origin,
            "channel": "email",
            "subject": self._cipher.encrypt(""),
            "text": self._cipher.encrypt(text),
            "text_hash": origin,
            "customer": {},
            "labels": {},
            "final_labels": {},
            "created_at": at,
            "updated_at": at,
        }


def _id(person: Person) -> CustomerId:
    return CustomerId(f"cust_{person.number}")


def _outcome(said: Said) -> OutcomeKind:
    if said.noise:
        return OutcomeKind.NOISE
    if said.late:
        return OutcomeKind.TOO_LATE
    return OutcomeKind.WON if said.won else OutcomeKind.LOST
