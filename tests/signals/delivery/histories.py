"""Random lives of a few customers: what they say of consent, signals of them, and deliveries in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from customers import ConsentChannel, ConsentState, Purpose
from signals.signal import Team

GRANTED, WITHDRAWN = ConsentState.GRANTED, ConsentState.WITHDRAWN
PEOPLE = 3
USED_FOR = {Team.SALES: "sales", Team.CUSTOMER_SUCCESS: "sales", Team.MARKETING: "marketing"}


@dataclass(frozen=True)
class Word:
    """A customer says something."""

    customer: int
    purpose: Purpose
    channel: ConsentChannel
    state: ConsentState


@dataclass(frozen=True)
class Heard:
    """A signal of a customer is queued."""

    customer: int
    team: Team


@dataclass(frozen=True)
class Drained:
    """Everything that is due is delivered."""


Event = Word | Heard | Drained
_people = st.integers(0, PEOPLE - 1)
events: st.SearchStrategy[list[Event]] = st.lists(
    st.one_of(
        st.builds(
            Word,
            _people,
            st.sampled_from([Purpose.SALES, Purpose.MARKETING, Purpose.DATA_SALE]),
            st.sampled_from([ConsentChannel.ANY, ConsentChannel.EMAIL, ConsentChannel.PHONE]),
            st.sampled_from([GRANTED, GRANTED, WITHDRAWN]),
        ),
        st.builds(Heard, _people, st.sampled_from(Team)),
        st.just(Drained()),
    ),
    min_size=3,
    max_size=16,
)


def permitted(said: Sequence[Word], customer: int, purpose: str, channel: ConsentChannel) -> bool:
    """The rules of consent, written down a second time: what the newest words allow."""
    mine = [word for word in said if word.customer == customer]
    # Who refuses the sale of data on one channel refuses it.
    sale = [
        w
        for w in mine
        if w.purpose is Purpose.DATA_SALE and (w.channel is ConsentChannel.ANY or w.state is WITHDRAWN)
    ]
    if sale and sale[-1].state is WITHDRAWN:
        return False
    heard = [w for w in mine if w.purpose.value == purpose and w.channel in {channel, ConsentChannel.ANY}]
    general = [index for index, word in enumerate(heard) if word.channel is ConsentChannel.ANY]
    own = [index for index, word in enumerate(heard) if word.channel is channel]
    if own and heard[own[-1]].state is GRANTED:
        refused = any(heard[index].state is WITHDRAWN and index > own[-1] for index in general)
        return heard[general[-1]].state is GRANTED if refused else True
    return not own and bool(general) and heard[general[-1]].state is GRANTED


def all_permitted(
    said: Sequence[Word], customer: int, team: Team, own: Purpose | None, channel: ConsentChannel
) -> bool:
    """Whether a signal for ``team`` may be told to a tool that is there for ``own``."""
    asked = {USED_FOR[team]} | ({own.value} if own else set())
    return all(permitted(said, customer, purpose, channel) for purpose in asked)
