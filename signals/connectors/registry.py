"""Connectors by name: what each needs to be told, and how it is made from that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from customers import ConsentChannel, Purpose
from kit.clock import Clock
from kit.errors import Misconfigured
from signals.connectors.connector import Connector
from signals.connectors.hubspot import HubSpot, HubSpotSettings
from signals.connectors.hubspot.connector import OBJECTS as HUBSPOT_OBJECTS
from signals.connectors.json_lines import JsonLines, JsonLinesSettings
from signals.connectors.mailchimp import OBJECTS as MAILCHIMP_OBJECTS
from signals.connectors.mailchimp import Mailchimp, MailchimpSettings
from signals.connectors.mapping import FieldMapping, load_mapping
from signals.connectors.marketo import OBJECTS as MARKETO_OBJECTS
from signals.connectors.marketo import Marketo, MarketoSettings
from signals.connectors.salesforce import Salesforce, SalesforceSettings
from signals.connectors.salesforce.connector import OBJECTS as SALESFORCE_OBJECTS
from signals.connectors.segment import OBJECTS as SEGMENT_OBJECTS
from signals.connectors.segment import Segment, SegmentSettings
from signals.connectors.waiting import Waiting
from signals.connectors.webhook import Webhook, WebhookSettings

Make = Callable[[Any, Clock, Waiting, FieldMapping | None], Connector]


@dataclass(frozen=True, slots=True)
class ConnectorKind:
    """``objects`` are what a mapping may have fields of; a kind without any takes no mapping.

    ``purpose`` is what such a tool is there for, and has to be consented to besides what a signal is for;
    ``channel`` is the way in which it contacts people. A setting may say otherwise.
    """

    settings: type[BaseModel]
    make: Make
    objects: tuple[str, ...] = ()
    purpose: Purpose | None = None
    channel: ConsentChannel = ConsentChannel.ANY


def _mapped(connector: Callable[..., Connector]) -> Make:
    return lambda settings, clock, waiting, mapping: connector(
        settings, clock=clock, waiting=waiting, mapping=mapping
    )


def _webhook(settings: WebhookSettings, clock: Clock, waiting: Waiting, _: FieldMapping | None) -> Connector:
    return Webhook(settings, clock=clock, waiting=waiting)


def _json_lines(settings: JsonLinesSettings, *_: object) -> Connector:
    return JsonLines(settings)


KINDS: Mapping[str, ConnectorKind] = {
    "file": ConnectorKind(JsonLinesSettings, _json_lines),
    "hubspot": ConnectorKind(HubSpotSettings, _mapped(HubSpot), tuple(HUBSPOT_OBJECTS)),
    "mailchimp": ConnectorKind(
        MailchimpSettings, _mapped(Mailchimp), MAILCHIMP_OBJECTS, Purpose.MARKETING, ConsentChannel.EMAIL
    ),
    "marketo": ConnectorKind(
        MarketoSettings, _mapped(Marketo), MARKETO_OBJECTS, Purpose.MARKETING, ConsentChannel.EMAIL
    ),
    "salesforce": ConnectorKind(SalesforceSettings, _mapped(Salesforce), tuple(SALESFORCE_OBJECTS)),
    "segment": ConnectorKind(SegmentSettings, _mapped(Segment), SEGMENT_OBJECTS),
    "webhook": ConnectorKind(WebhookSettings, _webhook),
}


def make_connector(
    kind: str,
    values: Mapping[str, object],
    *,
    clock: Clock,
    waiting: Waiting,
    name: str | None = None,
    mapping: Path | None = None,
) -> Connector:
    """The connector of ``kind`` that ``values`` describe, under ``name`` where there are several of a kind.

    ``mapping`` is a file of field mappings that takes the place of the shipped one. Opens no connection.
    Raises ``Misconfigured``, which names what is wrong without repeating it, and ``MappingInvalid``.
    """
    found = KINDS.get(kind)
    if found is None:
        raise Misconfigured(f"There is no connector {kind!r}; there are {', '.join(sorted(KINDS))}.")
    if mapping is not None and not found.objects:
        raise Misconfigured(f"The connector {kind} has no fields to map.")
    try:
        settings = found.settings.model_validate(values)
    except ValidationError as error:
        raise Misconfigured(f"The connector {name or kind}: {_problems(error)}.") from None
    fields = None if mapping is None else _load(mapping, found.objects)
    connector = found.make(settings, clock, waiting, fields)
    connector.name = name or kind
    return connector


def _problems(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in found)


def _load(path: Path, objects: tuple[str, ...]) -> FieldMapping:
    try:
        return load_mapping(path, objects=objects)
    except OSError as error:
        raise Misconfigured(f"The mapping {path} cannot be read: {error.strerror}.") from None
