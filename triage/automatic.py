"""Mail that a machine sent: answering it makes a loop, or annoys nobody who could read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from triage.labels import Origin

_DAEMON = re.compile(r"(?i)(?:^|[<\s])(?:mailer-daemon|mail-daemon)@")
_REPORT = re.compile(r"\breport-type\s{0,3}=\s{0,3}\"?\s{0,3}([\w-]{1,40})")
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_NO = frozenset({"", "no", "none", "false", "0"})
_LIST = ("list-unsubscribe", "list-id", "list-post", "feedback-id")
_BULK = frozenset({"bulk", "list", "junk"})
_ANSWER = frozenset({"auto_reply", "auto-reply", "autoreply"})
_RESPONDERS = ("x-autoreply", "x-auto-reply", "x-autorespond", "x-autoresponder", "x-mail-autoreply")


def automatic_origin(headers: Mapping[str, str]) -> Origin | None:
    """What kind of machine sent a message with these ``headers`` (any case); none where a person may have.

    Sources: RFC 3834 (Auto-Submitted), RFC 3464 and 8098 (reports), RFC 5321 section 4.5.5 (the empty return
    path of a bounce, which absence notices have too), RFC 2369 and 2919 (lists), Precedence as sendmail and
    its successors use it. X-Auto-Response-Suppress tells an absence notice from a bounce; alone it says
    nothing, as companies set it on the mail of people.
    """
    found = {name.strip().lower(): value.strip().lower() for name, value in headers.items()}
    submitted = _keyword(found.get("auto-submitted", ""))
    precedence = found.get("precedence", "")
    answers = submitted == "auto-replied" or precedence in _ANSWER or _any_of(found, _RESPONDERS)
    if found.get("content-type", "").startswith("multipart/report"):
        return _reported(found["content-type"])
    if "x-failed-recipients" in found or _DAEMON.search(found.get("from", "")):
        return Origin.BOUNCE
    if answers:
        return Origin.AUTO_REPLY
    if _nobody_to_return_to(found):
        absent = submitted or _any_of(found, ("x-auto-response-suppress",))
        return Origin.AUTO_REPLY if absent else Origin.BOUNCE
    if precedence in _BULK or _any_of(found, _LIST):
        return Origin.NEWSLETTER
    return Origin.AUTO_REPLY if submitted else None


def _reported(content_type: str) -> Origin:
    """A delivery report is a bounce; a receipt that a mail was read is an answer."""
    report = _REPORT.search(content_type)
    return Origin.BOUNCE if report is None or report[1] == "delivery-status" else Origin.AUTO_REPLY


def _keyword(value: str) -> str:
    """The keyword of Auto-Submitted, without comments and parameters; empty where a person sent the mail."""
    keyword = _COMMENT.sub("", value).split(";")[0].strip()
    return "" if keyword in _NO else keyword


def _any_of(headers: Mapping[str, str], names: Sequence[str]) -> bool:
    return any(headers.get(name, "") not in _NO for name in names)


def _nobody_to_return_to(headers: Mapping[str, str]) -> bool:
    return "return-path" in headers and re.sub(r"\s", "", headers["return-path"]) in {"", "<>"}
