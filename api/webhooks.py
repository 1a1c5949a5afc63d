"""Where connectors' targets call, and what came of what they told. Calls need no key: they are signed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from api import inbound_models as models
from api.connectors import ConnectorPath
from api.deps import AuthenticatorDep, InboundDep, Limit, ServicesDep, SignalReader, SignalWriter
from api.problems import NOT_FOUND, problems
from api.state import Services
from signals.connectors.inbound import WebhookCall, WebhookSource
from signals.delivery.errors import UnknownConnector
from signals.inbound.news import NewsResult, Via
from signals.inbound.receiver import Receiver
from signals.inbound.sharing import Shared, shared

BAD_GATEWAY = 502
router = APIRouter(prefix="/v1/connectors", tags=["connectors"], responses=problems(NOT_FOUND, BAD_GATEWAY))

SecretPath = Annotated[str, Path(alias="secret", pattern="^[A-Za-z0-9._~-]{1,200}$", examples=["f" * 40])]


@router.post("/{connector}/webhook", operation_id="take_webhook")
async def take_webhook(
    *,
    request: Request,
    services: ServicesDep,
    authenticator: AuthenticatorDep,
    receiver: InboundDep,
    connector: ConnectorPath,
) -> models.Received:
    """A call that the connector's target signs: HubSpot's webhooks, and outcomes as signed CloudEvents.

    What it tells a second time changes nothing. The body is read as it is, of any content type.
    """
    await authenticator.count_address(request)
    return await _take(request, services, receiver, connector, None)


@router.get("/{connector}/webhook/{secret}", operation_id="try_secret_webhook")
@router.post("/{connector}/webhook/{secret}", operation_id="take_secret_webhook")
async def take_secret_webhook(
    *,
    request: Request,
    services: ServicesDep,
    authenticator: AuthenticatorDep,
    receiver: InboundDep,
    connector: ConnectorPath,
    secret: SecretPath,
) -> models.Received:
    """The same of a target that signs nothing and is known by the end of the address: Mailchimp.

    It asks with GET before it keeps an address: 200 where that is right.
    """
    await authenticator.count_address(request)
    return await _take(request, services, receiver, connector, secret)


@router.get("/{connector}/news", operation_id="list_connector_news")
async def list_news(
    *,
    caller: SignalReader,
    services: ServicesDep,
    receiver: InboundDep,
    connector: ConnectorPath,
    result: models.KeptResult | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="`next` of a page.")] = None,
    limit: Limit = 50,
) -> models.NewsPage:
    """What the connector told by webhook or poll in the last 90 days, youngest first."""
    async with services.database.read() as connection:
        found = await receiver.news.page(
            connection,
            caller.workspace_id,
            connector,
            result=None if result is None else NewsResult(result.value),
            before=before,
            limit=limit,
        )
    items = [models.News.of(one) for one in found]
    return models.NewsPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/{connector}/news/retry", operation_id="retry_connector_news")
async def retry_news(
    caller: SignalWriter, services: ServicesDep, receiver: InboundDep, connector: ConnectorPath
) -> models.Received:
    """Try once more to take what was unmatched or refused."""
    found = await _shared(services, connector)
    theirs = Shared(connector, found.connector, (caller.workspace_id,))
    if caller.workspace_id not in found.workspaces:
        raise UnknownConnector(f"No connector named {connector} is on.")
    return models.Received.of(await receiver.again(theirs))


async def _take(
    request: Request, services: Services, receiver: Receiver, connector: str, secret: str | None
) -> models.Received:
    found = await _shared(services, connector)
    if not isinstance(found.connector, WebhookSource):
        raise UnknownConnector(f"The connector {connector} takes no webhooks: it is asked for news instead.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = WebhookCall(request.method, str(request.url), headers, await request.body(), secret)
    told = await found.connector.read_call(call)
    return models.Received.of(await receiver.take(found, told, via=Via.WEBHOOK))


async def _shared(services: Services, connector: str) -> Shared:
    """The connector with its workspaces. Raises ``UnknownConnector``."""
    workspaces = [workspace.id for workspace in await services.access.workspaces()]
    targets = () if services.delivery is None else shared(services.delivery.targets, workspaces)
    found = next((one for one in targets if one.name == connector), None)
    if found is None:
        raise UnknownConnector(f"No connector named {connector} is on.")
    return found
