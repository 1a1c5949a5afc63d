"""Whether a customer may be told of, asked immediately before each attempt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from customers import ConsentChannel, Purpose, may_contact
from signals.connectors.connector import Connector, Contact
from signals.delivery.recipients import Recipient
from signals.signal import Team

# What a team uses a signal for. Whoever keeps customers sells to them too: customer success gets what sales
# may get, and no more.
PURPOSES: Mapping[Team, Purpose] = {
    Team.SALES: Purpose.SALES,
    Team.CUSTOMER_SUCCESS: Purpose.SALES,
    Team.MARKETING: Purpose.MARKETING,
}


def purposes(team: Team, own: Purpose | None) -> list[Purpose]:
    """What has to be consented to: the purpose of the team, and ``own``, that of the tool or file."""
    return list(dict.fromkeys([PURPOSES[team], *([] if own is None else [own])]))


def refusal(
    recipient: Recipient | None, asked: Iterable[Purpose], channel: ConsentChannel, *, at: datetime
) -> str | None:
    """None where a target may be told for all that is ``asked``; otherwise why not, as a code.

    Codes are ``unknown_customer``, ``do_not_sell`` and those of ``ContactDecision``. Do-not-sell stops
    everything, whatever it is for; a customer whom we do not know does not consent.
    """
    if recipient is None:
        return "unknown_customer"
    if recipient.flagged or recipient.consents.do_not_sell(at):
        return "do_not_sell"
    for purpose in asked:
        decision = may_contact(recipient.consents, purpose, channel, at=at)
        if not decision.allowed:
            return decision.reason.value
    return None


@runtime_checkable
class AsksConsent(Protocol):
    """A connector that has to know whether a customer agrees to marketing by e-mail."""

    @property
    def consent_attribute(self) -> str:
        """The attribute of a contact that says so where it is true."""
        ...


def told_of_consent(recipient: Recipient, connector: Connector, *, at: datetime) -> Contact:
    """The contact, with the word of the customer's own consents for a connector that has to know it.

    What an attribute of the profile says does not count: consents have a history and can be withdrawn.
    """
    contact = recipient.contact
    if not isinstance(connector, AsksConsent):
        return contact
    refused = refusal(recipient, [Purpose.MARKETING], ConsentChannel.EMAIL, at=at)
    said = {connector.consent_attribute: refused is None}
    return replace(contact, attributes={**contact.attributes, **said})
