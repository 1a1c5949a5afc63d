"""What Mailchimp must be told of its account and audience."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, SecretStr, model_validator

from signals.connectors.settings import BaseUrl, HttpSettings
from signals.signal import SignalKind


class JourneyStep(BaseModel):
    """The API trigger of a customer journey: both numbers stand in the URL that Mailchimp shows for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    journey_id: PositiveInt
    step_id: PositiveInt


class MailchimpSequence(BaseModel):
    """What a sequence is at Mailchimp: a tag, and where the journey has an API trigger, that as well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: str | None = Field(
        None, min_length=1, max_length=100, description="Empty takes the prefix and the sequence's name."
    )
    trigger: JourneyStep | None = Field(None, description="API trigger to call once the tag is there.")


class MailchimpSettings(BaseModel):
    """Mailchimp Marketing, one audience."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr = Field(description="API key, which ends in the data centre: `…-us21`.")
    audience_id: str = Field(
        pattern=r"^[A-Za-z0-9]+$", description="Audience ID, in the audience's settings."
    )
    base_url: BaseUrl | None = Field(None, description="Empty takes the data centre of the key.")
    new_members: Literal["transactional", "pending", "subscribed"] = Field(
        "transactional",
        description="Status of a member who is new and agrees to marketing by e-mail; `pending` asks again.",
    )
    consent_attribute: str = Field(
        "email_marketing",
        description="Attribute of the customer that says so where it is true.",
    )
    mark_field: str = Field("CLMARK", pattern=r"^[A-Z0-9_]{1,10}$", description="Text merge field of ours.")
    tag_prefix: str = Field("careloop-", max_length=50, description="Tags are this and the kind of signal.")
    journeys: Mapping[SignalKind, JourneyStep] = Field({}, description="Journey to start, by kind of signal.")
    sequences: Mapping[str, MailchimpSequence] = Field(
        {}, description="What the sequences of marketing are there, by the name (`journey`) that they have."
    )
    settle_seconds: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="How long an event may take to be listed, before a retry sends it anew.",
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="Last part of the path that Mailchimp's webhook calls: 32 random characters or more.",
    )
    subscribing_grants: bool = Field(
        False,
        description="Whether who subscribes there agrees to marketing by e-mail here: for double opt-in.",
    )
    http: HttpSettings = HttpSettings(per_second=10, burst=10, connections=8)  # Mailchimp allows 10 at a time

    @model_validator(mode="after")
    def _data_centre(self) -> Self:
        if self.base_url is None and not re.search(r"-[a-z]{2,4}\d{1,3}$", self.api_key.get_secret_value()):
            raise ValueError("api_key must end in its data centre, such as -us21")
        secret = self.webhook_secret
        if secret is not None and len(secret.get_secret_value()) < 32:
            raise ValueError("webhook_secret must have 32 characters at least")
        return self

    @property
    def url(self) -> str:
        """Where the API is, version included."""
        centre = self.api_key.get_secret_value().rpartition("-")[2]
        return f"{self.base_url or f'https://{centre}.api.mailchimp.com'}/3.0"
