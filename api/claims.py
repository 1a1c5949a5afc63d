"""What the brand may say, and whether a text keeps to it: for panels, suggestions and whoever writes."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from api import claim_models as models
from api.deps import AgentCaller, ServicesDep
from api.problems import problems
from bot.claim_review import ClaimReview

router = APIRouter(prefix="/v1/claims", tags=["claims"], responses=problems())


@router.get("", operation_id="list_claims")
async def list_claims(caller: AgentCaller, services: ServicesDep) -> models.ClaimList:
    """Everything that is approved for the workspace's brand, as it holds today."""
    checker = None if services.claims is None else services.claims.brands.of(caller.workspace_id)
    if checker is None:
        return models.ClaimList(brand=None, today=None, items=[])
    return models.ClaimList.of(checker.claims, on=checker.claims.day(services.clock.now()))


@router.post("/check", operation_id="check_claims")
async def check_claims(
    caller: AgentCaller, services: ServicesDep, body: models.TextToCheck
) -> models.FindingList:
    """What of a text contradicts an approved claim, makes an offer out of its time, or is not said so."""
    checker = None if services.claims is None else services.claims.brands.of(caller.workspace_id)
    if checker is None:
        return models.FindingList(items=[])
    day = body.on or checker.claims.day(services.clock.now())
    return models.FindingList(items=[models.Finding.of(one) for one in checker.check(body.text, on=day)])


class ClaimMetrics(Collector):
    """How often answers were kept from saying what is not approved, by kind and what became of it."""

    def __init__(self, review: ClaimReview) -> None:
        self._review = review

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One counter."""
        family = CounterMetricFamily(
            "careloop_claim_objections",
            "Words of answers that the brand does not approve.",
            labels=("kind", "became"),
        )
        for (kind, became), number in self._review.counts.items():
            family.add_metric((str(kind), str(became)), number)
        yield family
