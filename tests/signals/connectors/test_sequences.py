"""Sequences at each marketing tool: in once and out once, whatever happens on the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bench.contract.faults import Fault
from bench.contract.hubspot import HubSpotVendor
from bench.contract.mailchimp import API_KEY, AUDIENCE, JOURNEY, STEP, subscriber_hash
from bench.contract.mailchimp import Mailchimp as MailchimpServer
from bench.contract.marketo import (
    ACTIVITY_TYPE,
    CLIENT_ID,
    CLIENT_SECRET,
    LEFT_STATUS,
    LIST,
    PROGRAM,
    PROGRAM_STATUS,
)
from bench.contract.marketo import Marketo as MarketoServer
from bench.contract.server import ContractServer
from bench.contract.vendor import Vendor
from kit.clock import ManualClock
from signals.connectors.connector import DeliveryFailed, DeliveryRefused, Dispatch, Receipt
from signals.connectors.hubspot import HubSpot, HubSpotSettings
from signals.connectors.mailchimp import Mailchimp, MailchimpSettings
from signals.connectors.marketo import Marketo, MarketoSettings
from signals.connectors.sequences import SequenceTool
from signals.connectors.waiting import ManualWaiting
from tests.signals.connectors.contract import ONCE as _ONCE
from tests.signals.connectors.dispatches import AT, dispatch

pytestmark = pytest.mark.anyio
ONCE = _ONCE.model_copy(update={"longest_wait": 25.0})  # Marketo asks for 20 seconds
SPEED = "Which speed"
IN, OUT = replace(dispatch(), key="enr_1:enrol"), replace(dispatch(), key="enr_1:leave")
MOST_CALLS = 8  # that one command needs


class Tool(ABC):
    """A connector with its vendor, and eyes to see who is in."""

    vendor: Vendor
    connector: SequenceTool

    @abstractmethod
    def connect(self, url: str) -> None:
        """The connector, told where the server is."""

    @abstractmethod
    def inside(self) -> bool:
        """Whether the customer is in the sequence."""

    def once(self) -> bool:
        """Whether nothing was done twice that must not be."""
        return True


class HubSpotTool(Tool):
    def __init__(self) -> None:
        self.vendor: HubSpotVendor = HubSpotVendor()

    def connect(self, url: str) -> None:
        said = {"token": "pat-eu1-secret", "base_url": url, "http": ONCE, "sequences": {SPEED: "17"}}
        settings = HubSpotSettings.model_validate(said)
        self.connector = HubSpot(settings, clock=ManualClock(AT), waiting=ManualWaiting())

    def inside(self) -> bool:
        return len(self.vendor.members.get("17", ())) == 1

    def once(self) -> bool:
        return len(self.vendor.items["contacts"]) <= 1


class MailchimpTool(Tool):
    def __init__(self, **settings: object) -> None:
        self.vendor: MailchimpServer = MailchimpServer()
        self.more = settings

    def connect(self, url: str) -> None:
        trigger = {"journey_id": JOURNEY, "step_id": STEP}
        said = {"api_key": API_KEY, "audience_id": AUDIENCE, "base_url": url, "http": ONCE,
                "settle_seconds": 0, "sequences": {SPEED: {"trigger": trigger}}}  # fmt: skip
        settings = MailchimpSettings.model_validate(said | self.more)
        self.connector = Mailchimp(settings, clock=ManualClock(AT), waiting=ManualWaiting())

    def inside(self) -> bool:
        return self.vendor.tags.get(subscriber_hash("ada.1@example.com")) == {"careloop-which-speed"}

    def once(self) -> bool:
        return len(self.vendor.triggered) <= 1 and len(self.vendor.members) <= 1


class MarketoTool(Tool):
    def __init__(self, left_status: str | None = None) -> None:
        self.vendor: MarketoServer = MarketoServer()
        self.left_status = left_status

    def connect(self, url: str) -> None:
        sequence = {
            "list_id": LIST, "program_id": PROGRAM, "program_status": PROGRAM_STATUS,
            "left_status": self.left_status,
        }  # fmt: skip
        said = {"base_url": url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
                "activity_type_id": ACTIVITY_TYPE, "sequences": {SPEED: sequence}, "http": ONCE}  # fmt: skip
        settings = MarketoSettings.model_validate(said)
        self.connector = Marketo(settings, clock=ManualClock(AT), waiting=ManualWaiting())

    def inside(self) -> bool:
        listed, member = bool(self.vendor.listed), PROGRAM_STATUS in self.vendor.members.values()
        assert listed == member
        return listed

    def once(self) -> bool:
        return len(self.vendor.leads) <= 1


MAKE: dict[str, Callable[[], Tool]] = {
    "hubspot": HubSpotTool,
    "mailchimp": MailchimpTool,
    "marketo": MarketoTool,
    "marketo with a status": lambda: MarketoTool(LEFT_STATUS),
}


@pytest.fixture(params=sorted(MAKE))
def tool(request: pytest.FixtureRequest) -> Tool:
    return MAKE[request.param]()


async def _closed(tool: Tool) -> None:
    await tool.connector.close()  # type: ignore[attr-defined]  # every connector has it


async def test_who_enters_is_in_and_who_leaves_is_out_however_often(tool: Tool) -> None:
    with ContractServer(tool.vendor) as server:
        tool.connect(server.url)
        assert (await tool.connector.leave(OUT, SPEED)).repeated, "nobody is known there yet"
        for _ in range(2):
            assert (await tool.connector.enrol(IN, SPEED)).records
            assert tool.inside()
        for _ in range(2):
            await tool.connector.leave(OUT, SPEED)
            assert not tool.inside()
        assert tool.once()
        await _closed(tool)


async def _until_done(do: Callable[[Dispatch, str], Awaitable[Receipt]], told: Dispatch) -> None:
    for _ in range(5):  # an aborted connection may have been in the pool
        try:
            await do(told, SPEED)
        except DeliveryFailed as failed:
            why = failed
            continue
        return
    raise AssertionError("five attempts were not enough for one fault") from why


@pytest.mark.parametrize(
    "fault", [Fault.SERVER_ERROR, Fault.RESET, Fault.CUT, Fault.RATE_LIMITED, Fault.TIMEOUT_AFTER_SUCCESS]
)
async def test_a_fault_at_any_call_leaves_one_of_each(tool: Tool, fault: Fault) -> None:
    tool.vendor.faults.hang = 0.01
    with ContractServer(tool.vendor) as server:
        tool.connect(server.url)
        for calls in range(MOST_CALLS):
            tool.vendor.faults.script = [*[None] * calls, fault]
            key = f"enr_{calls}"
            before = len(getattr(tool.vendor, "triggered", ()))
            await _until_done(tool.connector.enrol, replace(IN, key=f"{key}:enrol"))
            assert tool.inside()
            tool.vendor.faults.script = [*[None] * calls, fault]
            await _until_done(tool.connector.leave, replace(OUT, key=f"{key}:leave"))
            assert not tool.inside()
            assert len(getattr(tool.vendor, "triggered", ())) <= before + 1
        await _closed(tool)


@pytest.mark.parametrize("name", ["hubspot", "marketo"])
async def test_a_sequence_that_the_settings_do_not_know_is_refused(name: str) -> None:
    tool = MAKE[name]()
    with ContractServer(tool.vendor) as server:
        tool.connect(server.url)
        for do in (tool.connector.enrol, tool.connector.leave):
            with pytest.raises(DeliveryRefused, match="does not say what 'Refer a friend' is"):
                await do(IN, "Refer a friend")
        await _closed(tool)
    assert not tool.vendor.seen


async def test_who_unsubscribed_at_mailchimp_is_let_in_nowhere_and_is_out_already() -> None:
    tool = MailchimpTool()
    tool.vendor.subscribe("ada.1@example.com", "unsubscribed")
    with ContractServer(tool.vendor) as server:
        tool.connect(server.url)
        with pytest.raises(DeliveryRefused, match="has unsubscribed"):
            await tool.connector.enrol(IN, SPEED)
        assert (await tool.connector.leave(OUT, SPEED)).repeated
        await _closed(tool)
    assert not tool.vendor.tags
    assert not tool.vendor.triggered


@pytest.mark.parametrize(("agrees", "status"), [(True, "subscribed"), (False, "transactional")])
async def test_the_status_of_a_new_member_follows_from_consent(agrees: bool, status: str) -> None:
    tool = MailchimpTool(new_members="subscribed")
    with ContractServer(tool.vendor) as server:
        tool.connect(server.url)
        who = replace(IN.contact, attributes={"email_marketing": agrees})
        await tool.connector.enrol(replace(IN, contact=who), SPEED)
        await _closed(tool)
    (member,) = tool.vendor.members.values()
    assert (member["status"], member["merge_fields"]["FNAME"]) == (status, "Ada")


async def test_who_unsubscribed_at_marketo_enters_no_sequence() -> None:
    tool = MarketoTool()
    with ContractServer(tool.vendor) as server:
        tool.connect(server.url)
        tool.vendor.leads[1] = {"id": 1, "email": "ada.1@example.com", "unsubscribed": True}
        with pytest.raises(DeliveryRefused, match="unsubscribed"):
            await tool.connector.enrol(IN, SPEED)
        assert not tool.inside()
        await _closed(tool)
