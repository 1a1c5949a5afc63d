from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot import handoff
from bot.conversation import Conversation, Owner, Status
from bot.errors import AlreadyClaimed, WrongOwner
from kit.ids import ConversationId, WorkspaceId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEW = Conversation(
    id=ConversationId("conv_1"),
    workspace_id=WorkspaceId("default"),
    channel="api",
    owner=Owner.BOT,
    status=Status.OPEN,
    created_at=NOW,
    updated_at=NOW,
)
AGENTS = st.sampled_from(["Ann", "Bob"])


class Ownership(RuleBasedStateMachine):
    """Any sequence of steps, by anybody: refused or not, the conversation stays sound."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = NEW

    def _try(self, step: object) -> None:
        before = self.conversation
        try:
            self.conversation = step(before)  # type: ignore[operator]  # a lambda
        except (AlreadyClaimed, WrongOwner):
            assert self.conversation is before

    @rule()
    def hand_over(self) -> None:
        self._try(lambda state: handoff.hand_over(state, queue="support"))

    @rule(agent=AGENTS)
    def claim(self, agent: str) -> None:
        held_by = self.conversation.agent
        self._try(lambda state: handoff.claim(state, agent=agent))
        if held_by is not None and self.conversation.status is Status.OPEN:
            assert self.conversation.agent == held_by

    @rule(agent=AGENTS, to=st.sampled_from(Owner))
    def release(self, agent: str, to: Owner) -> None:
        self._try(lambda state: handoff.release(state, agent=agent, to=to, queue="support"))

    @rule()
    def resolve(self) -> None:
        self._try(handoff.resolve)

    @rule()
    def customer_writes(self) -> None:
        self._try(handoff.customer_wrote)

    @invariant()
    def one_owner(self) -> None:
        assert (self.conversation.owner is Owner.HUMAN) == (self.conversation.agent is not None)
        assert (self.conversation.owner is Owner.QUEUE) == (self.conversation.queue is not None)

    @invariant()
    def nobody_owns_what_is_resolved(self) -> None:
        if self.conversation.status is Status.RESOLVED:
            assert self.conversation.owner is Owner.BOT


TestOwnership = Ownership.TestCase
TestOwnership.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def test_waiting_already_is_no_error() -> None:
    waiting = handoff.hand_over(NEW, queue="support")
    assert handoff.hand_over(waiting, queue="billing") == waiting


def test_a_person_s_conversation_is_not_taken_to_the_queue_by_others() -> None:
    held = handoff.claim(NEW, agent="Ann")
    with pytest.raises(WrongOwner, match="Ann"):
        handoff.hand_over(held, queue="support")


def test_nobody_can_be_pushed_a_conversation() -> None:
    held = handoff.claim(NEW, agent="Ann")
    with pytest.raises(WrongOwner, match="another person claims it"):
        handoff.release(held, agent="Ann", to=Owner.HUMAN, queue="support")


def test_a_resolved_conversation_cannot_be_claimed() -> None:
    with pytest.raises(WrongOwner, match="resolved"):
        handoff.claim(replace(NEW, status=Status.RESOLVED), agent="Ann")
