"""What the operator sets for HubSpot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from signals.connectors.connector import OutcomeKind
from signals.connectors.settings import BaseUrl, HttpSettings
from signals.signal import SignalKind

PropertyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
ListId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class HubSpotSettings(BaseModel):
    """HubSpot's own terms, by name.

    ``token`` is the private app's; ``client_secret`` signs its webhooks, none where there are none.
    ``webhook_url`` is the address that HubSpot calls, as entered there; needed where a proxy changes what
    arrives here, for the signature is of the whole address.
    ``id_property`` must be unique on contacts, deals and the ``record`` that tells of a signal.
    ``lists`` are the manual lists that a contact joins, by kind of signal; ``sequences`` those that stand
    for a sequence of marketing, by the name (``journey``) that it has. A deal is opened for
    ``deal_kinds`` of a lead score of at least ``deal_score``. ``stage_outcomes`` says what a deal stage
    means beyond won and lost, ``task_outcomes`` what a task's status does; ``outcome_property`` says so in
    as many words and goes before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr
    client_secret: SecretStr | None = None
    webhook_url: BaseUrl | None = None
    base_url: BaseUrl = "https://api.hubapi.com"
    record: Literal["task", "note"] = "task"
    id_property: PropertyName = "careloop_id"
    revision_property: PropertyName = "careloop_revision"
    outcome_property: PropertyName | None = "careloop_outcome"
    deal_kinds: frozenset[SignalKind] = frozenset({SignalKind.PURCHASE_INTENT, SignalKind.UPSELL})
    deal_score: Annotated[float, Field(ge=0, le=100)] = 60.0
    lists: Mapping[SignalKind, ListId] = {}
    sequences: Mapping[str, ListId] = {}
    stage_outcomes: Mapping[str, OutcomeKind] = {}
    task_outcomes: Mapping[str, OutcomeKind] = {
        "IN_PROGRESS": OutcomeKind.IN_PROGRESS,
        "WAITING": OutcomeKind.IN_PROGRESS,
    }
    # A private app may call 100 times in ten seconds, 190 times in the larger editions.
    http: HttpSettings = HttpSettings(per_second=10.0, burst=20)
