"""Sequences at Marketo: membership of a static list or of a program, which smart campaigns listen to."""

from __future__ import annotations

from collections.abc import Mapping

from signals.connectors.connector import Receipt
from signals.connectors.http import Call
from signals.connectors.marketo.settings import MarketoSequence
from signals.connectors.sequences import no_such_sequence


def sequence(sequences: Mapping[str, MarketoSequence], journey: str) -> MarketoSequence:
    """What ``journey`` is there. Raises ``DeliveryRefused`` where no setting says so."""
    found = sequences.get(journey)
    if found is None:
        raise no_such_sequence("marketo", journey)
    return found


def enrolling(asked: MarketoSequence, lead: int) -> dict[str, Call]:
    """The calls that let a lead in, by kind of membership."""
    return _calls(asked, lead, "POST", asked.program_status)


def leaving(asked: MarketoSequence, lead: int) -> dict[str, Call]:
    """The calls that take a lead out; without a status for who left, the membership itself ends."""
    calls = _calls(asked, lead, "DELETE", asked.left_status)
    if asked.program_id is not None and asked.left_status is None:
        path = f"/rest/v1/programs/{asked.program_id}/members/delete.json"
        calls["program"] = Call("POST", path, json={"input": [{"leadId": lead}]})
    return calls


def receipt(asked: MarketoSequence, lead: int) -> Receipt:
    """Which lead is a member of what, or was."""
    ids = {"lead": lead, "list": asked.list_id, "program": asked.program_id}
    return Receipt({kind: str(record) for kind, record in ids.items() if record is not None})


def _calls(asked: MarketoSequence, lead: int, method: str, status: str | None) -> dict[str, Call]:
    calls = {}
    if asked.list_id is not None:
        path = f"/rest/v1/lists/{asked.list_id}/leads.json"
        # Adobe describes the id of a removal in both places.
        params = {"id": str(lead)} if method == "DELETE" else {}
        calls["list"] = Call(method, path, params, json={"input": [{"id": lead}]})
    if asked.program_id is not None and status is not None:
        path = f"/rest/v1/programs/{asked.program_id}/members/status.json"
        calls["program"] = Call("POST", path, json={"statusName": status, "input": [{"leadId": lead}]})
    return calls
