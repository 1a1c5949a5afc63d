"""How figures are said: the same in mails, pages and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from insights.contact import Ending
from insights.digest import CampaignEffect, Digest, Gap, Service, Theme
from insights.gaps import DISLIKED, LEFT, UNANSWERED
from insights.growth import Difference, Growth
from insights.quotes import Quote
from signals.precision import Interval

ENDINGS: Mapping[Ending, str] = {
    Ending.CONFIRMED: "Solved, as the customer confirmed",
    Ending.ASSUMED: "Answered, and no word since",
    Ending.HANDED_OVER: "Handed over to a person",
    Ending.ABANDONED: "Left without an answer they wanted",
}
_REASONS: Mapping[str, str] = {
    UNANSWERED: "handed over for lack of an answer",
    DISLIKED: "answered, and the customer did not like it",
    LEFT: "asked back, and the customer left",
}
DRAFT = "Draft, made of quotations; nobody has checked it."


def percent(share: float) -> str:
    """Such as "12 %"."""
    return f"{100 * share:.0f} %"


def interval(found: Interval) -> str:
    """Such as "12 % (9 to 16 %)"."""
    return f"{percent(found.share)} ({100 * found.low:.0f} to {percent(found.high)})"


def between(low: float, high: float) -> str:
    """Ends of an interval of a share, such as "9 to 16 %"."""
    return f"{100 * low:.0f} to {percent(high)}"


def ratio(found: Growth | None) -> str:
    """Such as "1.2 × usual"; nothing without weeks to compare with."""
    if found is None:
        return ""
    return "none before" if found.ratio is None else f"{found.ratio:.1f} × usual"


def points(found: Difference | None) -> str:
    """A difference of shares, such as "+12 points (3 to 21)"."""
    if found is None:
        return "too few to tell"
    return f"{100 * found.value:+.0f} points ({100 * found.low:+.0f} to {100 * found.high:+.0f})"


def level(found: Difference | None) -> str:
    """A difference of sentiments, such as "+0.12 (0.03 to 0.21)"."""
    if found is None:
        return "too few to tell"
    return f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


def growth(found: Growth | None) -> str:
    """Such as "2.4 × the usual 10.5 (1.3 to 3.9 ×)"."""
    if found is None:
        return "nothing to compare with"
    if found.ratio is None or found.high is None:
        return "new: none in the weeks before"
    return f"{found.ratio:.1f} × the usual {found.usual:.1f} ({found.low:.1f} to {found.high:.1f} ×)"


def wait(found: timedelta) -> str:
    """Such as "0.4 s", "12 min" or "5.5 h"."""
    seconds = found.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def number(count: int, one: str, many: str | None = None) -> str:
    """Such as "1 contact" or "12 contacts"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def reasons(gap: Gap) -> str:
    """What happened to the questions of a gap."""
    return "; ".join(f"{count} {_REASONS[reason]}" for reason, count in gap.reasons.items())


def beside(title: str, quotes: Sequence[Quote]) -> tuple[str, list[Quote]]:
    """The link of a title that is a quote itself, and the quotes but for that one."""
    link = next((quote.link for quote in quotes if quote.text == title), "")
    return link, [quote for quote in quotes if quote.text != title]


def has_outline(gap: Gap) -> bool:
    """Whether its outline says more than the questions that are quoted anyway."""
    return len(gap.outline) > len(gap.questions) or any(section.points for section in gap.outline)


def unanswered(gap: Gap) -> list[str]:
    """Headings of its outline that no person has answered."""
    return [section.heading for section in gap.outline if not section.points]


def unmentioned(digest: Digest) -> str:
    """The campaigns that nobody mentioned; nothing where somebody mentioned each."""
    names = [effect.name for effect in digest.campaigns if not effect.count]
    return f"Nobody mentioned {', '.join(names)}." if names else ""


def subject(digest: Digest) -> str:
    """Of a mail."""
    growing = digest.growing
    first = f": {growing[0].title} grows" if growing else ""
    return f"{digest.company}, week {digest.week.number}{first} — {number(digest.contacts, 'contact')}"


def highlights(digest: Digest) -> list[str]:
    """What whoever reads nothing else should know, the most important first; empty where nothing happened."""
    found = [_theme(theme) for theme in digest.growing[:3]]
    found += [incident.reason for incident in digest.service.incidents[:2]]
    if digest.competitors:
        first = digest.competitors[0]
        grows = first.growth is not None and first.growth.grows
        more = ", more than chance explains" if grows else ""
        found.append(f"{first.name} came up in {number(first.count, 'contact')}{more}.")
    if digest.gaps:
        gap = digest.gaps[0]
        found.append(f"The knowledge base fell short on “{gap.title}”: {number(gap.count, 'contact')}.")
    found += [_campaign(effect) for effect in digest.campaigns[:1] if effect.count]
    change = digest.voice.change
    if change is not None and change.is_sure:
        word = "More" if change.value > 0 else "Fewer"
        found.append(f"{word} customers than usual are unhappy: {points(change)}.")
    if digest.service.broken:
        found.append(
            f"{digest.service.broken} of {number(digest.service.promised, 'promised first response')} "
            "came too late."
        )
    return found


def service_lines(service: Service) -> list[tuple[str, str]]:
    """What is said of the service, line by line: what it is, and the figures."""
    found = []
    for name, waits in (
        ("First word of anybody", service.first_response),
        ("Reply of the bot", service.bot),
        ("First word of a person after handover", service.person),
    ):
        if waits is not None:
            found.append((name, f"median {wait(waits.median)}, nine of ten within {wait(waits.p90)}"))
    if service.endings.get(Ending.HANDED_OVER):
        found.append(("Handed over, and no person has written yet", str(service.waiting)))
    if service.promised:
        found.append(
            ("Promised first responses that came too late", f"{service.broken} of {service.promised}")
        )
    found += [("Incident", incident.reason) for incident in service.incidents]
    for name, counts in (
        ("Signals raised", service.signals),
        ("Deliveries to connectors", service.deliveries),
        ("What became of signals", service.outcomes),
    ):
        if counts:
            found.append(
                (name, ", ".join(f"{key.replace('_', ' ')} {count}" for key, count in counts.items()))
            )
    if service.revenue:
        won = ", ".join(f"{currency} {amount:,.2f}" for currency, amount in service.revenue.items())
        found.append(("Won", won))
    return found


def footer(digest: Digest) -> str:
    """How far to trust all this."""
    return (
        f"Made {digest.made_at:%Y-%m-%d %H:%M} UTC of week {digest.week.name} "
        f"({digest.week.zone.key}). Shares and ratios have 95 % intervals. What is said to grow is more than "
        "chance; one in ten may be chance all the same. Names, addresses and numbers of customers are left "
        "out by rules and by what is known of who wrote; rules may miss some."
    )


def _theme(theme: Theme) -> str:
    new = " (no intent of the taxonomy fits it)" if theme.is_new else ""
    return f"{theme.title}{new} grows: {number(theme.count, 'contact')}, {growth(theme.growth)}."


def _campaign(effect: CampaignEffect) -> str:
    late = f", {effect.late} of them after it had ended" if effect.late else ""
    return f"{number(effect.count, 'contact')} mentioned the campaign “{effect.name}”{late}."
