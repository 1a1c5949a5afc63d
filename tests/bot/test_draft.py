"""Reading what a model writes while it writes it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.draft import DraftParser, DraftSentence


def read(text: str) -> list[DraftSentence]:
    return DraftParser().feed(text)


def test_a_sentence_comes_out_as_soon_as_its_object_is_closed() -> None:
    parser = DraftParser()

    assert parser.feed('{"sentence": "Hold it.", "pass') == []
    assert parser.feed('ages": [1, 2]') == []
    assert parser.feed('}\n{"sen') == [DraftSentence("Hold it.", (1, 2), "Hold it.")]


def test_braces_and_quotes_inside_a_sentence_are_text() -> None:
    [sentence] = read(r'{"sentence": "Type \"{x}\" \\ {", "passages": []}')

    assert sentence.text == 'Type "{x}" \\ {'


def test_remarks_around_objects_are_no_sentences() -> None:
    assert read('He said "hello" } and {not json} {"passages": [1]} {"sentence": 3}') == []


def test_a_source_stands_beside_the_sentence() -> None:
    [sentence] = read('{"sentence": "Halten.", "source": " Hold. ", "passages": 3}')

    assert sentence == DraftSentence("Halten.", (3,), "Hold.")


def test_insufficient_counts_only_when_it_is_true() -> None:
    parser = DraftParser()
    parser.feed('{"insufficient": false}')
    assert not parser.insufficient
    parser.feed('{"insufficient": true}')
    assert parser.insufficient


@given(
    texts=st.lists(st.text(min_size=1).filter(str.strip), max_size=5),
    size=st.integers(1, 20),
    ascii_only=st.booleans(),
)
def test_however_the_stream_is_cut_the_sentences_are_the_same(
    texts: list[str], size: int, ascii_only: bool
) -> None:
    whole = "\n".join(
        json.dumps({"sentence": text, "passages": [1]}, ensure_ascii=ascii_only) for text in texts
    )
    parser = DraftParser()
    found = [
        sentence
        for start in range(0, len(whole), size)
        for sentence in parser.feed(whole[start : start + size])
    ]

    assert [sentence.text for sentence in found] == [text.strip() for text in texts]
