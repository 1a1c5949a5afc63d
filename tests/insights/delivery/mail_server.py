"""A mail server on loopback that speaks enough of SMTP (RFC 5321) for a client to be held to it."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kit.clock import SystemClock


@dataclass(frozen=True)
class Received:
    """A mail as it came, with its envelope; ``encrypted`` says that nobody on the way could read it."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        found = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class MailHost:
    """Refuses whoever is in ``unknown``; asks for ``password`` where there is one; ``busy`` answers 451."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    from_first_byte: bool = False
    password: str | None = None
    unknown: frozenset[str] = frozenset()
    busy: bool = False
    received: list[Received] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[MailHost]:
        context = self.tls if self.from_first_byte else None
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        try:
            await session.run()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@dataclass
class _Session:
    host: MailHost
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    encrypted: bool = False
    user: str | None = None
    sender: str = ""
    recipients: list[str] = field(default_factory=list)

    async def run(self) -> None:
        self.encrypted = self.host.from_first_byte
        await self.say("220 mail.example")
        while line := (await self.reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            answer = getattr(self, f"_{verb.lower()}", None)
            await self.say("502 what?" if answer is None else await answer(rest))
            if verb.lower() == "starttls":
                await self.writer.start_tls(self.host.tls)  # type: ignore[arg-type]  # offered only with it
                self.encrypted = True
            if verb.lower() == "quit":
                return

    async def _ehlo(self, _: str) -> str:
        await self.say("250-mail.example")
        if self.host.tls is not None and not self.encrypted:
            await self.say("250-STARTTLS")
        if self.host.password is not None:
            await self.say("250-AUTH PLAIN")
        return "250 SIZE 10000000"

    async def _starttls(self, _: str) -> str:
        return "220 go"

    async def _auth(self, rest: str) -> str:
        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        self.user = user if password == self.host.password else None
        return "235 in" if self.user else "535 wrong user or password"

    async def _mail(self, rest: str) -> str:
        self.sender, self.recipients = _address(rest), []
        if self.host.password is not None and self.user is None:
            return "530 who are you?"
        return "451 try later" if self.host.busy else "250 ok"

    async def _rcpt(self, rest: str) -> str:
        if _address(rest) in self.host.unknown:
            return f"550 no mailbox {_address(rest)} here"
        self.recipients.append(_address(rest))
        return "250 ok"

    async def _data(self, _: str) -> str:
        await self.say("354 send")
        content = (await self.reader.readuntil(b"\r\n.\r\n"))[:-5].replace(b"\r\n..", b"\r\n.")
        self.host.received.append(
            Received(self.sender, tuple(self.recipients), content, self.encrypted, self.user)
        )
        return "250 taken"

    async def _rset(self, _: str) -> str:
        return "250 ok"

    async def _quit(self, _: str) -> str:
        return "221 bye"

    async def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for ``localhost``, and the file of whoever vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, secret = folder / "authority.pem", folder / "key.pem"
    authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, secret)
    return context, authority


def _address(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")]
