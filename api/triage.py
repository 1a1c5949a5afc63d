"""What messages are, by which models, and how those learn from people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api import learning_models, opinion_models
from api import triage_models as models
from api.deps import ClockDep, LearningDep, ServicesDep, TriageDep, TriageReader, TriageWriter
from api.problems import CONFLICT, NOT_FOUND, problems
from api.ticket_models import Moment
from api.triagers import KIND
from kit.errors import NotFound
from triage.opinion_report import report

router = APIRouter(prefix="/v1/triage", tags=["triage"], responses=problems(NOT_FOUND))

ModelPath = Annotated[
    str, Path(alias="version", pattern="^[A-Za-z0-9_-]{1,80}$", examples=[models.MODEL_VERSION])
]


@router.post("", operation_id="triage_messages")
async def triage_messages(
    *,
    caller: TriageReader,
    triage: TriageDep,
    clock: ClockDep,
    body: models.MessageToTriage | models.MessagesToTriage,
    evidence: Annotated[bool, Query(description="Without evidence it is faster.")] = True,
) -> models.TriageResults:
    """Say what one message or up to a hundred are, and where they would go; nothing of them is kept.

    Whatever is in a message gets an answer: an empty one, one of hundreds of kilobytes, one in no language.
    """
    sent = body.messages if isinstance(body, models.MessagesToTriage) else [body]
    now = clock.now()
    found, answering = await triage.triagers.triage(
        caller.workspace_id, [each.message for each in sent], evidence=evidence, today=now.date()
    )
    results = [
        models.TriagedMessage.of(
            said,
            text=each.text or "",
            intent_model=answering.intent_model,
            routing=triage.route(said, at=now, facts=each.customer, channel=each.channel),
        )
        for each, said in zip(sent, found, strict=True)
    ]
    return models.TriageResults(results=results)


@router.get("/taxonomy", operation_id="get_taxonomy")
async def get_taxonomy(caller: TriageReader, triage: TriageDep) -> models.Taxonomy:  # noqa: ARG001 (admits)
    """The intents, queues and signals that messages are sorted by."""
    return models.Taxonomy.of(triage.taxonomy)


@router.get("/models", operation_id="list_triage_models")
async def list_triage_models(caller: TriageReader, triage: TriageDep) -> learning_models.TriageModelList:
    """Every version of the workspace's intent model, newest first.

    There is none until it has learned for the first time: what ships answers.
    """
    history = await triage.registry.history(caller.workspace_id, KIND)
    return learning_models.TriageModelList(items=[learning_models.TriageModel.of(model) for model in history])


@router.post("/models/{version}/promote", operation_id="promote_triage_model")
async def promote_triage_model(
    caller: TriageWriter, triage: TriageDep, version: ModelPath
) -> learning_models.TriageModel:
    """Let a version answer, on every server within five seconds. Doing it twice changes nothing."""
    return learning_models.TriageModel.of(await triage.registry.promote(caller.workspace_id, KIND, version))


@router.post("/models/rollback", operation_id="roll_back_triage_model", responses=problems(CONFLICT))
async def roll_back_triage_model(caller: TriageWriter, triage: TriageDep) -> learning_models.TriageModel:
    """Let the version answer that did before the live one; again goes one further back."""
    return learning_models.TriageModel.of(await triage.registry.roll_back(caller.workspace_id, KIND))


@router.post("/learn", operation_id="start_learning", status_code=202, responses=problems(CONFLICT))
async def start_learning(caller: TriageWriter, learning: LearningDep) -> learning_models.Learning:
    """Begin to learn from every correction so far; follow it with `GET /v1/triage/learn`.

    A new model is promoted when it is shown to be better on corrections that it has not seen, and no worse
    on the examples of the taxonomy. 409 while a run is under way; every night, at the time of the settings,
    there is one anyway.
    """
    return learning_models.Learning.of(await learning.start(caller.workspace_id))


@router.get("/learn", operation_id="get_learning")
async def get_learning(caller: TriageReader, learning: LearningDep) -> learning_models.Learning:
    """The last run of learning, whichever server or command began it; 404 before the first."""
    run = await learning.latest(caller.workspace_id)
    if run is None:
        raise NotFound("Nothing was learned yet; POST /v1/triage/learn begins.")
    return learning_models.Learning.of(run)


@router.get("/second-opinions", operation_id="report_second_opinions")
async def report_second_opinions(
    caller: TriageReader,
    services: ServicesDep,
    triage: TriageDep,
    since: Annotated[Moment | None, Query(description="Of opinions made then or later.")] = None,
) -> opinion_models.SecondOpinions:
    """What second opinions of a language model cost, and whether they are worth it."""
    async with services.database.read() as connection:
        found = await triage.opinions.settled(connection, caller.workspace_id, since=since)
    return opinion_models.SecondOpinions.of(
        report(found, prices=triage.prices), enabled=triage.second_opinion is not None
    )
