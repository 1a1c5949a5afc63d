"""Where Segment's calls go, and under which names."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from signals.connectors.settings import BaseUrl, HttpSettings
from signals.signal import SignalKind


class SegmentSettings(BaseModel):
    """One source (Segment's word) of a customer data platform."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    write_key: SecretStr = Field(description="Write key of the HTTP API source.")
    base_url: BaseUrl = Field(
        "https://api.segment.io",
        description="`https://events.eu1.segmentapis.com` in Europe; RudderStack's data plane URL.",
    )
    events: Mapping[SignalKind, str] = Field(
        {}, description="Names of the track events where they are not to be such as `Churn Risk Detected`."
    )
    group_attribute: str | None = Field(
        None, description="Attribute with the id of the customer's company; with it, group is called too."
    )
    http: HttpSettings = HttpSettings(per_second=50, burst=50)

    def event(self, kind: SignalKind) -> str:
        """Name of the track event, object and action as Segment advises."""
        return self.events.get(kind) or f"{kind.value.replace('_', ' ').title()} Detected"
