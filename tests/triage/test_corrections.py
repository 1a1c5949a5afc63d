from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.triage.shop import START, corrected
from triage.corrections import (
    Correction,
    CorrectionSource,
    LabelKind,
    check_correction,
    lessons,
    read_corrections,
)
from triage.errors import CorrectionsInvalid
from triage.examples import Example

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def written(folder: Path, content: str) -> Path:
    file = folder / "corrections.csv"
    file.write_text(content, encoding="utf-8")
    return file


def said(text: str, became: str | None, *, who: str = "ada", minutes: int = 0, **other: object) -> Correction:
    one = Correction(
        text, LabelKind.INTENT, became, None, who, CorrectionSource.API, START + timedelta(minutes=minutes)
    )
    return replace(one, **other)  # type: ignore[arg-type]  # fields of the dataclass


def test_rows_are_read_with_what_they_leave_out(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "text,label,was,who,at,kind\n"
        '"Where, oh where?",delivery,refund,ada,2026-04-01T10:00:00+02:00,\n'
        "slow site,P2,,ben,2026-04-02,priority\n"
        "hello,greeting,,,,\n"
        "not leaving after all,,churn_risk,ada,,signal\n",
    )
    first, second, third, fourth = read_corrections(file, now=NOW)
    assert (first.text, first.became, first.was, first.who) == (
        "Where, oh where?",
        "delivery",
        "refund",
        "ada",
    )
    assert first.at == datetime(2026, 4, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    assert (second.kind, second.at) == (LabelKind.PRIORITY, datetime(2026, 4, 2, tzinfo=UTC))
    assert (third.kind, third.who, third.at, third.source) == ("intent", "csv", NOW, CorrectionSource.CSV)
    assert (fourth.became, fourth.was) == (None, "churn_risk")


def test_only_text_and_label_must_be_there(tmp_path: Path) -> None:
    file = written(tmp_path, "message,intent\nhi,greeting\n")
    assert read_corrections(file, now=NOW, text="message", became="intent")[0].became == "greeting"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text,was\n", "no column label; it has text, was"),
        ("text,label\nhi,a\n,b\n", "row 3: its text is empty"),
        ("text,label\nhi,\n", "row 2: it says no intent"),
        ("text,label\nhi\n", "row 2: it has fewer cells"),
        ("text,label\nhi,a,b\n", "row 2: it has more cells"),
        ("text,label,kind\nhi,a,mood\n", "row 2: there is no kind mood, only intent, queue"),
        ("text,label,kind\nhi,P9,priority\n", "row 2: there is no priority P9, only P1, P2"),
        ("text,label,at\nhi,a,yesterday\n", "row 2: yesterday is not a time"),
        (f"text,label\nhi,{'a' * 201}\n", "row 2: a name is longer than 200"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(CorrectionsInvalid, match=says):
        read_corrections(written(tmp_path, content), now=NOW)


@pytest.mark.parametrize(
    "broken",
    [
        said("", "a"),
        said("hi", None),
        said("hi", "a", who=" "),
        said("hi", "calm", kind=LabelKind.SENTIMENT),
        said("hi", None, was="bored", kind=LabelKind.SIGNAL),
    ],
)
def test_a_correction_that_says_nothing_is_refused(broken: Correction) -> None:
    with pytest.raises(CorrectionsInvalid):
        check_correction(broken)


def test_the_last_word_on_a_text_holds_and_different_words_are_reported() -> None:
    found = lessons(
        [
            said("Where is it?", "refund", who="eve", minutes=2),
            said("where  is it?", "delivery", minutes=1),
            said("It broke", "damage"),
            said("it BROKE", "damage", minutes=3),
        ]
    )
    assert found.examples == [Example("Where is it?", "refund"), Example("it BROKE", "damage")]
    assert [(each.labels, each.people) for each in found.conflicts] == [
        (("delivery", "refund"), ("ada", "eve"))
    ]
    assert found.repeated == 1


def test_of_one_moment_the_last_stored_holds() -> None:
    first, second = corrected([Example("hi", "a"), Example("hi", "b")])
    assert lessons([second, replace(first, at=second.at)]).examples == [Example("hi", "b")]


def test_what_is_withdrawn_or_of_another_kind_teaches_nothing() -> None:
    found = lessons(
        [
            said("hi", "a"),
            said("hi", "b", minutes=1, withdrawn_at=START),
            said("hi", "P1", minutes=2, kind=LabelKind.PRIORITY),
        ]
    )
    assert found.examples == [Example("hi", "a")]
    assert not found.conflicts
