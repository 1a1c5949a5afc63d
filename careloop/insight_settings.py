"""Settings of insights: weekly digests, and the mail server that sends them. Reads no environment itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from insights.delivery.mail_server import Encryption
from insights.week_time import WeekTime


class SmtpSettings(BaseModel):
    """The mail server that sends digests."""

    host: str | None = Field(None, description="Name of the mail server; empty sends no mail.")
    port: int = Field(587, ge=1, le=65535, description="Its port: 587 for STARTTLS, 465 for TLS.")
    encryption: Encryption = Field(
        Encryption.STARTTLS,
        description="`starttls`, `tls` from the first byte, or `none` for a server on this machine.",
    )
    user: str | None = Field(None, description="User to log in as; empty does not log in.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    sender: str = Field(
        "Careloop <careloop@localhost>",
        pattern=r"^[^\r\n]*@[^\s@>]+>?$",
        description="Address that digests come from, with a name before it or without.",
    )
    certificates: Path | None = Field(
        None, description="PEM file of certificate authorities to trust instead of the machine's."
    )


class DigestEntry(BaseModel):
    """The weekly digest of one workspace: when it goes out, and to whom."""

    model_config = ConfigDict(extra="forbid")

    send_at: str = "mon 07:00"
    time_zone: str | None = None
    recipients: tuple[Annotated[str, Field(pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+$")], ...] = ()
    webhook: dict[str, Any] | None = Field(None, repr=False)
    folder: Path | None = None

    @field_validator("send_at")
    @classmethod
    def _is_a_moment(cls, value: str) -> str:
        if value.strip().lower() != "off":
            WeekTime.parse(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        return None if value is None else _zone(value)

    @property
    def moment(self) -> WeekTime | None:
        """``send_at``; none where it is off."""
        return None if self.send_at.strip().lower() == "off" else WeekTime.parse(self.send_at)


class InsightSettings(BaseModel):
    """What a week of contacts says, and who is told."""

    time_zone: str = Field("UTC", description="Time zone in which weeks begin, such as `Europe/London`.")
    digests: dict[str, DigestEntry] = Field(
        default_factory=dict,
        description="Weekly digests, as JSON: workspaces with `send_at` (`mon 07:00`, or `off`), "
        "`time_zone`, `recipients`, `webhook` (`url`, `secrets`) and `folder`.",
    )
    campaigns: Path | None = Field(
        None, description="YAML file of campaigns; empty takes those of the sample company."
    )
    smtp: SmtpSettings = Field(default_factory=SmtpSettings)

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        return _zone(value)

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.smtp.host is None and any(entry.recipients for entry in self.digests.values()):
            raise ValueError("a digest has recipients, but there is no mail server: set SMTP__HOST")
        return self


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # the last two as for a folder of the database, or a name that leads out of it
        raise ValueError(f"{name!r} is no time zone such as Europe/London") from None
