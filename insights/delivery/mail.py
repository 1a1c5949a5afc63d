"""Digests by e-mail: HTML with its pictures attached, and Markdown for programs that show no HTML."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from insights.delivery.edition import Edition
from insights.delivery.mail_server import Encryption, MailServer
from insights.errors import DigestNotDelivered
from insights.picture import Picture

_TIMEOUT = 30.0  # seconds for each step of the dialogue
_LONGEST_REASON = 200  # characters of a server's own words


class MailChannel:
    """Sends each digest to one recipient, under one ``Message-ID``: many servers drop the same one twice."""

    def __init__(self, server: MailServer, recipient: str) -> None:
        self._server = server
        self._recipient = recipient
        self.name = f"email:{sha256(recipient.lower().encode()).hexdigest()[:16]}"

    async def deliver(self, edition: Edition) -> None:
        """See ``Channel``."""
        message = await asyncio.to_thread(self.message, edition)
        await asyncio.to_thread(self._send, message)

    def message(self, edition: Edition) -> EmailMessage:
        """The mail."""
        message = EmailMessage()
        domain = _domain(self._server.sender)
        message["Subject"] = " ".join(edition.subject.split())
        message["From"] = self._server.sender
        message["To"] = self._recipient
        message["Date"] = format_datetime(edition.digest.made_at)
        message["Message-ID"] = f"<{sha256(f'{edition.key}:{self.name}'.encode()).hexdigest()[:32]}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers this
        message.set_content(edition.markdown(), cte="quoted-printable")
        message.add_alternative(edition.html(_by_id), subtype="html", cte="quoted-printable")
        document = message.get_payload(1)
        assert isinstance(document, EmailMessage)
        for picture in edition.pictures.values():
            document.add_related(
                picture.png, "image", "png", cid=f"<{_content_id(picture)}>", filename=f"{picture.name}.png",
                disposition="inline",
            )  # fmt: skip
        return message

    def _send(self, message: EmailMessage) -> None:
        try:
            with self._connect() as client:
                if self._server.user is not None:
                    client.login(self._server.user, self._server.password or "")
                client.send_message(message)
        except smtplib.SMTPAuthenticationError:
            raise DigestNotDelivered("The mail server does not take this user and password.") from None
        except smtplib.SMTPNotSupportedError:
            raise DigestNotDelivered("The mail server offers no encryption, or no login.") from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise DigestNotDelivered(f"The mail server refused a recipient: {_reason(code, said)}") from None
        except smtplib.SMTPResponseException as error:
            raise DigestNotDelivered(
                f"The mail server refused: {_reason(error.smtp_code, error.smtp_error)}"
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DigestNotDelivered(f"The mail server does not answer ({type(error).__name__}).") from None

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        match server.encryption:
            case Encryption.TLS:
                return smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT, context=self._tls())
            case Encryption.STARTTLS:
                client = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT)
                try:
                    client.starttls(context=self._tls())
                except BaseException:
                    client.close()
                    raise
                return client
            case Encryption.NONE:
                return smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._server.certificates)


def _content_id(picture: Picture) -> str:
    return f"{picture.name}@careloop"


def _by_id(picture: Picture) -> str:
    return f"cid:{_content_id(picture)}"


def _domain(sender: str) -> str:
    """The domain of an address. Raises ``ValueError`` for what is none."""
    address = sender.rpartition("<")[2].rstrip("> ")
    return Address(addr_spec=address).domain


def _reason(code: int, said: bytes | str) -> str:
    """The server's words without those that hold an address."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    plain = " ".join(word for word in text.split() if "@" not in word)
    return f"{code} {plain[:_LONGEST_REASON]}"
