"""What became of signals: recorded once, disputed, reviewed, reported, learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from kit.errors import InvalidInput
from kit.ids import CustomerId, MessageId, SignalId, WorkspaceId
from signals.connectors.connector import InboundOutcome, OutcomeKind
from signals.errors import NothingToDispute, OutcomeInvalid, UnknownSignal
from signals.judgements import Judgements
from signals.outcomes import REVIEW, NewOutcome, Outcome, OutcomeStore, settled
from signals.precision import report
from signals.signal import Quote, Signal, SignalKind, SignalState
from signals.store import SignalStore
from store.encryption import Cipher
from store.engine import Database
from store.tables import conversations, messages, signal_outcomes
from tests.signals.conftest import add_customers
from tests.signals.making import NOW, signal

pytestmark = pytest.mark.anyio
CIPHER = Cipher(bytes(32))
STORE = SignalStore(CIPHER)
OUTCOMES = OutcomeStore(CIPHER, STORE)
JUDGEMENTS = Judgements(CIPHER, STORE, OUTCOMES)
LATER = NOW + timedelta(days=4)


async def raised(database: Database, *signals: Signal) -> Sequence[Signal]:
    async with database.write() as connection:
        for number, one in enumerate(signals):
            await STORE.put(connection, one, origin=f"msg_{number}")
    return signals


async def became(
    database: Database, one: Signal, outcome: OutcomeKind, *, source: str = "api", **more: Any
) -> tuple[Signal, Outcome]:
    said = NewOutcome(outcome, source, more.pop("at", LATER), **more)
    async with database.write() as connection:
        return await OUTCOMES.record(connection, one.workspace_id, one.id, said, at=LATER)


async def all_of(database: Database, one: Signal) -> list[Outcome]:
    async with database.read() as connection:
        return await OUTCOMES.of_signal(connection, one.workspace_id, one.id)


async def test_an_outcome_closes_a_signal_and_is_encrypted(each_database: Database) -> None:
    (one,) = await raised(each_database, signal())
    working, _ = await became(each_database, one, OutcomeKind.IN_PROGRESS)
    assert working.state is SignalState.OPEN
    closed, won = await became(
        each_database, one, OutcomeKind.WON, amount=480.0, currency="GBP", reason="took the offer", who="joe"
    )
    assert (closed.state, closed.revision) == (SignalState.CLOSED, 2)
    found = await all_of(each_database, one)
    assert found[1] == won
    assert (won.said.amount, won.said.reason) == (480.0, "took the offer")
    assert settled(found) == won
    async with each_database.read() as connection:
        stored = (await connection.execute(select(signal_outcomes.c.reason))).scalars().all()
    assert stored[0] is None
    assert b"offer" not in stored[1]


async def test_the_same_news_twice_is_once(each_database: Database) -> None:
    one, other = await raised(each_database, signal(), signal(SignalKind.UPSELL))
    inbound = InboundOutcome(one.id, OutcomeKind.LOST, "opp_1:3", LATER)
    said = NewOutcome.of(inbound, source="salesforce")
    async with each_database.write() as connection:
        _, first = await OUTCOMES.record(connection, one.workspace_id, one.id, said, at=LATER)
        _, again = await OUTCOMES.record(connection, one.workspace_id, one.id, said, at=LATER)
        assert again == first
        with pytest.raises(OutcomeInvalid, match="opp_1:3"):
            await OUTCOMES.record(connection, one.workspace_id, other.id, said, at=LATER)
    assert len(await all_of(each_database, one)) == 1


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"amount": 5.0}, "needs a currency"),
        ({"currency": "GBP"}, "needs a currency"),
        ({"amount": -5.0, "currency": "GBP"}, "less than nothing"),
        ({"at": LATER + timedelta(seconds=1)}, "later than now"),
        ({"outcome": OutcomeKind.NOISE, "amount": 5.0, "currency": "GBP"}, "Noise has no amount"),
    ],
)
async def test_what_cannot_be_is_refused(database: Database, said: dict[str, Any], problem: str) -> None:
    (one,) = await raised(database, signal())
    with pytest.raises(OutcomeInvalid, match=problem):
        await became(database, one, said.pop("outcome", OutcomeKind.WON), **said)
    assert await all_of(database, one) == []


async def test_of_another_workspace_s_signal_nothing_can_be_said(
    database: Database, other_workspace: WorkspaceId
) -> None:
    (one,) = await raised(database, signal())
    said = NewOutcome(OutcomeKind.WON, "api", LATER)
    async with database.write() as connection:
        with pytest.raises(UnknownSignal):
            await OUTCOMES.record(connection, other_workspace, one.id, said, at=LATER)
        with pytest.raises(UnknownSignal):
            await OUTCOMES.dispute(connection, other_workspace, one.id, who="a", reason="b", at=LATER)
        assert await OUTCOMES.of_signal(connection, other_workspace, one.id) == []
        assert await JUDGEMENTS.judged(connection, other_workspace) == []


async def test_a_disputed_outcome_counts_nowhere_until_it_is_upheld(
    each_database: Database, workspace: WorkspaceId
) -> None:
    (one,) = await raised(each_database, signal())
    async with each_database.write() as connection:
        with pytest.raises(NothingToDispute):
            await OUTCOMES.dispute(connection, workspace, one.id, who="maya", reason="no", at=LATER)
    await became(each_database, one, OutcomeKind.NOISE)
    async with each_database.write() as connection:
        disputed = await OUTCOMES.dispute(
            connection, workspace, one.id, who="maya", reason="they did call", at=LATER
        )
        assert not disputed.counts
        assert await OUTCOMES.disputed(connection, workspace) == [disputed]
        (judged,) = await JUDGEMENTS.judged(connection, workspace)
        assert (judged.outcome, judged.disputed) == (None, True)
        upheld = await OUTCOMES.review(connection, workspace, one.id, who="lee", became=None, at=LATER)
        assert upheld.counts
        assert await OUTCOMES.disputed(connection, workspace) == []
        (judged,) = await JUDGEMENTS.judged(connection, workspace)
        assert (judged.outcome, judged.disputed) == (OutcomeKind.NOISE, False)
        with pytest.raises(NothingToDispute):
            await OUTCOMES.review(connection, workspace, one.id, who="lee", became=None, at=LATER)


async def test_a_review_may_put_another_outcome_in_its_place(
    each_database: Database, workspace: WorkspaceId
) -> None:
    (one,) = await raised(each_database, signal())
    await became(each_database, one, OutcomeKind.NOISE, reason="wrong number", external_id="x")
    async with each_database.write() as connection:
        await OUTCOMES.dispute(connection, workspace, one.id, who="maya", reason="no", at=LATER)
        late = await OUTCOMES.review(
            connection, workspace, one.id, who="lee", became=OutcomeKind.TOO_LATE, at=LATER
        )
        assert (late.said.source, late.said.who, late.said.reason) == (REVIEW, "lee", None)
        await OUTCOMES.dispute(connection, workspace, one.id, who="maya", reason="no", at=LATER)
        await OUTCOMES.review(
            connection, workspace, one.id, who="lee", became=OutcomeKind.IN_PROGRESS, at=LATER
        )
        assert (await STORE.get(connection, workspace, one.id)).state is SignalState.OPEN
    noise, late, working = await all_of(each_database, one)
    assert [found.counts for found in (noise, late, working)] == [False, False, True]


async def test_the_report_has_kinds_sources_revenue_and_lead_time(
    database: Database, workspace: WorkspaceId
) -> None:
    kinds = (SignalKind.UPSELL, SignalKind.RENEWAL, SignalKind.CHURN_RISK, SignalKind.COMPETITOR)
    upsell, renewal, churn, _ = await raised(database, *(signal(kind) for kind in kinds))
    await became(database, upsell, OutcomeKind.WON, amount=100.0, currency="GBP")
    await became(database, renewal, OutcomeKind.LOST, at=NOW + timedelta(days=2))
    await became(database, churn, OutcomeKind.NOISE)
    async with database.read() as connection:
        judged = await JUDGEMENTS.judged(connection, workspace)
        assert await JUDGEMENTS.judged(connection, workspace, since=LATER) == []
        assert len(await JUDGEMENTS.judged(connection, workspace, kind=SignalKind.UPSELL)) == 1
    found = report(judged)
    assert (found.total.told, found.total.counts[OutcomeKind.WON]) == (4, 1)
    assert found.total.precision is not None
    assert found.total.precision.share == pytest.approx(2 / 3)
    assert found.total.win_rate is not None
    assert found.total.win_rate.share == 0.5
    assert found.total.lead_days == 4.0
    assert found.total.revenue == {"GBP": 100.0}
    assert [one.group for one in found.by_kind] == ["churn_risk", "competitor", "renewal", "upsell"]
    assert found.by_kind[1].precision is None
    assert found.by_source[0].group == "churn_risk by triage"


async def test_settled_signals_are_rows_to_learn_from(
    each_database: Database, workspace: WorkspaceId
) -> None:
    async with each_database.write() as connection:
        await connection.execute(
            insert(conversations).values(
                id="conv_1", workspace_id=workspace, channel="api", owner="bot", status="open",
                next_sequence=2, answered_sequence=0, created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
        await connection.execute(
            insert(messages).values(
                id="msg_a", workspace_id=workspace, conversation_id="conv_1", sequence=1, author="customer",
                text=CIPHER.encrypt("Please cancel my line now"), kind="message", created_at=NOW,
            )
        )  # fmt: skip
    quote = Quote("cancel my line", 7, 21, 1.0, MessageId("msg_a"))
    read, seen, waiting = await raised(
        each_database,
        signal(evidence=(quote,), conversation_id="conv_1"),
        signal(SignalKind.REPEATED_CONTACT, evidence=(), source="a rule"),
        signal(SignalKind.COMPETITOR, evidence=(quote,), conversation_id="conv_1"),
    )
    await became(each_database, read, OutcomeKind.NOISE)
    await became(each_database, seen, OutcomeKind.WON)
    await became(each_database, waiting, OutcomeKind.IN_PROGRESS)
    async with each_database.read() as connection:
        (row,) = await JUDGEMENTS.training_rows(connection, workspace)
    assert (row.text, row.kind, row.right) == ("Please cancel my line now", SignalKind.CHURN_RISK, False)
    assert (row.signal_id, row.outcome, row.model) == (read.id, "noise", "m1")


async def _many(
    database: Database, outcomes: Sequence[OutcomeKind], *, probability: float, at: datetime
) -> None:
    people = [CustomerId(f"cust_{probability}_{number}") for number in range(len(outcomes))]
    await add_customers(database, people)
    async with database.write() as connection:
        for person, outcome in zip(people, outcomes, strict=True):
            one = signal(probability=probability, customer_id=person, created_at=at)
            await STORE.put(connection, one, origin=f"{one.id}")
            said = NewOutcome(outcome, "api", at)
            await OUTCOMES.record(connection, one.workspace_id, SignalId(one.id), said, at=at)


async def test_thresholds_follow_outcomes_and_keep_their_history(
    each_database: Database, workspace: WorkspaceId
) -> None:
    await _many(each_database, [OutcomeKind.NOISE] * 16, probability=0.61, at=LATER)
    await _many(each_database, [OutcomeKind.WON] * 14, probability=0.63, at=LATER)

    async def tuned(at: datetime) -> float:
        async with each_database.write() as connection:
            await JUDGEMENTS.tune(connection, workspace, target=0.8, at=at)
            return (await JUDGEMENTS.thresholds.current(connection, workspace))[SignalKind.CHURN_RISK]

    assert await tuned(LATER) == 0.62
    assert await tuned(LATER + timedelta(days=1)) == 0.62
    async with each_database.write() as connection:
        (change,) = await JUDGEMENTS.thresholds.history(connection, workspace, SignalKind.CHURN_RISK)
        assert (change.previous, change.threshold, change.who) == (0.6, 0.62, "outcomes")
        assert (change.because["settled"], change.because["target"]) == (30, 0.8)
        with pytest.raises(InvalidInput, match="between 0 and 1"):
            await JUDGEMENTS.tune(connection, workspace, target=1.0, at=LATER)
        with pytest.raises(InvalidInput, match=r"between 0\.5 and 0\.95"):
            await JUDGEMENTS.thresholds.change(
                connection, workspace, SignalKind.UPSELL, 0.4, who="maya", because={}, at=LATER
            )


async def test_thresholds_of_another_workspace_are_its_own(
    database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    async with database.write() as connection:
        store = JUDGEMENTS.thresholds
        await store.change(connection, workspace, SignalKind.UPSELL, 0.8, who="maya", because={}, at=NOW)
        assert (await store.current(connection, workspace))[SignalKind.UPSELL] == 0.8
        assert (await store.current(connection, other_workspace))[SignalKind.UPSELL] == 0.65
        assert await store.history(connection, other_workspace) == []
