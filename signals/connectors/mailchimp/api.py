"""How Mailchimp lets one in, what its errors mean, and what it calls a member."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import httpx

from kit.clock import Clock
from signals.connectors.answer import Answer, Verdict, by_status
from signals.connectors.http import HttpClient
from signals.connectors.mailchimp.settings import MailchimpSettings
from signals.connectors.tokens import FixedToken, basic
from signals.connectors.waiting import Waiting


def subscriber_hash(email: str) -> str:
    """Mailchimp's id of a member: MD5 of the address in lower case, which hides nothing."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def member_path(audience_id: str, email: str, *more: str) -> str:
    """Path of a member, or of something of it."""
    return "/".join(("/lists", quote(audience_id), "members", subscriber_hash(email), *more))


def judge(answer: Answer) -> Verdict:
    """By status, with the words of the problem document (RFC 9457's forerunner) that Mailchimp sends."""
    problem = answer.json_or_none()
    if not isinstance(problem, dict):
        return by_status(answer)
    said = [str(problem.get("title") or ""), str(problem.get("detail") or "")]
    errors = problem.get("errors")
    if isinstance(errors, list):
        said += [f"{e.get('field', '')}: {e.get('message', '')}" for e in errors[:3] if isinstance(e, dict)]
    return by_status(answer, "; ".join(part for part in said if part))


def client(
    settings: MailchimpSettings,
    *,
    clock: Clock,
    waiting: Waiting,
    transport: httpx.AsyncBaseTransport | None = None,
) -> HttpClient:
    """Calls the account that ``settings`` names; the user's name of its basic authentication is anything."""
    return HttpClient(
        "mailchimp",
        settings.url,
        settings=settings.http,
        clock=clock,
        waiting=waiting,
        tokens=FixedToken(basic("careloop", settings.api_key.get_secret_value())),
        judge=judge,
        transport=transport,
    )
