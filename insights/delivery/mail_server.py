"""Who takes mail, and how the connection to it is protected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Encryption(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"  # RFC 3207; port 587
    TLS = "tls"  # RFC 8314: from the first byte; port 465
    NONE = "none"  # for a server on this machine


@dataclass(frozen=True, slots=True)
class MailServer:
    """Who takes mail. ``sender`` is an address, with a name before it or without."""

    host: str
    port: int
    encryption: Encryption
    sender: str
    user: str | None = None
    password: str | None = None
    certificates: str | None = None  # PEM file of authorities to trust instead of the machine's
