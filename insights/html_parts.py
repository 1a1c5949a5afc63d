"""Pieces of a mail in HTML: tables and inline styles, which every mail program shows alike.

No script, no style sheet, no font and no picture is fetched from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from insights.picture import WIDTH, Picture
from insights.quotes import Quote

INK, GREY, LINE, BLUE, ORANGE, PAPER, GROUND = (
    "#1d2733", "#5a6672", "#e3e7eb", "#0072B2", "#B34A00", "#ffffff", "#f2f4f6",
)  # fmt: skip
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_TABLE = 'role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%"'


def page(title: str, preview: str, blocks: Iterable[str]) -> str:
    """A whole document; ``preview`` is what mail programs show beside the subject."""
    rows = "".join(f'<tr><td style="padding:0 24px">{block}</td></tr>' for block in blocks if block)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light"><title>{escape(title)}</title></head>'
        f'<body style="margin:0;padding:0;background:{GROUND};color:{INK};{_FONT};font-size:15px;'
        'line-height:1.5;-webkit-text-size-adjust:100%">'
        f'<div style="display:none;max-height:0;overflow:hidden">{escape(preview)}</div>'
        f'<table {_TABLE}><tr><td align="center" style="padding:16px 8px">'
        f'<table {_TABLE} style="max-width:640px;background:{PAPER};border:1px solid {LINE};'
        f'border-radius:10px;text-align:left">{rows}</table></td></tr></table></body></html>\n'
    )


def head(company: str, title: str, subtitle: str) -> str:
    """The top of the page."""
    return (
        f'<p style="margin:26px 0 4px;color:{BLUE};font-size:13px;font-weight:600">{escape(company)}</p>'
        f'<h1 style="margin:0;font-size:25px;line-height:1.25;font-weight:700">{escape(title)}</h1>'
        f'<p style="margin:4px 0 6px;color:{GREY}">{escape(subtitle)}</p>'
    )


def foot(text: str) -> str:
    """The end of the page."""
    return (
        f'<div style="margin:26px 0 22px;padding-top:12px;border-top:1px solid {LINE}">'
        f"{paragraph(text, quiet=True)}</div>"
    )


def section(title: str, *blocks: str) -> str:
    """A heading and what is below it; nothing where there is nothing."""
    filled = [block for block in blocks if block]
    if not filled:
        return ""
    return (
        f'<h2 style="margin:30px 0 10px;padding-top:18px;border-top:1px solid {LINE};font-size:18px;'
        f'line-height:1.3;font-weight:700">{escape(title)}</h2>{"".join(filled)}'
    )


def entry(title: str, figure: str, *, tag: str = "", strong: bool = False, link: str = "") -> str:
    """A line that begins something: its title, beside it a tag and a link, below it a figure."""
    mark = (
        f' <span style="display:inline-block;padding:0 7px;border-radius:9px;background:#eef4f8;color:{BLUE};'
        f'font-size:12px;font-weight:600">{escape(tag)}</span>'
        if tag
        else ""
    )
    colour = ORANGE if strong else GREY
    return (
        f'<p style="margin:14px 0 4px"><strong>{escape(title)}</strong>{mark}{_open(link)}<br>'
        f'<span style="color:{colour};font-size:13px">{escape(figure)}</span></p>'
    )


def heading(text: str) -> str:
    """A heading within something."""
    return f'<p style="margin:8px 0 2px;font-weight:600">{escape(text)}</p>'


def paragraph(text: str, *, quiet: bool = False) -> str:
    """A paragraph."""
    style = f"color:{GREY};font-size:13px" if quiet else ""
    return f'<p style="margin:6px 0;{style}">{escape(text)}</p>'


def note(lines: Sequence[str]) -> str:
    """What readers have to know first."""
    if not lines:
        return ""
    said = "<br>".join(map(escape, lines))
    return (
        f'<p style="margin:14px 0;padding:10px 14px;background:#fff6e5;border-left:3px solid #e0a030;'
        f'font-size:14px">{said}</p>'
    )


def bullets(lines: Sequence[str]) -> str:
    """A list."""
    items = "".join(f'<li style="margin:4px 0">{escape(line)}</li>' for line in lines)
    return f'<ul style="margin:6px 0;padding-left:20px">{items}</ul>' if items else ""


def quotes(found: Iterable[Quote]) -> str:
    """Customers' words, each with a link to where they were said."""
    return "".join(
        f'<blockquote style="margin:6px 0;padding:2px 0 2px 12px;border-left:3px solid {LINE}">'
        f"“{escape(one.text)}”{_open(one.link)}</blockquote>"
        for one in found
    )


def _open(link: str) -> str:
    if not link:
        return ""
    return (
        f' <a href="{escape(link)}" style="color:{BLUE};font-size:13px;font-weight:400;text-decoration:none;'
        f'white-space:nowrap" title="Open the contact">open&nbsp;→</a>'
    )


def tiles(found: Sequence[tuple[str, str, str]]) -> str:
    """Figures in a row that becomes several on a phone: what it is, the figure, what it is beside."""
    width = 100 // max(1, min(len(found), 4)) if found else 100
    cells = "".join(
        f'<div style="display:inline-block;vertical-align:top;width:{width}%;min-width:146px;'
        'box-sizing:border-box;padding:8px 10px 8px 0">'
        f'<div style="color:{GREY};font-size:12px">{escape(name)}</div>'
        f'<div style="font-size:25px;line-height:1.2;font-weight:700">{escape(figure)}</div>'
        f'<div style="color:{GREY};font-size:12px">{escape(beside)}</div></div>'
        for name, figure, beside in found
    )
    return f'<div style="margin:8px 0;font-size:0">{cells}</div>' if cells else ""


def table(rows: Sequence[Sequence[str]], *, dots: Sequence[str] = ()) -> str:
    """Rows of which the first cell is wide; ``dots`` are colours before them, as a legend."""
    lines = []
    for number, (first, *rest) in enumerate(rows):
        dot = (
            f'<span style="display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:8px;'
            f'background:{dots[number]}"></span>'
            if dots
            else ""
        )
        cells = "".join(
            f'<td align="right" style="padding:5px 0 5px 12px;border-bottom:1px solid {LINE};color:{GREY};'
            f'font-size:14px">{escape(cell)}</td>'
            for cell in rest
        )
        lines.append(
            f'<tr><td style="padding:5px 0;border-bottom:1px solid {LINE};font-size:14px">{dot}'
            f"{escape(first)}</td>{cells}</tr>"
        )
    return f'<table {_TABLE} style="border-collapse:collapse">{"".join(lines)}</table>' if lines else ""


def box(label: str, inner: str) -> str:
    """Something set apart, such as a draft."""
    return (
        f'<div style="margin:10px 0 18px;padding:10px 14px;background:#f7f9fb;border:1px dashed #b9c4cf;'
        f'border-radius:6px"><div style="color:{GREY};font-size:12px">{escape(label)}</div>{inner}</div>'
    )


def image(picture: Picture | None, source: str) -> str:
    """A picture as wide as the page, with what it shows in words."""
    if picture is None:
        return ""
    return (
        f'<img src="{escape(source)}" alt="{escape(picture.alt)}" width="{WIDTH}" '
        f'style="display:block;width:100%;max-width:{WIDTH}px;height:auto;margin:8px 0;border:0">'
    )
