"""The parts of insights, made from the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from api.triagers import TriageParts
from careloop.build_triage import own_names
from careloop.insight_settings import DigestEntry, SmtpSettings
from careloop.settings import Settings
from customers import CustomerBook
from inference.embeddings import Encoder, Vector
from insights import campaigns
from insights.contacts import Contacts
from insights.delivery.channel import Channel
from insights.delivery.folder import FolderChannel
from insights.delivery.ledger import DigestLedger
from insights.delivery.mail import MailChannel
from insights.delivery.mail_server import MailServer
from insights.delivery.sender import Sender
from insights.delivery.webhook import WebhookChannel
from insights.digester import Company, Digester
from insights.parts import InsightParts
from insights.plan import Plan
from kit.clock import Clock
from kit.errors import Misconfigured
from kit.ids import WorkspaceId
from retrieval.retriever import Retriever
from signals.connectors.webhook.settings import WebhookSettings
from store.encryption import Cipher
from store.engine import Database
from triage.taxonomy import Taxonomy


def build_insights(
    settings: Settings,
    database: Database,
    *,
    cipher: Cipher,
    book: CustomerBook,
    clock: Clock,
    retriever: Retriever,
    encoder: Encoder,
    triage: TriageParts | None,
) -> InsightParts:
    """The parts. Raises ``Misconfigured`` for a webhook, ``SignalDataInvalid`` for campaigns of no use."""

    async def known_vectors(workspace: WorkspaceId) -> Mapping[str, Vector]:
        if triage is None:
            return {}
        return (await triage.triagers.of(workspace)).triager.models.intents.label_vectors()

    contacts = Contacts(database, cipher, book, clock)
    digester = Digester(
        database=database,
        cipher=cipher,
        contacts=contacts,
        retriever=retriever,
        encoder=encoder,
        clock=clock,
        company=company(settings, triage),
        known_vectors=known_vectors,
    )
    ledger = DigestLedger(database, clock=clock)
    plans = {WorkspaceId(name): _plan(settings, name, clock) for name in settings.insights.digests}
    sender = Sender(digester=digester, ledger=ledger, contacts=contacts, plans=plans, clock=clock)
    zone = ZoneInfo(settings.insights.time_zone)
    return InsightParts(digester=digester, sender=sender, ledger=ledger, plans=plans, zone=zone, clock=clock)


def company(settings: Settings, triage: TriageParts | None) -> Company:
    """What a digest has to know of the company. Raises ``SignalDataInvalid``."""
    file = settings.insights.campaigns or campaigns.SHIPPED
    known = None if triage is None else triage.taxonomy
    return Company(
        name=settings.bot.company,
        base_url=settings.signals.public_url,
        titles={} if known is None else titles(known),
        own_names=[*own_names(settings), *(() if known is None else known.brands)],
        rivals=[*settings.triage.competitors, *(() if known is None else known.rivals)],
        campaigns=campaigns.read_campaigns(file).campaigns,
        router=None if triage is None else triage.router,
    )


def titles(taxonomy: Taxonomy) -> dict[str, str]:
    """What intents, and groups of them, are called before people."""
    leaves = {name: intent.title for name, intent in taxonomy.leaves.items()}
    return {**{parent.name: parent.title for parent in taxonomy.intents}, **leaves}


def _plan(settings: Settings, workspace: str, clock: Clock) -> Plan:
    entry = settings.insights.digests[workspace]
    return Plan(
        zone=ZoneInfo(entry.time_zone or settings.insights.time_zone),
        send_at=entry.moment,
        channels=_channels(settings.insights.smtp, workspace, entry, clock),
    )


def _channels(smtp: SmtpSettings, workspace: str, entry: DigestEntry, clock: Clock) -> Sequence[Channel]:
    found: list[Channel] = []
    if smtp.host is not None:
        server = MailServer(
            smtp.host,
            smtp.port,
            smtp.encryption,
            smtp.sender,
            user=smtp.user,
            password=None if smtp.password is None else smtp.password.get_secret_value(),
            certificates=None if smtp.certificates is None else str(smtp.certificates),
        )
        found += [MailChannel(server, recipient) for recipient in entry.recipients]
    if entry.webhook is not None:
        found.append(WebhookChannel(_webhook(workspace, entry.webhook), clock=clock))
    if entry.folder is not None:
        found.append(FolderChannel(entry.folder))
    return found


def _webhook(workspace: str, asked: Mapping[str, object]) -> WebhookSettings:
    try:
        return WebhookSettings.model_validate(asked)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)
        )
        raise Misconfigured(f"CARELOOP_INSIGHTS__DIGESTS, {workspace}, webhook: {wrong}") from None
