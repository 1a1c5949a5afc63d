"""A customer as the rest of Careloop sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from customers.errors import ProfileInvalid
from customers.identity import IdentityKind, StoredIdentity
from customers.journey import Stage
from kit.ids import CustomerId, WorkspaceId

_MOST_ATTRIBUTES = 200


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the major unit of ``currency`` (ISO 4217)."""

    amount: float
    currency: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known about a person. ``attributes`` are facts such as plan or country, as JSON has them."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    value: Money | None = None

    def changed(self, change: Profile) -> Profile:
        """The profile with what ``change`` says. An attribute that is none there is none from now on.

        Of those that are none the last ones are kept. Raises ``ProfileInvalid`` for more attributes than are
        kept.
        """
        before = {name: value for name, value in self.attributes.items() if name not in change.attributes}
        said = {**before, **change.attributes}
        removed = [name for name, value in said.items() if value is None]
        forgotten = set(removed[:-_MOST_ATTRIBUTES])
        attributes = {name: value for name, value in said.items() if name not in forgotten}
        if len(said) - len(removed) > _MOST_ATTRIBUTES:
            raise ProfileInvalid(f"A customer has {_MOST_ATTRIBUTES} attributes at most.")
        return replace(
            self,
            first_name=change.first_name or self.first_name,
            last_name=change.last_name or self.last_name,
            company=change.company or self.company,
            value=change.value or self.value,
            attributes=attributes,
        )

    def completed(self, other: Profile) -> Profile:
        """The profile, and of ``other`` what this one does not have."""
        return Profile(
            first_name=self.first_name or other.first_name,
            last_name=self.last_name or other.last_name,
            company=self.company or other.company,
            attributes={**other.attributes, **self.attributes},
            value=self.value or other.value,
        )

    def shown(self) -> Profile:
        """The profile without the attributes that are none: they only hide those of who was merged."""
        kept = {name: value for name, value in self.attributes.items() if value is not None}
        return replace(self, attributes=kept)


@dataclass(frozen=True, slots=True)
class Customer:
    """One person or company across channels.

    ``absorbed`` were merged into this one: ``profile`` is its own, completed by theirs, the eldest first.
    ``stage`` was reached at ``stage_since`` through ``stage_event``, both none at the start of the journey.
    """

    id: CustomerId
    workspace_id: WorkspaceId
    profile: Profile
    identities: tuple[StoredIdentity, ...]
    absorbed: tuple[CustomerId, ...]
    do_not_sell: bool
    stage: Stage
    stage_since: datetime | None
    stage_event: str | None
    created_at: datetime
    updated_at: datetime

    def latest(self, kind: IdentityKind) -> str | None:
        """The identity of ``kind`` that it was given last; none without one.

        Whoever gives a new address or number is reached there: the one before may be another's by now.
        """
        of_kind = [item for item in self.identities if item.identity.kind is kind]
        newest = max(of_kind, key=lambda item: (item.added_at, item.id), default=None)
        return None if newest is None else newest.identity.value

    @property
    def crm_ids(self) -> dict[str, str]:
        """Its first id by system."""
        found: dict[str, str] = {}
        for item in self.identities:
            if item.identity.kind is IdentityKind.CRM:
                found.setdefault(item.identity.system, item.identity.value)
        return found
