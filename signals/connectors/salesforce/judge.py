"""What Salesforce's error codes mean for a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from signals.connectors.answer import Answer, Json, Standing, Verdict, by_status

# "Status Codes and Error Responses" of the REST API guide, and "Core Data Types", StatusCode.
_LATER = frozenset(
    {
        "REQUEST_LIMIT_EXCEEDED",
        "REQUEST_RUNNING_TOO_LONG",
        "SERVER_UNAVAILABLE",
        "UNABLE_TO_LOCK_ROW",
        "QUERY_TIMEOUT",
        "UNKNOWN_EXCEPTION",
        "TXN_SECURITY_METERING_ERROR",
    }
)
_LOCKED_OUT = frozenset({"API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG", "INVALID_LOGIN", "ORG_LOCKED"})
_HALTED = "PROCESSING_HALTED"  # of a sub-request that was undone because another failed


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of Salesforce's."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()  # ids of the records that a duplicate rule found

    def __str__(self) -> str:
        named = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.code}{named}: {self.message}"


def complaints(body: Json) -> list[Complaint]:
    """The errors in ``body``; none where it has none."""
    found = body if isinstance(body, list) else [body]
    return [
        Complaint(
            str(one["errorCode"]),
            str(one.get("message", "")),
            tuple(str(name) for name in one.get("fields") or ()),
            tuple(_matches(one)),
        )
        for one in found
        if isinstance(one, dict) and "errorCode" in one
    ]


def _matches(error: dict[str, Any]) -> list[str]:
    results = (error.get("duplicateResult") or {}).get("matchResults") or []
    return [match["record"]["Id"] for result in results for match in result.get("matchRecords") or []]


def standing(complaint: Complaint, external_id_field: str) -> Standing:
    """Whose turn it is after ``complaint``."""
    if complaint.code in _LATER:
        return Standing.LATER
    if complaint.code == "DUPLICATE_VALUE" and external_id_field in complaint.message:
        return Standing.LATER  # two upserts of one new record at once: the next one finds it
    return Standing.LOCKED_OUT if complaint.code in _LOCKED_OUT else Standing.REFUSED


def decisive(found: Sequence[Complaint]) -> Complaint | None:
    """The error that made the others."""
    return next((one for one in found if one.code != _HALTED), found[0] if found else None)


class SalesforceJudge:
    """Judges whole answers; the parts of a composite answer are looked at one by one."""

    def __init__(self, external_id_field: str) -> None:
        self._field = external_id_field

    def __call__(self, answer: Answer) -> Verdict:
        """The verdict on ``answer``."""
        complaint = decisive(complaints(answer.json_or_none()))
        verdict = by_status(answer, str(complaint) if complaint else "")
        if complaint is None or verdict.standing not in {Standing.REFUSED, Standing.LOCKED_OUT}:
            return verdict
        if verdict.standing is Standing.LOCKED_OUT and standing(complaint, self._field) is Standing.REFUSED:
            return verdict
        return Verdict(standing(complaint, self._field), str(complaint))
