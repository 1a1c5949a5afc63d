"""Mails against a real SMTP server on loopback."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from insights.delivery.edition import Edition
from insights.delivery.mail import MailChannel
from insights.delivery.mail_server import Encryption, MailServer
from insights.errors import DigestNotDelivered
from kit.ids import DEFAULT_WORKSPACE
from tests.insights.delivery.mail_server import MailHost, certificate
from tests.insights.weeks import full

pytestmark = pytest.mark.anyio
HEAD = "head.of.marketing@brightwater.example"


@pytest.fixture(scope="module")
def edition() -> Edition:
    return Edition(DEFAULT_WORKSPACE, full())


def server(host: MailHost, encryption: Encryption = Encryption.NONE, **changes: str | None) -> MailServer:
    sender = "Careloop <digest@brightwater.example>"
    return MailServer("localhost", host.port, encryption, sender, **changes)


async def test_a_mail_has_a_page_its_pictures_and_a_text(edition: Edition) -> None:
    async with MailHost().running() as host:
        await MailChannel(server(host), HEAD).deliver(edition)
    (received,) = host.received
    assert (received.sender, received.recipients) == ("digest@brightwater.example", (HEAD,))
    message = received.message
    assert message["Subject"] == "Brightwater & Co, week 48: Slow broadband grows — 61 contacts"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Mon, 30 Nov 2026 07:00:00 +0000"
    text = message.get_body(("plain",))
    page = message.get_body(("html",))
    assert isinstance(text, EmailMessage)
    assert isinstance(page, EmailMessage)
    assert "# Brightwater & Co: week 48" in text.get_content()
    shown = page.get_content()
    images = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert len(images) == 3
    for image in images:
        assert f'src="cid:{image["Content-ID"].strip("<>")}"' in shown
        assert image.get_content().startswith(b"\x89PNG")
        assert image.get_content_disposition() == "inline"
    assert "data:image" not in shown
    assert all(len(line) <= 998 for line in received.content.split(b"\r\n"))  # RFC 5322, 2.1.1


async def test_the_same_digest_has_the_same_id_for_each_recipient(edition: Edition) -> None:
    async with MailHost().running() as host:
        for recipient in (HEAD, HEAD, "sales@brightwater.example"):
            await MailChannel(server(host), recipient).deliver(edition)
    first, again, other = [received.message["Message-ID"] for received in host.received]
    assert first == again != other
    assert first.endswith("@brightwater.example>")


@pytest.mark.parametrize("encryption", [Encryption.STARTTLS, Encryption.TLS])
async def test_the_connection_is_encrypted_and_logged_in(
    edition: Edition, tmp_path: Path, encryption: Encryption
) -> None:
    context, authority = certificate(tmp_path)
    direct = encryption is Encryption.TLS
    async with MailHost(tls=context, from_first_byte=direct, password="s3cret").running() as host:
        known = {"user": "digest", "certificates": str(authority)}
        await MailChannel(server(host, encryption, password="s3cret", **known), HEAD).deliver(edition)
        with pytest.raises(DigestNotDelivered, match="does not take this user and password"):
            await MailChannel(server(host, encryption, password="wrong", **known), HEAD).deliver(edition)
    (received,) = host.received
    assert (received.encrypted, received.user) == (True, "digest")


async def test_a_server_that_nobody_vouches_for_gets_nothing(edition: Edition, tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    async with MailHost(tls=context).running() as host:
        with pytest.raises(DigestNotDelivered, match=r"SSLCertVerificationError"):
            await MailChannel(server(host, Encryption.STARTTLS), HEAD).deliver(edition)
    assert host.received == []


async def test_a_server_without_encryption_gets_nothing_where_it_is_asked_for(edition: Edition) -> None:
    async with MailHost().running() as host:
        with pytest.raises(DigestNotDelivered, match="offers no encryption"):
            await MailChannel(server(host, Encryption.STARTTLS), HEAD).deliver(edition)
    assert host.received == []


async def test_refusals_are_told_without_addresses(edition: Edition) -> None:
    async with MailHost(unknown=frozenset({HEAD})).running() as host:
        with pytest.raises(DigestNotDelivered, match="refused a recipient: 550 no mailbox here") as refused:
            await MailChannel(server(host), HEAD).deliver(edition)
        assert "@" not in refused.value.detail
    async with MailHost(busy=True).running() as host:
        with pytest.raises(DigestNotDelivered, match="451 try later"):
            await MailChannel(server(host), HEAD).deliver(edition)


async def test_a_server_that_is_down_is_told_of(edition: Edition) -> None:
    async with MailHost().running() as host:
        pass
    with pytest.raises(DigestNotDelivered, match="ConnectionRefusedError"):
        await MailChannel(server(host), HEAD).deliver(edition)


def test_a_channel_is_remembered_without_the_address() -> None:
    name = MailChannel(MailServer("h", 25, Encryption.NONE, "a@b.example"), HEAD).name
    assert name == MailChannel(MailServer("h", 25, Encryption.NONE, "a@b.example"), HEAD.upper()).name
    assert HEAD.partition("@")[0] not in name
