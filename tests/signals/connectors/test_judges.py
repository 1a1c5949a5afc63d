"""What each vendor's errors mean: whose turn it is, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from signals.connectors.answer import Answer, Json, Standing
from signals.connectors.hubspot.judge import judge as hubspot
from signals.connectors.hubspot.judge import standing as hubspot_standing
from signals.connectors.salesforce.judge import SalesforceJudge, complaints, decisive

salesforce = SalesforceJudge("Careloop_Id__c")


def _answer(status: int, body: Json) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def _error(code: str, message: str = "words") -> list[dict[str, str]]:
    return [{"errorCode": code, "message": message}]


@dataclass(frozen=True)
class Case:
    status: int
    body: Json
    standing: Standing
    says: str = ""


@pytest.mark.parametrize(
    "case",
    [
        Case(201, {"id": "003"}, Standing.DONE),
        Case(204, b"", Standing.DONE),
        Case(401, _error("INVALID_SESSION_ID"), Standing.EXPIRED, "INVALID_SESSION_ID"),
        Case(403, _error("REQUEST_LIMIT_EXCEEDED"), Standing.LATER, "REQUEST_LIMIT_EXCEEDED: words"),
        Case(403, _error("API_DISABLED_FOR_ORG"), Standing.LOCKED_OUT),
        Case(403, _error("SOMETHING_NEW"), Standing.LOCKED_OUT),
        Case(400, _error("UNABLE_TO_LOCK_ROW"), Standing.LATER),
        Case(400, _error("DUPLICATE_VALUE", "duplicate value found: Careloop_Id__c"), Standing.LATER),
        Case(400, _error("DUPLICATE_VALUE", "duplicate value found: Other__c"), Standing.REFUSED),
        Case(400, _error("INVALID_FIELD", "No such column 'X__c'"), Standing.REFUSED, "X__c"),
        Case(500, _error("UNKNOWN_EXCEPTION"), Standing.LATER),
        Case(503, b"<html>", Standing.LATER),
        Case(404, b"<html>", Standing.REFUSED),
    ],
)
def test_salesforce(case: Case) -> None:
    verdict = salesforce(_answer(case.status, case.body))
    assert verdict.standing is case.standing
    assert case.says in verdict.reason


def test_of_parts_that_failed_together_the_first_cause_counts() -> None:
    found = complaints([*_error("PROCESSING_HALTED"), *_error("INVALID_FIELD")])
    assert str(decisive(found)) == "INVALID_FIELD: words"
    assert decisive(found[:1]) is found[0]
    assert decisive([]) is None


_INVALID = (
    'Property values were not valid: [{"isValid":false,"message":"ada@example is no address",'
    '"error":"INVALID_EMAIL","name":"email"}]'
)


@pytest.mark.parametrize(
    "case",
    [
        Case(200, {"results": []}, Standing.DONE),
        Case(207, {"results": [], "errors": []}, Standing.DONE),
        Case(401, {"category": "INVALID_AUTHENTICATION", "message": "no"}, Standing.EXPIRED, "INVALID_AUTH"),
        Case(403, {"category": "MISSING_SCOPES", "message": "scopes"}, Standing.LOCKED_OUT, "MISSING_SCOPES"),
        Case(429, {"category": "RATE_LIMITS", "message": "slow down"}, Standing.LATER),
        Case(423, {"category": "x", "message": "locked"}, Standing.LATER),
        Case(477, {"category": "x", "message": "moving"}, Standing.LATER),
        Case(502, b"<html>", Standing.LATER),
        Case(
            400,
            {"category": "VALIDATION_ERROR", "message": _INVALID},
            Standing.REFUSED,
            "(properties: email)",
        ),
        Case(400, b"<html>", Standing.REFUSED),
        Case(400, {"message": "were not valid: [{cut"}, Standing.REFUSED),
        Case(
            400,
            {"category": "V", "message": "no", "errors": [{"context": {"propertyName": ["plan"]}}]},
            Standing.REFUSED,
            "(properties: plan)",
        ),
    ],
)
def test_hubspot(case: Case) -> None:
    verdict = hubspot(_answer(case.status, case.body))
    assert verdict.standing is case.standing
    assert case.says in verdict.reason
    assert "ada@example" not in verdict.reason


def test_an_error_within_a_hubspot_batch_may_pass() -> None:
    assert hubspot_standing({"category": "RATE_LIMITS"}) is Standing.LATER
    assert hubspot_standing({"category": "VALIDATION_ERROR"}) is Standing.REFUSED
