"""Which mail no person wrote, by its headers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.automatic import automatic_origin
from triage.labels import Origin


@dataclass(frozen=True)
class Case:
    name: str
    origin: Origin | None
    headers: dict[str, str] = field(default_factory=dict)


PERSON = {"From": "Ann <ann@example.org>", "Return-Path": "<ann@example.org>", "Content-Type": "text/plain"}
CASES = (
    Case("a person", None, PERSON),
    Case("no headers", None),
    Case("a person's mail program says no", None, {"Auto-Submitted": "no"}),
    Case("no, with a comment", None, {"Auto-Submitted": "No (typed by hand); by=ann"}),
    Case("a firm that silences absence notices", None, {"X-Auto-Response-Suppress": "OOF, AutoReply"}),
    Case("urgent is no bulk", None, {"Precedence": "urgent"}),
    Case("a signed mail", None, {"Content-Type": 'multipart/signed; micalg="sha-256"'}),
    Case("a list header that is empty", None, {"List-Unsubscribe": " "}),
    Case("absence notice", Origin.AUTO_REPLY, {"Auto-Submitted": "auto-replied (vacation)"}),
    Case("absence notice of Exchange", Origin.AUTO_REPLY,
         {"auto-submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Return-Path": "<>"}),
    Case("absence notice with parameters", Origin.AUTO_REPLY, {"AUTO-SUBMITTED": "Auto-Replied; owner=x"}),
    Case("absence notice without return path", Origin.AUTO_REPLY,
         {"Return-Path": "<>", "X-Auto-Response-Suppress": "All"}),
    Case("old responder", Origin.AUTO_REPLY, {"Precedence": "auto_reply"}),
    Case("older responder", Origin.AUTO_REPLY, {"X-Autoreply": "yes"}),
    Case("a responder that says bulk", Origin.AUTO_REPLY,
         {"Precedence": "bulk", "Auto-Submitted": "auto-replied"}),
    Case("an alarm", Origin.AUTO_REPLY, {"Auto-Submitted": "auto-generated"}),
    Case("read receipt", Origin.AUTO_REPLY,
         {"Content-Type": "multipart/report; report-type=disposition-notification; boundary=x"}),
    Case("delivery report", Origin.BOUNCE,
         {"Content-Type": 'Multipart/Report; boundary="b"; report-type="delivery-status"'}),
    Case("delivery report of an automaton", Origin.BOUNCE,
         {"Content-Type": "multipart/report; report-type=delivery-status", "Auto-Submitted": "auto-replied"}),
    Case("nobody to return to", Origin.BOUNCE, {"Return-Path": "< >"}),
    Case("failed recipients", Origin.BOUNCE, {"X-Failed-Recipients": "bob@example.org"}),
    Case("daemon", Origin.BOUNCE, {"From": "Mail Delivery System <MAILER-DAEMON@mx.example.org>"}),
    Case("newsletter", Origin.NEWSLETTER, {**PERSON, "List-Unsubscribe": "<https://example.org/out>"}),
    Case("mailing list", Origin.NEWSLETTER, {"List-Id": "<users.example.org>", "Precedence": "list"}),
    Case("bulk", Origin.NEWSLETTER, {"Precedence": "Bulk"}),
    Case("newsletter of a machine", Origin.NEWSLETTER,
         {"List-Unsubscribe": "<mailto:out@example.org>", "Auto-Submitted": "auto-generated"}),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_headers_say_who_sent_it(case: Case) -> None:
    assert automatic_origin(case.headers) is case.origin


@given(
    st.dictionaries(
        st.sampled_from(["Auto-Submitted", "Precedence", "Content-Type", "Return-Path", "From"]), st.text()
    )
)
def test_any_value_is_read(headers: dict[str, str]) -> None:
    assert automatic_origin(headers) in {None, Origin.AUTO_REPLY, Origin.BOUNCE, Origin.NEWSLETTER}
