"""Pictures hold what they say they hold, are the same each time, and survive any label."""

from __future__ import annotations

import hashlib
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from evals.metrics import ece
from triage.diagrams import (
    Bin,
    calibration_error,
    draw_confusions,
    draw_coverage,
    draw_reliability,
    reliability_bins,
)
from triage.risk import fit_operating_points

_RANDOM = np.random.default_rng(4)
SAID = _RANDOM.beta(4, 0.5, 400)
RIGHT = _RANDOM.random(400) < SAID


def test_bins_hold_every_message_with_what_was_said_and_right() -> None:
    bins = reliability_bins([0.0, 0.05, 0.1, 1.0, 0.95], [False, True, True, True, False])
    assert bins[0] == Bin(0.025, 2, 1)
    assert bins[1] == Bin(0.1, 1, 1)
    assert bins[2:9] == [None] * 7
    assert bins[9] == Bin(pytest.approx(0.975), 2, 1)  # type: ignore[arg-type]  # equal to a number


def test_the_calibration_error_is_the_one_of_the_evaluation() -> None:
    assert calibration_error(SAID, RIGHT) == pytest.approx(ece(SAID, RIGHT), abs=1e-12)
    tied = SAID.round(1)
    assert calibration_error(tied, RIGHT) == pytest.approx(ece(tied, RIGHT), abs=1e-12)
    assert np.isnan(calibration_error([], []))


def draw_all(folder: Path) -> list[Path]:
    points = fit_operating_points(SAID, RIGHT)
    return [
        *draw_reliability(SAID, RIGHT, title="Reliability", target=folder / "reliability"),
        *draw_coverage(SAID, RIGHT, title="Coverage", target=folder / "coverage.v2", points=points),
        *draw_confusions([(("a", "b"), 3), (("b", "c"), 1)], title="Pairs", target=folder / "pairs"),
    ]


def test_a_picture_is_the_same_each_time_and_changes_no_settings(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    first, second = draw_all(tmp_path / "first"), draw_all(tmp_path / "second")
    assert [path.name for path in first] == [
        "reliability.png", "reliability.svg", "coverage.v2.png", "coverage.v2.svg", "pairs.png", "pairs.svg",
    ]  # fmt: skip
    for one, other in zip(first, second, strict=True):
        assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()
    assert dict(mpl.rcParams) == before


def test_a_picture_is_whole_and_names_neither_day_nor_program(tmp_path: Path) -> None:
    for path in draw_all(tmp_path):
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.load()
                assert image.size[0] > 900
                assert "Software" not in image.info
        else:
            text = path.read_text(encoding="utf-8")
            assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
            assert "<dc:date>" not in text
            assert "<dc:creator>" not in text


def test_different_answers_make_a_different_picture(tmp_path: Path) -> None:
    one, _ = draw_reliability(SAID, RIGHT, title="R", target=tmp_path / "one")
    other, _ = draw_reliability(SAID, ~RIGHT, title="R", target=tmp_path / "other")
    assert one.read_bytes() != other.read_bytes()


def test_blue_and_orange_are_told_apart_in_grey(tmp_path: Path) -> None:
    path, _ = draw_reliability([0.95] * 40, [True] * 20 + [False] * 20, title="", target=tmp_path / "half")
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"), float)
    height, width = grey.shape
    right_bar = grey[int(0.90 * height) : int(0.92 * height), int(0.90 * width) : int(0.94 * width)]
    wrong_bar = grey[int(0.80 * height) : int(0.83 * height), int(0.90 * width) : int(0.94 * width)]
    assert right_bar.std() < 1  # plain
    assert wrong_bar.std() > 20  # hatched
    assert wrong_bar.mean() > right_bar.mean() + 50


@pytest.mark.parametrize(
    "label", ["$x^2$ $", "注文の返品", "שלום", "a\nb", "x" * 300, "\\frac{1}{2}", "", "😀"]
)
def test_any_label_can_be_drawn(label: str, tmp_path: Path) -> None:
    png, _ = draw_confusions([((label, "other"), 2)], title=label, target=tmp_path / "pairs")
    with Image.open(png) as image:
        assert image.size[0] < 3000


def test_nothing_can_be_drawn_too(tmp_path: Path) -> None:
    written = [
        *draw_reliability([], [], title="R", target=tmp_path / "r"),
        *draw_coverage([], [], title="C", target=tmp_path / "c"),
        *draw_confusions([], title="P", target=tmp_path / "p"),
    ]
    assert all(path.stat().st_size > 1000 for path in written)


def test_a_large_set_makes_no_large_picture(tmp_path: Path) -> None:
    said = np.random.default_rng(0).random(50_000)
    _, svg = draw_coverage(said, said > 0.2, title="C", target=tmp_path / "c")
    assert svg.stat().st_size < 200_000
