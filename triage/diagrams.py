"""Pictures of how far to trust a model: reliability, coverage against error, what is taken for what.

Blue and orange are told apart by the colour-blind (Okabe & Ito 2008), and by shape or hatching in grey.
The same figures give the same bytes. Text is drawn as outlines of a font that comes with the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FuncFormatter, MaxNLocator, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from triage.risk import OperatingPoints, wilson

BINS = 10
_BLUE, _ORANGE, _INK, _GREY = "#0072B2", "#D55E00", "#222222", "#767676"
_DOTS_PER_INCH = 160
_LONGEST_NAME = 44  # characters of a label that are drawn
_FEWEST_IN_CURVE = 30  # messages; the error of fewer jumps about and says nothing
_CURVE_POINTS = 500  # as fine as the picture shows
_FEW = 10  # messages; the share of fewer is drawn hollow
_MARKED = (0.01, 0.02, 0.05, 0.1, 0.2)  # risks whose operating points are marked on the curve
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.8,
    "legend.edgecolor": "none",
    "legend.facecolor": "white",
    "legend.fancybox": False,
    "legend.framealpha": 0.9,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "svg.fonttype": "path",
    "svg.hashsalt": "careloop",
    "text.usetex": False,
    "text.parse_math": False,  # a label may hold dollar signs
}

Floats = NDArray[np.float64]
Pair = tuple[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Bin:
    """Messages of which about the same was said: the mean of it, and how many of them were right."""

    said: float
    messages: int
    right: int


def reliability_bins(probability: ArrayLike, right: ArrayLike, *, bins: int = BINS) -> list[Bin | None]:
    """One for each of ``bins`` equal parts of 0 to 1, None for those that are empty; 1 is in the last."""
    said, correct = np.asarray(probability, np.float64), np.asarray(right, bool)
    place = np.clip((said * bins).astype(int), 0, bins - 1)
    found: list[Bin | None] = []
    for own in (place == number for number in range(bins)):
        here = Bin(float(said[own].mean()), int(own.sum()), int(correct[own].sum())) if own.any() else None
        found.append(here)
    return found


def calibration_error(probability: ArrayLike, right: ArrayLike, *, bins: int = BINS) -> float:
    """Expected calibration error in [0, 1] over bins of equal mass, as the evaluation has it; NaN of none.

    Equal probabilities never fall into different bins (arXiv:1904.01685).
    """
    said, correct = np.asarray(probability, np.float64), np.asarray(right, np.float64)
    if not len(said):
        return float("nan")
    place = ((rankdata(said) - 0.5) * bins / len(said)).astype(int)
    return float(np.abs(np.bincount(place, weights=said - correct)).sum() / len(said))


@rc_context(_STYLE)  # type: ignore[arg-type]  # mypy reads the values as of one type
def draw_reliability(
    probability: ArrayLike, right: ArrayLike, *, title: str, target: Path
) -> tuple[Path, Path]:
    """How often a label was right against how likely it was said to be; ``target`` .png and .svg.

    Bars are 95 % intervals (Wilson 1927) of the messages of a bin, whose numbers stand below. A bin of a few
    messages is drawn hollow.
    """
    said, correct = np.asarray(probability, np.float64), np.asarray(right, bool)
    found = reliability_bins(said, correct)
    figure = Figure(figsize=(6.4, 7.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3.2, 1]})
    _title(above, title, gap=32)
    _draw_bins(above, [one for one in found if one is not None])
    error = calibration_error(said, correct)
    note = f"calibration error {error:.3f}\n{len(said):,} held-out messages" if len(said) else "no messages"
    above.text(0.97, 0.05, note, transform=above.transAxes, ha="right", va="bottom", linespacing=1.5)
    _draw_counts(below, found)
    return _save(figure, target)


@rc_context(_STYLE)  # type: ignore[arg-type]  # as above
def draw_coverage(
    scores: ArrayLike,
    right: ArrayLike,
    *,
    title: str,
    target: Path,
    points: OperatingPoints | None = None,
) -> tuple[Path, Path]:
    """Error among the messages that are routed as more of them are, the surest first, with 95 % intervals.

    ``scores`` grow with how sure the model is; equals are routed together. ``points`` are marked.
    """
    coverage, error, low, high = _curve(np.asarray(scores, np.float64), np.asarray(right, bool))
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    _title(axes, title)
    axes.fill_between(coverage, low, high, color=_BLUE, alpha=0.18, linewidth=0, label="95 % interval")
    axes.plot(coverage, error, color=_BLUE, linewidth=2, label="wrong among those routed")
    if points is not None:
        _mark(axes, points)
    axes.set(xlim=(0, 1.02), xlabel="share of all messages routed automatically, the surest first")
    axes.set_ylim(0, max(0.02, 1.12 * float(high[coverage > 0.15].max(initial=0.0))))
    axes.set_ylabel("wrong among those routed")
    axes.xaxis.set_major_formatter(_percent())
    axes.yaxis.set_major_formatter(_percent())
    axes.grid(visible=True)
    axes.legend(loc="upper left")
    return _save(figure, target)


@rc_context(_STYLE)  # type: ignore[arg-type]  # as above
def draw_confusions(pairs: Sequence[Pair], *, title: str, target: Path) -> tuple[Path, Path]:
    """How often one label was taken for another: ``pairs`` of (is, was taken for) and times, in order."""
    figure = Figure(figsize=(7.6, 1.4 + 0.52 * max(len(pairs), 1)), layout="constrained")
    axes = figure.subplots()
    _title(axes, title)
    times = [count for _, count in pairs]
    bars = axes.barh(range(len(pairs)), times, height=0.62, color=_ORANGE)
    axes.bar_label(bars, [f"{count:,}" for count in times], padding=4)
    names = [f"{_drawable(true)}\ntaken for {_drawable(taken)}" for (true, taken), _ in pairs]
    axes.set_yticks(range(len(pairs)), names, fontsize=8.5, linespacing=1.15)
    axes.set_ylim(max(len(pairs), 1) - 0.5, -0.5)
    axes.set_xlim(0, 1.1 * max(times, default=1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("held-out messages")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    if not pairs:
        axes.text(0.5, 0.5, "none was taken for another", transform=axes.transAxes, ha="center", va="center")
    return _save(figure, target)


def _draw_bins(axes: Axes, bins: Sequence[Bin]) -> None:
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1.2, linestyle=(0, (5, 4)), label="as said")
    said = np.array([one.said for one in bins])
    counts = np.array([one.messages for one in bins], np.float64)
    hits = np.array([one.right for one in bins], np.float64)
    share = hits / np.maximum(counts, 1)
    low, high = wilson(hits, counts)
    axes.errorbar(
        said,
        share,
        yerr=np.stack([share - low, high - share]),
        fmt="o",
        color=_BLUE,
        markersize=7,
        elinewidth=1.4,
        capsize=4,
        label="as it was, with 95 % interval",
    )
    axes.plot(said, share, color=_BLUE, linewidth=1.2, alpha=0.6)
    few = counts < _FEW
    axes.plot(said[few], share[few], "o", color=_BLUE, markersize=7, markerfacecolor="white", zorder=4)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.025, 1.025), ylabel="share that was right")
    axes.yaxis.set_major_formatter(_percent())
    axes.grid(visible=True)
    _legend_above(axes)


def _draw_counts(axes: Axes, bins: Sequence[Bin | None]) -> None:
    width = 1 / len(bins)
    middles = (np.arange(len(bins)) + 0.5) * width
    right = np.array([one.right if one else 0 for one in bins])
    wrong = np.array([one.messages - one.right if one else 0 for one in bins])
    axes.bar(middles, right, width=0.86 * width, color=_BLUE, label="right")
    bars = axes.bar(
        middles,
        wrong,
        width=0.86 * width,
        bottom=right,
        color="white",
        edgecolor=_ORANGE,
        hatch="//////",
        linewidth=np.where(wrong > 0, 1.0, 0.0).tolist(),
        label="wrong",
    )
    axes.bar_label(bars, [f"{count:,}" if count else "" for count in right + wrong], padding=2, fontsize=8.5)
    axes.set_ylim(0, 1.22 * max(float((right + wrong).max(initial=0)), 1))
    axes.xaxis.set_major_formatter(_percent())
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set(xlabel="how likely the label was said to be", ylabel="messages")
    axes.grid(visible=True, axis="y")
    _legend_above(axes)


def _mark(axes: Axes, points: OperatingPoints) -> None:
    marked = [point for point in points.points if point.risk in _MARKED and point.threshold is not None]
    if not marked:
        return
    axes.plot(
        [point.coverage for point in marked],
        [point.error for point in marked],
        linestyle="none",
        marker="D",
        markersize=7,
        markerfacecolor="white",
        markeredgecolor=_ORANGE,
        markeredgewidth=1.8,
        label=f"asked for at most so many wrong ({100 * points.confidence:g} % sure)",
    )
    for point in marked:
        at = (point.coverage, point.error)
        axes.annotate(
            f"{100 * point.risk:g} %", at, (-7, 7), textcoords="offset points", ha="right", fontsize=9
        )


def _curve(scores: Floats, right: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats, Floats]:
    """Coverage, error and its interval for each score there is, from the highest."""
    order = np.argsort(-scores, kind="stable")
    falling, wrong = scores[order], np.cumsum(~right[order])
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], np.ones(min(len(falling), 1), bool)))
    last = last[last + 1 >= min(_FEWEST_IN_CURVE, len(falling) // 4)]
    if len(last) > _CURVE_POINTS:
        last = last[np.linspace(0, len(last) - 1, _CURVE_POINTS).astype(int)]
    low, high = wilson(wrong[last], last + 1)
    return (last + 1) / max(len(falling), 1), wrong[last] / (last + 1), low, high


def _percent() -> FuncFormatter:
    return FuncFormatter(lambda share, _: f"{100 * share:.6g} %")


def _title(axes: Axes, title: str, *, gap: float = 10) -> None:
    axes.set_title(_drawable(title, longest=80), loc="left", fontsize=12, fontweight="bold", pad=gap)


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, borderpad=0.2)


def _drawable(name: str, *, longest: int = _LONGEST_NAME) -> str:
    """``name`` on one line of bounded length, with a box for what the font has no letter for."""
    line = " ".join(name.split())
    short = line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
    return "".join(letter if _has_letter(letter) else "□" for letter in short)


@cache
def _has_letter(letter: str) -> bool:
    return bool(get_font(findfont(FontProperties(family="DejaVu Sans"))).get_char_index(ord(letter)))


def _save(figure: Figure, target: Path) -> tuple[Path, Path]:
    png, svg = (target.with_name(target.name + suffix) for suffix in (".png", ".svg"))
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(png, dpi=_DOTS_PER_INCH, metadata={"Software": None})
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return png, svg
