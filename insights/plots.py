"""Pictures of a digest, as PNG files: mail programs show no SVG.

Blue and orange are told apart by the colour-blind (Okabe & Ito 2008), and by position or shape in grey. Each
picture says in words what it shows, for those who do not see it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from insights import words
from insights.contact import Ending
from insights.digest import Digest, Theme
from insights.picture import ENDING_COLOURS, WIDTH, Picture

_BLUE, _ORANGE, _GREY, _LIGHT, _INK = "#0072B2", "#D55E00", "#6b7785", "#b9c4cf", "#1d2733"
_ON = {**dict.fromkeys(Ending, "white"), Ending.HANDED_OVER: _INK}  # what can be read on each colour
_INCHES, _DOTS = 5.6, 200  # twice as fine as shown
_LONGEST = 34  # characters of a title that are drawn
_MOST_THEMES = 6
_RATIOS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)
_STYLE: dict[Any, Any] = {  # matplotlib types the names it knows as literals
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _LIGHT,
    "axes.labelcolor": _GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#eceff2",
    "xtick.color": _GREY,
    "ytick.color": _INK,
    "text.usetex": False,
    "text.parse_math": False,  # a title may hold dollar signs
}


def pictures(digest: Digest) -> dict[str, Picture]:
    """The pictures of a digest by name; of what nothing is known there is none."""
    found = [volume(digest), endings(digest), themes(digest)]
    return {picture.name: picture for picture in found if picture is not None}


def volume(digest: Digest) -> Picture | None:
    """Contacts of this week and of those before."""
    if not digest.contacts or not digest.before:
        return None
    counts = [*digest.before, digest.contacts]
    names = [f"W{digest.week.earlier(back).number:02d}" for back in range(len(counts) - 1, -1, -1)]

    def draw(axes: Axes) -> None:
        bars = axes.bar(names, counts, color=[*[_LIGHT] * len(digest.before), _BLUE], width=0.7)
        axes.bar_label(bars, padding=2, fontsize=8, color=_GREY)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(length=0)

    said = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    return _picture("volume", draw, alt=f"Contacts by week: {said}.", height=1.7)


def endings(digest: Digest) -> Picture | None:
    """How conversations ended, as one bar, above it that of the weeks before."""
    service = digest.service
    total = sum(service.endings.values())
    if not total:
        return None
    rows = [("This week", {ending: count / total for ending, count in service.endings.items()})]
    if service.usual_shares:
        rows.insert(0, ("Usual", dict(service.usual_shares)))

    def draw(axes: Axes) -> None:
        for place, (_, shares) in enumerate(rows):
            left = 0.0
            for ending in Ending:
                share = shares.get(ending, 0.0)
                axes.barh(
                    place, share, left=left, color=ENDING_COLOURS[ending], height=0.62, edgecolor="white"
                )
                if share >= 0.06:
                    axes.text(left + share / 2, place, words.percent(share), color=_ON[ending],
                              ha="center", va="center", fontsize=8)  # fmt: skip
                left += share
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set_xlim(0, 1)
        axes.set_xticks([])
        axes.invert_yaxis()
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)

    said = "; ".join(
        f"{words.ENDINGS[ending].lower()} {words.percent(count / total)}"
        for ending, count in service.endings.items()
    )
    return _picture("endings", draw, alt=f"How conversations ended: {said}.", height=0.45 + 0.4 * len(rows))


def themes(digest: Digest) -> Picture | None:
    """How many times the usual the themes are that changed most, with their intervals."""
    known = [theme for theme in digest.themes if theme.growth is not None and theme.growth.ratio]
    shown = known[:_MOST_THEMES]
    if not shown:
        return None

    def draw(axes: Axes) -> None:
        axes.axvline(1, color=_GREY, linewidth=1)
        for place, theme in enumerate(shown):
            _whisker(axes, place, theme)
        axes.set_yticks(range(len(shown)), [_short(theme.title) for theme in shown])
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(_RATIOS))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} ×"))
        axes.set_xlim(*_reach(shown))
        axes.grid(axis="x")
        axes.invert_yaxis()
        axes.spines["left"].set_visible(False)
        axes.tick_params(length=0)

    said = "; ".join(f"{theme.title} {words.growth(theme.growth)}" for theme in shown)
    return _picture("themes", draw, alt=f"Themes against usual: {said}.", height=0.55 + 0.34 * len(shown))


def _whisker(axes: Axes, place: int, theme: Theme) -> None:
    growth = theme.growth
    if growth is None or growth.ratio is None or growth.high is None:
        return
    colour = _ORANGE if growth.grows else _GREY
    axes.plot([max(growth.low, 2**-6), growth.high], [place, place], color=colour, linewidth=2.2)
    axes.plot([growth.ratio], [place], "D" if growth.grows else "o", color=colour, markersize=6)


def _reach(shown: Sequence[Theme]) -> tuple[float, float]:
    """From which ratio to which the picture goes: 1 is in it, and the points are; whiskers may be cut."""
    growths = [theme.growth for theme in shown if theme.growth is not None]
    ratios = [growth.ratio for growth in growths if growth.ratio]
    highs = [growth.high for growth in growths if growth.high]
    return min(0.5, *ratios) * 0.8, min(max(2.0, *highs), max(2.0, *ratios) * 4) * 1.15


def _short(title: str) -> str:
    return title if len(title) <= _LONGEST else title[: _LONGEST - 1].rstrip() + "…"


def _picture(name: str, draw: Callable[[Axes], None], *, alt: str, height: float) -> Picture:
    """What ``draw`` draws, ``height`` inches high."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(_INCHES, height), layout="constrained")
        draw(figure.subplots())
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_DOTS, metadata={"Software": None})
    return Picture(name, file.getvalue(), alt, round(WIDTH * height / _INCHES))
