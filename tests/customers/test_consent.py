"""Consent against an oracle that plays a history forward instead of searching it backwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers import ConsentChannel, ConsentHistory, ConsentState, Purpose, may_contact
from customers.consent import ConsentRecord, ContactReason, Join
from kit.ids import CustomerId

START = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = CustomerId("cus_a"), CustomerId("cus_b"), CustomerId("cus_c")
GRANTED, WITHDRAWN, UNKNOWN = ConsentState.GRANTED, ConsentState.WITHDRAWN, ConsentState.UNKNOWN
EMAIL, PHONE, ANY = ConsentChannel.EMAIL, ConsentChannel.PHONE, ConsentChannel.ANY
MARKETING = Purpose.MARKETING
RANK = [GRANTED, UNKNOWN, WITHDRAWN]


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def said(
    number: int,
    state: ConsentState,
    channel: ConsentChannel = EMAIL,
    *,
    purpose: Purpose = MARKETING,
    at: int | None = None,
    origin: CustomerId = A,
) -> ConsentRecord:
    moment = day(number if at is None else at)
    return ConsentRecord(number, purpose, channel, state, "form", moment, day(number), origin)


def allowed(
    *records: ConsentRecord,
    purpose: Purpose = MARKETING,
    channel: ConsentChannel = EMAIL,
    joins: Sequence[Join] = (),
    at: int = 99,
) -> bool:
    return may_contact(ConsentHistory(records, tuple(joins)), purpose, channel, at=day(at)).allowed


@pytest.mark.parametrize("channel", list(ConsentChannel))
def test_silence_permits_service_and_forbids_sales_and_marketing(channel: ConsentChannel) -> None:
    found = {purpose: allowed(purpose=purpose, channel=channel) for purpose in Purpose}
    assert found == {
        Purpose.SERVICE: True,
        Purpose.ANALYTICS: True,
        Purpose.DATA_SALE: True,
        Purpose.SALES: False,
        Purpose.MARKETING: False,
    }


def test_the_newest_word_wins_whenever_it_was_recorded() -> None:
    assert not allowed(said(1, GRANTED), said(2, WITHDRAWN))
    assert allowed(said(1, WITHDRAWN), said(2, GRANTED))
    assert allowed(said(1, GRANTED, at=5), said(2, WITHDRAWN, at=4))


def test_of_two_words_of_one_moment_the_more_restrictive_wins() -> None:
    assert not allowed(said(1, WITHDRAWN, at=3), said(2, GRANTED, at=3))
    assert not allowed(said(1, GRANTED, at=3), said(2, WITHDRAWN, ANY, at=3))


def test_a_channel_beats_any_but_for_a_withdrawal_of_all_that_came_afterwards() -> None:
    assert allowed(said(1, WITHDRAWN, ANY), said(2, GRANTED))
    assert not allowed(said(1, WITHDRAWN), said(2, GRANTED, ANY))
    assert not allowed(said(1, GRANTED), said(2, WITHDRAWN, ANY))
    assert allowed(said(1, GRANTED), said(2, UNKNOWN, ANY))
    assert allowed(said(1, GRANTED, ANY), channel=PHONE)


def test_a_withdrawal_of_all_ends_old_grants_for_good_and_old_refusals_never() -> None:
    assert not allowed(said(1, GRANTED), said(2, WITHDRAWN, ANY), said(3, UNKNOWN, ANY))
    assert allowed(said(1, GRANTED), said(2, WITHDRAWN, ANY), said(3, GRANTED, ANY))
    assert not allowed(said(1, WITHDRAWN), said(2, WITHDRAWN, ANY), said(3, GRANTED, ANY))


@pytest.mark.parametrize("purpose", [Purpose.SERVICE, Purpose.ANALYTICS, Purpose.MARKETING])
@pytest.mark.parametrize(("refused", "asked"), [(EMAIL, EMAIL), (ANY, EMAIL), (ANY, ANY)])
def test_that_nothing_is_known_lifts_no_refusal(
    purpose: Purpose, refused: ConsentChannel, asked: ConsentChannel
) -> None:
    refusal = said(1, WITHDRAWN, refused, purpose=purpose)
    for channel in {asked, refused}:
        assert not allowed(refusal, said(2, UNKNOWN, channel, purpose=purpose), purpose=purpose)


def test_an_import_that_knows_nothing_does_not_lift_do_not_sell() -> None:
    refusal = said(1, WITHDRAWN, ANY, purpose=Purpose.DATA_SALE)
    imported = said(2, UNKNOWN, ANY, purpose=Purpose.DATA_SALE)
    assert ConsentHistory((refusal, imported)).do_not_sell(day(3))


def test_purposes_are_apart() -> None:
    assert not allowed(said(1, GRANTED), purpose=Purpose.SALES)
    assert not allowed(said(1, WITHDRAWN, purpose=Purpose.SERVICE), purpose=Purpose.SERVICE)


def test_what_comes_later_has_no_say_before() -> None:
    history = (said(1, GRANTED), said(5, WITHDRAWN))
    assert [allowed(*history, at=number) for number in (0, 1, 4, 5)] == [False, True, True, False]


def test_do_not_sell_forbids_everything_but_service() -> None:
    grants = [said(number, GRANTED, ANY, purpose=purpose) for number, purpose in enumerate(Purpose)]
    refusal = said(9, WITHDRAWN, ANY, purpose=Purpose.DATA_SALE)
    assert [purpose for purpose in Purpose if allowed(*grants, refusal, purpose=purpose)] == [Purpose.SERVICE]
    again = said(10, GRANTED, ANY, purpose=Purpose.DATA_SALE)
    assert all(allowed(*grants, refusal, again, purpose=purpose) for purpose in Purpose)


def test_a_decision_names_its_reason_and_the_record() -> None:
    refusal = said(1, WITHDRAWN, ANY)
    found = may_contact(ConsentHistory((refusal,)), MARKETING, EMAIL, at=day(2))
    assert (found.reason, found.record) == (ContactReason.WITHDRAWN, refusal)
    silent = may_contact(ConsentHistory(), MARKETING, EMAIL, at=day(2))
    assert (silent.reason, silent.record) == (ContactReason.NO_CONSENT, None)
    sale = said(3, WITHDRAWN, ANY, purpose=Purpose.DATA_SALE)
    sold = may_contact(ConsentHistory((sale,)), Purpose.ANALYTICS, EMAIL, at=day(4))
    assert (sold.reason, sold.record) == (ContactReason.DO_NOT_SELL, sale)


def test_a_merge_keeps_the_more_restrictive_until_something_new_is_said() -> None:
    refused = said(1, WITHDRAWN, origin=B)
    granted = said(2, GRANTED)  # newer, but another's word
    join = Join(B, A, after=2)
    assert not allowed(refused, granted, joins=[join])
    assert allowed(refused, granted, said(3, GRANTED), joins=[join])
    assert allowed(granted, joins=[join])  # of B nothing was ever heard
    assert not allowed(said(1, UNKNOWN, origin=B), granted, joins=[join])


def test_a_word_after_the_first_of_two_merges_counts_for_both_who_were_one_then() -> None:
    records = [said(1, WITHDRAWN, origin=C), said(2, GRANTED, origin=B), said(3, WITHDRAWN, origin=A)]
    joins = [Join(C, B, after=1), Join(B, A, after=3)]
    assert not allowed(*records, joins=joins)  # A's own refusal
    assert allowed(*records, said(4, GRANTED), joins=joins)
    assert not allowed(records[0], records[1], joins=[Join(C, B, after=2)])


class Oracle:
    """What one person said, played forward: a table of channels and what holds on each."""

    def __init__(self, records: Sequence[ConsentRecord], purpose: Purpose, at: datetime) -> None:
        self.general: ConsentState | None = None
        self.special: dict[ConsentChannel, ConsentState] = {}
        told = [record for record in records if record.purpose is purpose and record.at <= at]
        for moment in sorted({record.at for record in told}):
            self.hear([record for record in told if record.at == moment])

    def hear(self, at_once: Sequence[ConsentRecord]) -> None:
        for channel in {record.channel for record in at_once} - {ANY}:
            heard = worst(r.state for r in at_once if r.channel is channel)
            self.special[channel] = after(self.special.get(channel), heard)
        general = [record.state for record in at_once if record.channel is ANY]
        if general:
            self.general = after(self.general, worst(general))
            if self.general is WITHDRAWN:  # whatever was granted on a channel is off the table
                self.special = {c: s for c, s in self.special.items() if s is WITHDRAWN}

    def on(self, channel: ConsentChannel) -> ConsentState | None:
        own = self.special.get(channel, self.general)
        return WITHDRAWN if own is UNKNOWN and self.general is WITHDRAWN else own


def after(held: ConsentState | None, heard: ConsentState) -> ConsentState:
    return WITHDRAWN if held is WITHDRAWN and heard is UNKNOWN else heard


def worst(states: object) -> ConsentState:
    return max(states, key=RANK.index)  # type: ignore[call-overload, no-any-return]  # any iterable of states


def oracle_says(persons: Sequence[Sequence[ConsentRecord]], purpose: Purpose, channel: ConsentChannel,
                at: datetime) -> bool:  # fmt: skip
    def state(of: Purpose, on: ConsentChannel) -> ConsentState:
        heard = [Oracle(records, of, at).on(on) for records in persons]
        return worst([found for found in heard if found is not None] or [UNKNOWN])

    if purpose is not Purpose.SERVICE and state(Purpose.DATA_SALE, ANY) is WITHDRAWN:
        return False
    found = state(purpose, channel)
    return found is GRANTED or (
        found is UNKNOWN and purpose in {Purpose.SERVICE, Purpose.ANALYTICS, Purpose.DATA_SALE}
    )


words = st.tuples(
    st.sampled_from([Purpose.MARKETING, Purpose.SERVICE, Purpose.DATA_SALE]),
    st.sampled_from([EMAIL, PHONE, ANY]),
    st.sampled_from(list(ConsentState)),
    st.integers(0, 6),  # days, so that many words are of one moment or out of order
)
questions = st.tuples(
    st.sampled_from([Purpose.MARKETING, Purpose.SERVICE, Purpose.DATA_SALE, Purpose.SALES]),
    st.sampled_from([EMAIL, PHONE, ANY, ConsentChannel.SMS]),
    st.integers(0, 7),
)


def records_of(spoken: Sequence[tuple[Purpose, ConsentChannel, ConsentState, int]], origin: CustomerId,
               first: int) -> list[ConsentRecord]:  # fmt: skip
    return [
        said(first + number, state, channel, purpose=purpose, at=at, origin=origin)
        for number, (purpose, channel, state, at) in enumerate(spoken)
    ]


@given(st.lists(words, max_size=12), questions)
def test_the_answer_is_the_oracle_s(
    spoken: list[tuple[Purpose, ConsentChannel, ConsentState, int]],
    question: tuple[Purpose, ConsentChannel, int],
) -> None:
    records, (purpose, channel, at) = records_of(spoken, A, 1), question
    expected = oracle_says([records], purpose, channel, day(at))
    assert allowed(*records, purpose=purpose, channel=channel, at=at) is expected


@given(st.lists(words, max_size=6), st.lists(words, max_size=6), st.lists(words, max_size=4), questions)
def test_a_merged_customer_is_as_restricted_as_the_oracle_of_both_says(
    of_a: list[tuple[Purpose, ConsentChannel, ConsentState, int]],
    of_b: list[tuple[Purpose, ConsentChannel, ConsentState, int]],
    after: list[tuple[Purpose, ConsentChannel, ConsentState, int]],
    question: tuple[Purpose, ConsentChannel, int],
) -> None:
    first = records_of(of_a, A, 1)
    second = records_of(of_b, B, 101)
    later = records_of(after, A, 201)
    purpose, channel, at = question
    # One of whom nothing was ever heard before the merge is nobody.
    persons = [[*first, *later]] + ([[*second, *later]] if second else [])
    expected = oracle_says(persons, purpose, channel, day(at))
    found = allowed(
        *first, *second, *later, purpose=purpose, channel=channel, joins=[Join(B, A, after=200)], at=at
    )
    assert found is expected
    if not after and found:  # what one of them refused stays refused
        histories = (ConsentHistory(tuple(records)) for records in (first, second))
        alone = {may_contact(history, purpose, channel, at=day(at)).reason for history in histories}
        assert not alone & {ContactReason.WITHDRAWN, ContactReason.DO_NOT_SELL}
