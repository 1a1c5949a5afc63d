"""What the operator sets for Salesforce."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from signals.connectors.connector import OutcomeKind
from signals.connectors.settings import BaseUrl, HttpSettings
from signals.signal import SignalKind

ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]


class SalesforceSettings(BaseModel):
    """Salesforce's own terms, by name.

    ``login_url`` issues tokens (``https://test.salesforce.com`` for a sandbox, or My Domain) and says where
    the org is. ``consumer_key`` is the connected app's, ``private_key`` the PEM whose certificate it holds.
    ``audience`` is what the token's ``aud`` says, ``login_url`` unless set.

    An opportunity is opened for ``opportunity_kinds`` of a lead score of at least ``opportunity_score``,
    where ``person`` is ``Contact``: a lead becomes an opportunity by conversion, which is the seller's act.
    ``stage_outcomes`` says what a stage means beyond won and lost, ``task_outcomes`` what a task's status
    does; ``outcome_field``, a picklist on both, says so in as many words and goes before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    consumer_key: str
    username: str
    private_key: SecretStr
    login_url: BaseUrl = "https://login.salesforce.com"
    audience: str | None = None
    api_version: Annotated[str, StringConstraints(pattern=r"^v[6-9][0-9]\.0$")] = "v60.0"
    person: Literal["Contact", "Lead"] = "Contact"
    match_by_email: bool = True
    external_id_field: ApiName = "Careloop_Id__c"
    revision_field: ApiName = "Careloop_Revision__c"
    outcome_field: ApiName | None = "Careloop_Outcome__c"
    opportunity_kinds: frozenset[SignalKind] = frozenset({SignalKind.PURCHASE_INTENT, SignalKind.UPSELL})
    opportunity_score: Annotated[float, Field(ge=0, le=100)] = 60.0
    stage_outcomes: Mapping[str, OutcomeKind] = {}
    task_outcomes: Mapping[str, OutcomeKind] = {
        "In Progress": OutcomeKind.IN_PROGRESS,
        "Waiting on someone else": OutcomeKind.IN_PROGRESS,
    }
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    http: HttpSettings = HttpSettings()
