from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import ExamplesInvalid
from triage.examples import Example, check_trainable, content_hash, read_examples


def written(folder: Path, content: str) -> Path:
    file = folder / "tickets.csv"
    file.write_text(content, encoding="utf-8")
    return file


def test_rows_are_read_without_the_white_space_around_a_cell(tmp_path: Path) -> None:
    file = written(tmp_path, 'text,label\n"Hello,\n\nwhere is it?", delivery \nStraße?,address\n')
    assert read_examples(file) == [
        Example("Hello,\n\nwhere is it?", "delivery"),
        Example("Straße?", "address"),
    ]


def test_the_columns_may_have_other_names(tmp_path: Path) -> None:
    file = written(tmp_path, "id,subject,queue\n1,Broken,Hardware\n")
    assert read_examples(file, text="subject", label="queue") == [Example("Broken", "Hardware")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("message,label\nhi,a\n", "no column text; it has message, label"),
        ("text,label\nhi,a\n,b\n", "row 3: text is empty"),
        ("text,label\nhi,  \n", "row 2: label is empty"),
        ("text,label\nhi\n", "row 2: it has fewer cells"),
        ("text,label\nhi,a,b\n", "row 2: it has more cells"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(ExamplesInvalid, match=says):
        read_examples(written(tmp_path, content))


@pytest.mark.parametrize(
    ("examples", "says"),
    [
        ([], "at least two labels"),
        ([Example("a", "x"), Example("b", "x"), Example("c", "oos")], "at least two labels"),
        ([Example("a", "x"), Example("b", "x"), Example("c", "y")], "Only one example of: y"),
    ],
)
def test_too_little_to_learn_from_is_said(examples: list[Example], says: str) -> None:
    with pytest.raises(ExamplesInvalid, match=says):
        check_trainable(examples)


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=4, unique=True))
def test_the_hash_tells_examples_apart(pairs: list[tuple[str, str]]) -> None:
    examples = [Example(*pair) for pair in pairs]
    assert content_hash(examples) == content_hash(list(examples))
    assert content_hash(examples) != content_hash(examples[1:])
    assert content_hash([Example("ab", "c")]) != content_hash([Example("a", "bc")])
