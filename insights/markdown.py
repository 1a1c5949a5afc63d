"""A digest as Markdown: for wikis, chats and those who read mail without pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from insights import words
from insights.digest import Digest, Gap, Mention, Service, Theme
from insights.picture import Picture
from insights.quotes import Quote

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|])")
Source = Callable[[Picture], str]


def markdown(
    digest: Digest, pictures: Iterable[Picture] = (), *, source: Source = lambda picture: picture.name
) -> str:
    """The digest as CommonMark with tables; ``source`` says where each of ``pictures`` is found."""
    shown = {picture.name: f"![{_plain(picture.alt)}]({source(picture)})" for picture in pictures}
    blocks = [
        f"# {_plain(digest.company)}: week {digest.week.number}, {digest.week.title}",
        *(f"> {note}" for note in digest.notes),
        *_listed("What matters", [_plain(line) for line in words.highlights(digest)]),
        "## In figures",
        shown.get("volume", ""),
        _figures(digest),
        *_themes(digest.themes, shown.get("themes", "")),
        *_mentions("Competitors", digest.competitors),
        *_mentions("Why customers may leave", digest.objections),
        *_listed("What sales heard", [f"{one.kind}: “{_plain(one.reason)}”" for one in digest.refusals]),
        *_wishes(digest),
        *_gaps(digest.gaps),
        *_campaigns(digest),
        *_voice(digest),
        *_service(digest.service, shown.get("endings", "")),
        f"---\n\n{words.footer(digest)}",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _figures(digest: Digest) -> str:
    service, voice = digest.service, digest.voice
    rows = [
        ("Contacts", f"{digest.contacts:,}", words.growth(digest.volume)),
        ("Of them conversations and tickets", f"{service.conversations:,} and {service.tickets:,}", ""),
    ]
    if service.by_itself is not None:
        rows.append(("Ended by the bot", words.interval(service.by_itself), ""))
    if voice.unhappy is not None:
        rows.append(("Unhappy", words.interval(voice.unhappy), words.points(voice.change)))
    return _table(("", "this week", "against the weeks before"), rows)


def _themes(themes: Sequence[Theme], picture: str) -> list[str]:
    if not themes:
        return []
    rows = [
        (
            _plain(theme.title) + (" (new)" if theme.is_new else ""),
            str(theme.count),
            words.growth(theme.growth),
        )
        for theme in themes
    ]
    grown = [theme for theme in themes if theme.growth is not None and theme.growth.grows]
    said = [f"**{_plain(theme.title)}** grows.\n\n{_quotes(theme.quotes)}" for theme in grown]
    return ["## Themes", picture, _table(("theme", "contacts", "against usual"), rows), *said]


def _mentions(title: str, mentions: Sequence[Mention]) -> list[str]:
    if not mentions:
        return []
    blocks = [f"## {title}"]
    for one in mentions:
        grows = f"; {words.growth(one.growth)}" if one.growth is not None else ""
        blocks += [
            f"**{_plain(one.name)}** — {words.number(one.count, 'contact')}{grows}",
            _quotes(one.quotes),
        ]
    return blocks


def _wishes(digest: Digest) -> list[str]:
    if not digest.wishes:
        return []
    blocks = ["## What customers wish for"]
    for one in digest.wishes:
        blocks += [f"**{_plain(one.title)}** — {words.number(one.count, 'contact')}", _quotes(one.quotes)]
    return blocks


def _gaps(gaps: Sequence[Gap]) -> list[str]:
    if not gaps:
        return []
    blocks = ["## What the knowledge base could not answer"]
    for gap in gaps:
        blocks.append(f"### {_plain(gap.title)} — {words.number(gap.count, 'contact')}")
        blocks += [f"{words.reasons(gap)}.", _quotes(gap.questions)]
        if gap.articles:
            near = "; ".join(f"{_plain(one.title)} ({one.similarity:.2f})" for one in gap.articles)
            blocks.append(f"Nearest articles: {near}.")
        if not words.has_outline(gap):
            blocks.append("No person has answered it yet.")
            continue
        blocks.append(f"*{words.DRAFT}*")
        for section in gap.outline:
            if section.points:
                points = "\n".join(f"> - {_plain(point)}" for point in section.points)
                blocks.append(f"> **{_plain(section.heading)}**\n>\n{points}")
        if open_still := words.unanswered(gap):
            asked = "\n".join(f"> - {_plain(heading)}" for heading in open_still)
            blocks.append(f"> **Nobody has answered yet**\n>\n{asked}")
    return blocks


def _campaigns(digest: Digest) -> list[str]:
    effects = digest.campaigns
    if not effects:
        return []
    blocks = ["## Campaigns"]
    for one in (effect for effect in effects if effect.count):
        about = ", ".join(f"{_plain(name)} ({count})" for name, count in one.intents)
        blocks.append(
            f"**{_plain(one.name)}** ({one.starts} to {one.ends}) — {words.number(one.count, 'contact')}"
            + (f", {one.late} after it had ended" if one.late else "")
            + (f"; about {about}" if about else "")
        )
        blocks.append(
            f"Against all other contacts: sentiment {words.level(one.sentiment)}; unhappy "
            f"{words.points(one.unhappy)}; handed over {words.points(one.handed_over)}."
        )
        blocks.append(_quotes(one.quotes))
    return [*blocks, _plain(words.unmentioned(digest))]


def _voice(digest: Digest) -> list[str]:
    voice = digest.voice
    blocks = []
    if voice.praise:
        blocks += ["### Praise", _quotes(voice.praise)]
    if voice.complaints:
        blocks += ["### Complaints", _quotes(voice.complaints)]
    for survey in voice.surveys:
        nps = "" if survey.nps is None else f"; NPS {survey.nps:+.0f}"
        blocks.append(
            f"{survey.name.upper()}: {survey.mean:.1f} of {words.number(survey.answers, 'answer')}{nps}."
        )
    return ["## In customers' words", *blocks] if blocks else []


def _service(service: Service, picture: str) -> list[str]:
    rows = [
        (words.ENDINGS[ending], str(service.endings[ending]), words.interval(share))
        for ending, share in service.shares.items()
    ]
    table = _table(("how it ended", "conversations", "share"), rows) if rows else ""
    figures = "\n".join(f"- {name}: {_plain(said)}" for name, said in words.service_lines(service))
    return ["## Service health", picture, table, figures] if table or figures else []


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {line}" for line in lines)] if lines else []


def _quotes(quotes: Iterable[Quote]) -> str:
    return "\n>\n".join(f"> “{_plain(one.text)}” [→]({one.link})" for one in quotes)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """``text`` on one line, its characters meaning themselves."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
