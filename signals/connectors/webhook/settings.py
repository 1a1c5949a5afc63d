"""Where webhooks go, and what they are signed with."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

from signals.connectors.settings import HttpSettings


class WebhookSettings(BaseModel):
    """One address for signed webhooks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl = Field(description="Address that takes the webhooks; https.")
    secrets: tuple[SecretStr, ...] = Field(
        min_length=1, max_length=4, description="Signing secrets, `whsec_…`, newest first."
    )
    inbox_secrets: tuple[SecretStr, ...] = Field(
        (), max_length=4, description="Secrets of whoever posts outcomes back, `whsec_…`, newest first."
    )
    source: str = Field("/careloop", min_length=1, description="The `source` of the CloudEvents.")
    allow_private: bool = Field(
        False, description="Let the address be one of the operator's own network, and be http."
    )
    http: HttpSettings = HttpSettings()

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.url.scheme != "https" and not self.allow_private:
            raise ValueError("url must begin with https:// unless allow_private is set")
        if self.url.username or self.url.password:
            raise ValueError("url must not hold a user: webhooks are signed instead")
        return self
