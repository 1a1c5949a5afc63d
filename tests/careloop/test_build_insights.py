"""Insights as the settings make them: customers ask over HTTP, and the digest of the week tells of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from careloop.build import Parts, build, build_app
from careloop.cli.ingest import ingest_all
from careloop.insight_settings import DigestEntry, InsightSettings, SmtpSettings
from careloop.settings import EncoderSettings, Settings, TriageSettings
from insights.delivery.mail_server import Encryption
from insights.week_time import WeekTime
from kit.clock import ManualClock
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.sources import FolderSource
from signals.errors import SignalDataInvalid
from tests.conftest import ROOT
from tests.insights.delivery.mail_server import MailHost

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 2, 9, tzinfo=UTC)  # a Monday
HEAD = "head.of.marketing@brightwater.example"
# Whoever is in these sentences must be in no digest: by hints in the text, or by their profile alone.
CANARIES = (
    "zed.canary",
    "leak.example",
    "07700 900",
    "900123",
    "Zorblax",
    "Quintana",
    "Wibblestone",
    "Brumhilda",
)
ANSWERABLE = "What happens if I pay late?"
SLOW = "My broadband is painfully slow every evening and I am furious about it"
QUESTIONS = [
    ("Can the hub be put into bridge mode for my own pfSense router?", "visitor_a"),
    ("How is the hub put into bridge mode? Mail zed.canary@leak.example or ring 07700 900123.", "visitor_b"),
    ("My name is Zorblax Quintana. I am leaving you for Skylink, they are cheaper.", "visitor_c"),
    ("Wibblestone here, Skylink offers twice the speed, so I will switch to Skylink.", "visitor_known"),
    ("It would be great if the app had a bedtime schedule for the children.", "visitor_e"),
    ("Is the Black Friday price with code GIGA26 also for existing customers?", "visitor_f"),
    ("You are the best provider I ever had, I recommend you to all my friends!", "visitor_g"),
    (ANSWERABLE, "visitor_h"),
]


def _settings(folder: Path, **insights: Any) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=folder,
        encoder=EncoderSettings(cache_dir=ROOT / "var" / "models"),
        triage=TriageSettings(competitors=("Skylink",)),
        insights=InsightSettings(time_zone="Europe/London", **insights),
    )


@dataclass
class Office:
    """A company with a few articles, and whoever talks to it."""

    parts: Parts
    client: httpx.AsyncClient
    clock: ManualClock

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        response = await self.client.post(path, json=body)
        assert response.status_code < 300, response.text
        found: dict[str, Any] = response.json()
        return found

    async def ask(self, text: str, visitor: str) -> str:
        """A conversation of ``visitor`` that begins with ``text``; an hour passes."""
        opened = await self.parts.assistant.open(DEFAULT_WORKSPACE, visitor_id=visitor)
        await self.post(f"/v1/conversations/{opened.id}/messages", {"text": text})
        await self.parts.assistant.stop()  # until what triage says is stored
        self.clock.advance(timedelta(minutes=40))
        return opened.id

    async def digest(self, accept: str = "application/json") -> httpx.Response:
        response = await self.client.get("/v1/insights/digest", headers={"Accept": accept})
        assert response.status_code == 200, response.text
        return response


@pytest.fixture
async def host() -> AsyncIterator[MailHost]:
    async with MailHost().running() as running:
        yield running


@pytest.fixture
async def office(tmp_path: Path, host: MailHost) -> AsyncIterator[Office]:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "late.md").write_text(
        "# What happens if you pay late\n\nIf you pay late we add a fee of £7.50 to your next bill.\n"
    )
    settings = _settings(
        tmp_path / "var",
        digests={"default": DigestEntry(recipients=(HEAD,), folder=tmp_path / "digests")},
        smtp=SmtpSettings(host="127.0.0.1", port=host.port, encryption=Encryption.NONE),
    )
    clock = ManualClock(START)
    async with build(settings, clock=clock) as parts:
        await ingest_all(parts, DEFAULT_WORKSPACE, [FolderSource(articles)])
        transport = httpx.ASGITransport(build_app(parts), client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Office(parts, client, clock)


async def _a_month(office: Office) -> None:
    """Three quiet weeks, then one in which much happens; it is seven on the Monday after."""
    await office.post(
        "/v1/customers",
        {
            "identities": [{"kind": "visitor", "value": "visitor_known"}],
            "first_name": "Brumhilda",
            "last_name": "Wibblestone",
        },
    )
    for week in range(3):
        office.clock.time = START + timedelta(weeks=week)
        await office.ask(ANSWERABLE, f"visitor_{week}")
    office.clock.time = START + timedelta(weeks=3)
    for number in range(8):
        await office.ask(SLOW if number % 2 else f"{SLOW}, day {number}", f"visitor_slow_{number}")
    for text, visitor in QUESTIONS:
        conversation = await office.ask(text, visitor)
        if "pfSense" in text:
            await office.post(f"/v1/conversations/{conversation}/claim", {"agent": "Maya"})
            answer = "Bridge mode is in the hub's menu: open Advanced and switch Router mode off.\nMaya"
            await office.post(f"/v1/conversations/{conversation}/replies", {"agent": "Maya", "text": answer})
    office.clock.time = datetime(2026, 11, 30, 7, tzinfo=UTC)


@pytest.mark.timeout(240)
async def test_what_customers_said_is_in_the_digest_and_who_they_are_is_not(
    office: Office, host: MailHost, tmp_path: Path
) -> None:
    await _a_month(office)
    found = (await office.digest()).json()
    assert (found["week"], found["contacts"], found["before"]) == ("2026-W48", 16, [1, 1, 1])
    slow = found["themes"][0]
    assert (slow["title"], slow["count"], slow["growth"]["grows"]) == ("Slow speed", 8, True)
    (skylink,) = [one for one in found["competitors"] if one["name"] == "Skylink"]
    assert skylink["count"] == 2
    assert {one["text"] for one in skylink["quotes"]} == {
        "I am leaving you for Skylink, they are cheaper.",
        "[name] here, Skylink offers twice the speed, so I will switch to Skylink.",
    }
    (gap,) = [one for one in found["gaps"] if "bridge mode" in str(one["questions"])]
    assert gap["count"] == 2
    points = [point for section in gap["outline"] for point in section["points"]]
    assert points == ["Bridge mode is in the hub's menu: open Advanced and switch Router mode off."]
    assert [wish["count"] for wish in found["wishes"] if "bedtime" in wish["title"]] == [1]
    campaigns = {one["name"]: one["count"] for one in found["campaigns"]}
    assert campaigns["Black Friday Gigafast"] == 1
    assert any("recommend" in one["text"] for one in found["voice"]["praise"])
    assert any("furious" in one["text"] for one in found["voice"]["complaints"])
    assert found["service"]["person"]["count"] == 1
    assert found["service"]["endings"]["handed_over"] >= 2

    assert await office.parts.insights.sender.send_due() == 2
    assert await office.parts.insights.sender.send_due() == 0
    (mail,) = host.received
    assert mail.recipients == (HEAD,)
    forms = {
        "json": str(found),
        "markdown": (await office.digest("text/markdown")).text,
        "html": (await office.digest("text/html")).text,
        "mail": "".join(
            str(part.get_content()) for part in mail.message.walk() if part.get_content_maintype() == "text"
        ),
        "subject": mail.message["Subject"],
        "files": "".join(
            file.read_text() for file in (tmp_path / "digests").rglob("digest.*") if file.is_file()
        ),
    }
    assert "Skylink offers twice the speed" in forms["mail"]
    told = [(form, canary) for form, text in forms.items() for canary in CANARIES if canary in text]
    assert told == []


@pytest.mark.timeout(240)
async def test_a_new_installation_says_that_there_is_little(office: Office, host: MailHost) -> None:
    await office.ask(ANSWERABLE, "visitor_1")
    text = (await office.digest("text/markdown")).text
    assert "Nobody wrote in this week, so there is nothing to report." in text
    assert await office.parts.insights.sender.send_due() == 0
    assert host.received == []


def test_a_digest_goes_out_on_monday_unless_it_is_told_otherwise() -> None:
    assert DigestEntry().moment == WeekTime.parse("mon 07:00")
    assert DigestEntry(send_at="Off").moment is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"time_zone": "Europe/Atlantis"}, "no time zone"),
        ({"time_zone": "../../etc/passwd"}, "no time zone"),
        ({"digests": {"default": {"send_at": "noon"}}}, "neither a moment of the week"),
        ({"digests": {"default": {"time_zone": "Mars"}}}, "no time zone"),
        ({"digests": {"default": {"recipients": ["nobody"]}}}, "recipients"),
        ({"digests": {"default": {"recipients": ["a@b.example"]}}}, "there is no mail server"),
        ({"digests": {"default": {"mail": "a@b.example"}}}, "Extra inputs"),
        ({"smtp": {"sender": "Careloop"}}, "sender"),
        ({"smtp": {"encryption": "maybe"}}, "encryption"),
    ],
)
def test_settings_of_no_use_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        InsightSettings.model_validate(changes)


async def test_a_webhook_or_campaigns_of_no_use_are_said_before_anything_starts(tmp_path: Path) -> None:
    hook = {"url": "http://example.org/hook", "secrets": ["whsec_secret"]}
    with pytest.raises(Misconfigured, match=r"default, webhook: .*https") as refused:
        async with build(_settings(tmp_path, digests={"default": DigestEntry(webhook=hook)})):
            pass
    assert "whsec_secret" not in refused.value.detail
    with pytest.raises(SignalDataInvalid, match="cannot be read"):
        async with build(_settings(tmp_path, campaigns=tmp_path / "none.yaml")):
            pass
