"""What routes ask for, as ``Annotated`` aliases."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.auth import Authenticator, Caller, VisitorTokens, require
from api.errors import InsightsOff, SignalsOff, TriageOff
from api.learning import LearningRuns
from api.operation_runs import OperationRuns
from api.opinions import Opinions
from api.ports import Chat
from api.state import ApiConfig, Services
from api.syncs import Syncs
from api.triagers import TriageParts
from customers import CustomerBook, IdentityId, MergeId
from insights.parts import InsightParts
from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import ConversationId, CustomerId, MessageId, SignalId
from signals.delivery.parts import DeliveryParts
from signals.inbound.receiver import Receiver
from signals.parts import SignalParts
from signals.predictions.outlook import Outlook
from store.access import Scope
from triage.corrections import CorrectionId, TicketId

Part = TypeVar("Part")

_NO_SIGNALS = "Signals are off here: CARELOOP_SIGNALS__ENABLED turns them on."
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An API key (`cl_...`) or a visitor token of `POST /v1/visitors`.",
)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _config(request: Request) -> ApiConfig:
    config: ApiConfig = request.app.state.config
    return config


async def _chat(request: Request) -> Chat:
    services: Services = request.app.state.services
    return services.chat


async def _syncs(request: Request) -> Syncs:
    syncs: Syncs = request.app.state.syncs
    return syncs


async def _clock(request: Request) -> Clock:
    services: Services = request.app.state.services
    return services.clock


async def _tokens(request: Request) -> VisitorTokens:
    tokens: VisitorTokens = request.app.state.tokens
    return tokens


async def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator


async def _caller(
    request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    authenticator: Authenticator = request.app.state.authenticator
    caller = await authenticator.admit(request)
    request.state.caller = caller.id
    return caller


async def _book(request: Request) -> CustomerBook:
    services: Services = request.app.state.services
    return services.customers


def _present(part: Part | None, off: CareloopError) -> Part:
    """``part``, or ``off`` raised where this server has none."""
    if part is None:
        raise off
    return part


async def _triage(request: Request) -> TriageParts:
    services: Services = request.app.state.services
    return _present(services.triage, TriageOff("Triage is off here: CARELOOP_TRIAGE__ENABLED turns it on."))


async def _signals(request: Request) -> SignalParts:
    services: Services = request.app.state.services
    return _present(services.signals, SignalsOff(_NO_SIGNALS))


async def _delivery(request: Request) -> DeliveryParts:
    services: Services = request.app.state.services
    return _present(services.delivery, SignalsOff("Signals are delivered by another installation."))


async def _inbound(request: Request) -> Receiver:
    services: Services = request.app.state.services
    return _present(services.inbound, SignalsOff(_NO_SIGNALS))


async def _insights(request: Request) -> InsightParts:
    services: Services = request.app.state.services
    return _present(services.insights, InsightsOff("Digests are made by another installation."))


async def _outlook(request: Request) -> Outlook:
    services: Services = request.app.state.services
    return _present(services.outlook, SignalsOff("Nothing is predicted here."))


async def _learning(request: Request) -> LearningRuns:
    await _triage(request)
    learning: LearningRuns = request.app.state.learning
    return learning


async def _opinions(request: Request) -> Opinions:
    await _triage(request)
    opinions: Opinions = request.app.state.opinions
    return opinions


async def _operations(request: Request) -> OperationRuns:
    await _triage(request)
    operations: OperationRuns = request.app.state.operations
    return operations


class _With:
    """A dependency: the caller, who must have ``scope``."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        return require(caller, self.scope)


ServicesDep = Annotated[Services, Depends(_services)]
ConfigDep = Annotated[ApiConfig, Depends(_config)]
ChatDep = Annotated[Chat, Depends(_chat)]
SyncsDep = Annotated[Syncs, Depends(_syncs)]
ClockDep = Annotated[Clock, Depends(_clock)]
TokensDep = Annotated[VisitorTokens, Depends(_tokens)]
BookDep = Annotated[CustomerBook, Depends(_book)]
TriageDep = Annotated[TriageParts, Depends(_triage)]
SignalsDep = Annotated[SignalParts, Depends(_signals)]
InsightsDep = Annotated[InsightParts, Depends(_insights)]
DeliveryDep = Annotated[DeliveryParts, Depends(_delivery)]
InboundDep = Annotated[Receiver, Depends(_inbound)]
OutlookDep = Annotated[Outlook, Depends(_outlook)]
OperationsDep = Annotated[OperationRuns, Depends(_operations)]
OpinionsDep = Annotated[Opinions, Depends(_opinions)]
LearningDep = Annotated[LearningRuns, Depends(_learning)]
AuthenticatorDep = Annotated[Authenticator, Depends(_authenticator)]

AnyCaller = Annotated[Caller, Depends(_caller)]
ChatCaller = Annotated[Caller, Depends(_With(Scope.CHAT))]
AgentCaller = Annotated[Caller, Depends(_With(Scope.AGENT))]
KnowledgeReader = Annotated[Caller, Depends(_With(Scope.KNOWLEDGE_READ))]
KnowledgeWriter = Annotated[Caller, Depends(_With(Scope.KNOWLEDGE_WRITE))]
TriageReader = Annotated[Caller, Depends(_With(Scope.TRIAGE_READ))]
TriageWriter = Annotated[Caller, Depends(_With(Scope.TRIAGE_WRITE))]
SignalReader = Annotated[Caller, Depends(_With(Scope.SIGNALS_READ))]
SignalWriter = Annotated[Caller, Depends(_With(Scope.SIGNALS_WRITE))]
CustomersReader = Annotated[Caller, Depends(_With(Scope.CUSTOMERS_READ))]
CustomersWriter = Annotated[Caller, Depends(_With(Scope.CUSTOMERS_WRITE))]
Administrator = Annotated[Caller, Depends(_With(Scope.ADMIN))]

_ID = "^[A-Za-z0-9_-]{1,40}$"
ConversationPath = Annotated[
    ConversationId,
    Path(alias="conversation_id", pattern=_ID, examples=["conv_06dbn3v0m5s1t7w9yb2d4f6h8k"]),
]
MessagePath = Annotated[
    MessageId, Path(alias="message_id", pattern=_ID, examples=["msg_06dbn3v0m5s1t7w9yb2d4f6h8k"])
]
TicketPath = Annotated[
    TicketId, Path(alias="ticket_id", pattern=_ID, examples=["tkt_06dbn3v0m5s1t7w9yb2d4f6h8k"])
]
SignalPath = Annotated[
    SignalId, Path(alias="signal_id", pattern=_ID, examples=["sig_06dbn3v0m5s1t7w9yb2d4f6h8k"])
]
CustomerPath = Annotated[
    CustomerId, Path(alias="customer_id", pattern=_ID, examples=["cus_06dbn3v0m5s1t7w9yb2d4f6h8k"])
]
IdentityPath = Annotated[
    IdentityId, Path(alias="identity_id", pattern=_ID, examples=["idn_06dbn3v0m5s1t7w9yb2d4f6h8k"])
]
MergePath = Annotated[
    MergeId, Path(alias="merge_id", pattern=_ID, examples=["mrg_06dbn3v0m5s1t7w9yb2d4f6h8k"])
]
CorrectionPath = Annotated[CorrectionId, Path(alias="correction_id", ge=1, le=2**31 - 1, examples=[17])]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
