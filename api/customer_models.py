"""What customers look like on the wire: identities, profile, merges."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StrictBool

from api import wire
from api.triage_models import FactName, FactNumber, FactValue
from customers import Customer as CustomerValue
from customers import (
    Identity,
    IdentityKind,
    MergeReason,
    Profile,
    Stage,
)
from customers import Merge as MergeValue
from customers import Money as MoneyValue
from customers.identity import StoredIdentity
from customers.registry import Resolution as ResolutionValue
from signals.delivery.farewell import Farewell

CUSTOMER_ID = "cus_06dbn3v0m5s1t7w9yb2d4f6h8k"
EVENT_ID = "evt_06dbn3v0m5s1t7w9yb2d4f6h8k"
MERGE_ID = "mrg_06dbn3v0m5s1t7w9yb2d4f6h8k"
IDENTITY_ID = "idn_06dbn3v0m5s1t7w9yb2d4f6h8k"
EMAIL = {"kind": "email", "value": "ada@example.com"}

Number = Annotated[FactNumber, Field(strict=True)]  # true and false are none
Attributes = Annotated[
    dict[FactName, FactValue],
    Field(max_length=100, examples=[{"plan": "Fibre 500", "tier": "gold", "seats": 3}]),
]


class NewIdentity(wire.Body):
    """By what a customer is known."""

    kind: IdentityKind = Field(examples=["email"])
    value: wire.Name = Field(examples=["ada@example.com"])
    system: str = Field(
        "",
        max_length=40,
        pattern="^([a-z][a-z0-9_-]*)?$",
        description="Whose id it is; of kind `crm` only.",
        examples=[""],
    )

    @property
    def read(self) -> Identity:
        """It as it was sent."""
        return Identity(self.kind, self.value, self.system)


class Money(wire.Body):
    """An amount in the major unit of its currency (ISO 4217)."""

    amount: Number = Field(examples=[480.0])
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["GBP"])


class ProfileChange(wire.Body):
    """What is to be known from now on.

    What is left out or null stays as it is; an attribute that is null goes.
    """

    first_name: wire.Name | None = Field(None, examples=["Ada"])
    last_name: wire.Name | None = Field(None, examples=["Lovelace"])
    company: wire.Name | None = Field(None, examples=["Analytical Engines Ltd"])
    attributes: Attributes = Field(default_factory=dict)
    value: Money | None = Field(None, description="What the customer is worth, as you count it.")

    @property
    def profile(self) -> Profile:
        """It as the change of a profile."""
        value = None if self.value is None else MoneyValue(self.value.amount, self.value.currency)
        return Profile(self.first_name, self.last_name, self.company, self.attributes, value)


class NewCustomer(ProfileChange):
    """Who it is, and what is known about them."""

    identities: list[NewIdentity] = Field(min_length=1, max_length=20, examples=[[EMAIL]])
    create: StrictBool = Field(True, description="Off: who is not known is not made, but answered with 404.")
    imported: StrictBool = Field(
        False,
        description="It is a system that says so, not the customer: who was erased is not brought back.",
        examples=[False],
    )


class HeldIdentity(BaseModel):
    """An identity of a customer, as it is compared."""

    id: str = Field(examples=[IDENTITY_ID])
    kind: IdentityKind = Field(examples=["email"])
    system: str = Field(examples=[""])
    value: str = Field(examples=["ada@example.com"])
    origin: str = Field(description="Who had it before a merge; else the customer.", examples=[CUSTOMER_ID])
    added_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])

    @classmethod
    def of(cls, stored: StoredIdentity) -> HeldIdentity:
        """``stored`` as it is sent."""
        found = stored.identity
        return cls(
            id=stored.id,
            kind=found.kind,
            system=found.system,
            value=found.value,
            origin=stored.origin,
            added_at=stored.added_at,
        )


class Customer(BaseModel):
    """One person or company across channels, with all that was merged into it."""

    id: str = Field(examples=[CUSTOMER_ID])
    first_name: str | None = Field(examples=["Ada"])
    last_name: str | None = Field(examples=["Lovelace"])
    company: str | None = Field(examples=[None])
    attributes: Attributes
    value: Money | None
    identities: list[HeldIdentity]
    absorbed: list[str] = Field(description="Ids of customers that were merged into it.", examples=[[]])
    do_not_sell: bool = Field(examples=[False])
    stage: Stage = Field(examples=["retention"])
    stage_since: datetime | None = Field(examples=["2026-11-21T10:00:00Z"])
    stage_event: str | None = Field(description="The event that moved it there.", examples=[EVENT_ID])
    created_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-21T10:02:00Z"])

    @classmethod
    def of(cls, customer: CustomerValue) -> Customer:
        """``customer`` as it is sent."""
        profile = customer.profile
        value = profile.value
        return cls(
            id=customer.id,
            first_name=profile.first_name,
            last_name=profile.last_name,
            company=profile.company,
            attributes=dict(profile.attributes),
            value=None if value is None else Money(amount=value.amount, currency=value.currency),
            identities=[HeldIdentity.of(stored) for stored in customer.identities],
            absorbed=list(customer.absorbed),
            do_not_sell=customer.do_not_sell,
            stage=customer.stage,
            stage_since=customer.stage_since,
            stage_event=customer.stage_event,
            created_at=customer.created_at,
            updated_at=customer.updated_at,
        )


class CustomerPage(BaseModel):
    """Customers, youngest first; pass ``next`` as ``before`` for the ones made earlier."""

    items: list[Customer]
    next: str | None = Field(examples=[None])


class Merge(BaseModel):
    """``absorbed`` went into ``survivor``, the elder."""

    id: str = Field(examples=[MERGE_ID])
    survivor: str = Field(examples=[CUSTOMER_ID])
    absorbed: str = Field(examples=["cus_06dbn40000000000000000000k"])
    reason: MergeReason = Field(examples=["identity"])
    at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    undone_at: datetime | None = Field(examples=[None])

    @classmethod
    def of(cls, merge: MergeValue) -> Merge:
        """``merge`` as it is sent."""
        return cls(
            id=merge.id,
            survivor=merge.survivor,
            absorbed=merge.absorbed,
            reason=merge.reason,
            at=merge.at,
            undone_at=merge.undone_at,
        )


class MergeList(BaseModel):
    """Merges of a customer and of those in it, oldest first, the undone among them."""

    items: list[Merge]


class Resolution(BaseModel):
    """Who it is, whether made just now, and which merges that took."""

    created: bool = Field(examples=[True])
    customer: Customer
    merges: list[Merge] = Field(examples=[[]])

    @classmethod
    def of(cls, found: ResolutionValue) -> Resolution:
        """``found`` as it is sent."""
        return cls(
            created=found.created,
            customer=Customer.of(found.customer),
            merges=[Merge.of(merge) for merge in found.merges],
        )


class OtherCustomer(wire.Body):
    """Whom a customer is one with."""

    customer_id: str = Field(pattern="^[A-Za-z0-9_-]{1,40}$", examples=[CUSTOMER_ID])


class Unmerged(BaseModel):
    """The merge that was undone, and the two as they are now."""

    merge: Merge
    survivor: Customer
    absorbed: Customer


class LeftSequence(BaseModel):
    """A sequence of a marketing tool that an erased customer was in."""

    connector: str = Field(examples=["mailchimp"])
    journey: str = Field(examples=["Which speed"])
    error: str | None = Field(
        description="Why the tool did not take them out: do it there by hand; null where it did.",
        examples=[None],
    )

    @classmethod
    def of(cls, one: Farewell) -> LeftSequence:
        """``one`` as it is sent."""
        return cls(connector=one.connector, journey=one.journey, error=one.error)


class ErasedCustomer(BaseModel):
    """Who is gone: the customer and all that were merged into it."""

    erased: list[str] = Field(examples=[[CUSTOMER_ID]])
    sequences: list[LeftSequence] = Field(
        description="Sequences that they were in at a tool of marketing.", examples=[[]]
    )
