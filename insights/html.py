"""A digest as one HTML file: for mail programs, browsers and phones."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from insights import html_parts as parts
from insights import words
from insights.digest import CampaignEffect, Digest, Gap, Mention, Theme
from insights.picture import ENDING_COLOURS, Picture
from insights.quotes import Quote

Source = Callable[[Picture], str]
_MOST_QUIET = 8  # themes that are only listed


def inlined(picture: Picture) -> str:
    """A source that holds the picture itself, for a file that stands alone."""
    return f"data:image/png;base64,{b64encode(picture.png).decode()}"


def html(digest: Digest, pictures: Mapping[str, Picture], *, source: Source = inlined) -> str:
    """The digest as a document; ``source`` says where each of ``pictures`` is found."""
    highlights = words.highlights(digest)

    def shown(name: str) -> str:
        picture = pictures.get(name)
        return "" if picture is None else parts.image(picture, source(picture))

    blocks = [
        parts.head(digest.company, f"What customers said in week {digest.week.number}", digest.week.title),
        parts.note(digest.notes),
        parts.tiles(_tiles(digest)) if digest.contacts else "",
        parts.section("What matters", parts.bullets(highlights)),
        parts.section("Contacts by week", shown("volume")),
        _themes(digest.themes, shown("themes")),
        _mentions("Competitors", digest.competitors),
        _mentions("Why customers may leave", digest.objections),
        parts.section("What sales heard", parts.bullets(_refusals(digest))),
        _wishes(digest),
        parts.section("What the knowledge base could not answer", *(_gap(gap) for gap in digest.gaps)),
        parts.section(
            "Campaigns",
            *(_campaign(effect) for effect in digest.campaigns if effect.count),
            parts.paragraph(words.unmentioned(digest), quiet=True) if words.unmentioned(digest) else "",
        ),
        _voice(digest),
        _service(digest, shown("endings")),
        parts.foot(words.footer(digest)),
    ]
    return parts.page(words.subject(digest), " ".join(highlights or digest.notes), blocks)


def _tiles(digest: Digest) -> list[tuple[str, str, str]]:
    volume, service, voice = digest.volume, digest.service, digest.voice
    found = [
        ("Contacts", f"{digest.contacts:,}", f"usual {volume.usual:,.0f}" if volume else "no weeks before")
    ]
    if service.by_itself is not None:
        share = service.by_itself
        found.append(("Ended by the bot", words.percent(share.share), words.between(share.low, share.high)))
    if voice.unhappy is not None:
        share = voice.unhappy
        found.append(("Unhappy", words.percent(share.share), words.between(share.low, share.high)))
    if service.person is not None:
        found.append(("Wait for a person", words.wait(service.person.median), "median"))
    return found


def _themes(themes: Sequence[Theme], picture: str) -> str:
    grown = [theme for theme in themes if theme.growth is not None and theme.growth.grows]
    rest = [theme for theme in themes if theme not in grown][:_MOST_QUIET]
    said = [
        parts.entry(
            theme.title,
            f"{words.number(theme.count, 'contact')} · {words.growth(theme.growth)}",
            tag="new theme" if theme.is_new else "grows",
            strong=True,
        )
        + parts.quotes(theme.quotes)
        for theme in grown
    ]
    rows = [
        (theme.title + (" (new)" if theme.is_new else ""), f"{theme.count}", words.ratio(theme.growth))
        for theme in rest
    ]
    lead = "" if grown or not themes else parts.paragraph("No theme grows beyond chance.", quiet=True)
    return parts.section(
        "Themes", lead, picture, *said, parts.paragraph("Also", quiet=True) if said and rows else "",
        parts.table(rows),
    )  # fmt: skip


def _mentions(title: str, mentions: Sequence[Mention]) -> str:
    return parts.section(
        title,
        *(
            parts.entry(
                one.name,
                words.number(one.count, "contact")
                + ("" if one.growth is None else f" · {words.growth(one.growth)}"),
                tag="grows" if one.growth is not None and one.growth.grows else "",
                strong=one.growth is not None and one.growth.grows,
            )
            + parts.quotes(one.quotes)
            for one in mentions
        ),
    )


def _refusals(digest: Digest) -> list[str]:
    return [f"{one.kind.replace('_', ' ').capitalize()}: “{one.reason}”" for one in digest.refusals]


def _wishes(digest: Digest) -> str:
    return parts.section(
        "What customers wish for",
        *(_titled(one.title, words.number(one.count, "contact"), one.quotes) for one in digest.wishes),
    )


def _titled(title: str, figure: str, quotes: Sequence[Quote]) -> str:
    link, rest = words.beside(title, quotes)
    return parts.entry(title, figure, link=link) + parts.quotes(rest)


def _gap(gap: Gap) -> str:
    articles = "; ".join(f"{one.title} ({one.similarity:.2f})" for one in gap.articles)
    outline = "".join(
        parts.heading(section.heading) + parts.bullets(section.points)
        for section in gap.outline
        if section.points
    )
    if open_still := words.unanswered(gap):
        outline += parts.heading("Nobody has answered yet") + parts.bullets(open_still)
    return (
        _titled(gap.title, f"{words.number(gap.count, 'contact')} · {words.reasons(gap)}", gap.questions)
        + (parts.paragraph(f"Nearest articles: {articles}", quiet=True) if articles else "")
        + (
            parts.box(words.DRAFT, outline)
            if words.has_outline(gap)
            else parts.paragraph("No person has answered it yet.", quiet=True)
        )
    )


def _campaign(effect: CampaignEffect) -> str:
    runs = f"{effect.starts:%-d %b %Y} to {effect.ends:%-d %b %Y}"
    late = f" · {effect.late} after it had ended" if effect.late else ""
    title = parts.entry(effect.name, f"{words.number(effect.count, 'contact')} · {runs}{late}")
    about = ", ".join(f"{name} ({count})" for name, count in effect.intents)
    rows: Iterable[tuple[str, str]] = (
        ("Sentiment, against all others", words.level(effect.sentiment)),
        ("Unhappy, against all others", words.points(effect.unhappy)),
        ("Handed over, against all others", words.points(effect.handed_over)),
    )
    return (
        title
        + (parts.paragraph(f"About {about}", quiet=True) if about else "")
        + parts.quotes(effect.quotes)
        + parts.table(list(rows))
    )


def _voice(digest: Digest) -> str:
    voice = digest.voice
    surveys = [
        (
            f"{one.name.upper()}, {words.number(one.answers, 'answer')}",
            f"{one.mean:.1f}" + ("" if one.nps is None else f", NPS {one.nps:+.0f}"),
        )
        for one in voice.surveys
    ]
    return parts.section(
        "In customers' words",
        parts.paragraph("Praise", quiet=True) if voice.praise else "",
        parts.quotes(voice.praise),
        parts.paragraph("Complaints", quiet=True) if voice.complaints else "",
        parts.quotes(voice.complaints),
        parts.table(surveys),
    )


def _service(digest: Digest, picture: str) -> str:
    service = digest.service
    rows = [
        (words.ENDINGS[ending], str(service.endings[ending]), words.interval(share))
        for ending, share in service.shares.items()
    ]
    return parts.section(
        "Service health",
        picture,
        parts.table(rows, dots=[ENDING_COLOURS[ending] for ending in service.shares]),
        "".join(
            f'<p style="margin:10px 0 0;font-size:14px"><span style="color:{parts.GREY}">'
            f"{escape(name)}</span><br>{escape(said)}</p>"
            for name, said in words.service_lines(service)
        ),
    )
