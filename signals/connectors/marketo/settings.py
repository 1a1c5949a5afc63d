"""What Marketo must be told of Marketo's own set-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, SecretStr, model_validator

from signals.connectors.settings import BaseUrl, HttpSettings


class MarketoFields(BaseModel):
    """API names of custom fields of a lead, all strings but ``amount``; docs/guides says how to make them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    external_id: str = Field("careloopId", description="Our id of the customer; leads are found by it.")
    delivery: str = Field(
        "careloopDelivery", description="The delivery that wrote last: which, when, how new."
    )
    signal: str = Field("careloopSignalId", description="The signal that was told last.")
    outcome: str = Field(
        "careloopOutcome", description="Set by sales: won, lost, noise, too_late, in_progress."
    )
    amount: str = Field("careloopOutcomeAmount", description="Set by sales: a number.")
    reason: str = Field("careloopOutcomeReason", description="Set by sales: why.")


class MarketoSequence(BaseModel):
    """What a sequence is at Marketo: a static list, a program, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    list_id: PositiveInt | None = Field(None, description="Static list that leads are put on and taken off.")
    program_id: PositiveInt | None = Field(None, description="Program that leads become members of.")
    program_status: str | None = Field(None, min_length=1, description="Status that they get there.")
    left_status: str | None = Field(
        None, min_length=1, description="Status of who left; empty ends the membership."
    )

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if (self.program_id is None) != (self.program_status is None):
            raise ValueError("program_id and program_status go together")
        if self.list_id is None and self.program_id is None:
            raise ValueError("needs a list_id or a program_id")
        if self.left_status is not None and self.program_id is None:
            raise ValueError("left_status is of a program")
        return self


class MarketoSettings(BaseModel):
    """Adobe Marketo Engage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: BaseUrl = Field(
        description="The instance: Admin, Web Services, REST API, endpoint without `/rest`."
    )
    client_id: str = Field(min_length=1, description="Client id of the LaunchPoint service.")
    client_secret: SecretStr = Field(description="Its client secret.")
    activity_type_id: PositiveInt = Field(
        description="Id of the custom activity; its primary field is a string."
    )
    list_id: PositiveInt | None = Field(None, description="Static list that leads are put on.")
    program_id: PositiveInt | None = Field(None, description="Program that leads become members of.")
    program_status: str | None = Field(None, description="Status that they get there.")
    match_by_email: bool = Field(
        True, description="Whether a lead of the customer's address that has no id of ours becomes theirs."
    )
    sequences: Mapping[str, MarketoSequence] = Field(
        {}, description="What the sequences of marketing are there, by the name (`journey`) that they have."
    )
    currency: str | None = Field(
        None, pattern="^[A-Z]{3}$", description="Currency (ISO 4217) of the amounts that sales enter."
    )
    partition: str | None = Field(None, description="Lead partition, where the instance has several.")
    fields: MarketoFields = MarketoFields()
    settle_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="How long an activity may take to appear in the log, before a retry may send it anew.",
    )
    # 100 calls in 20 seconds, 10 at a time; beyond that Marketo is left alone for 20 seconds.
    http: HttpSettings = HttpSettings(per_second=5, burst=10, connections=10, longest_wait=25)

    @model_validator(mode="after")
    def _program(self) -> Self:
        if (self.program_id is None) != (self.program_status is None):
            raise ValueError("program_id and program_status go together")
        return self
