"""What is looked up once for all models is what each finds by itself, in messages and in their sentences."""

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kit.text import sentences
from triage.ngrams import READ, Ngrams, find_ngrams
from triage.spans import Spans
from triage.spotting import Vocabulary

WORDS = st.sampled_from(
    [
        "refund",
        "Parcel",
        "my",
        "e-mail",
        "log in.",
        "late?",
        "straße",
        "\n",
        "EMI",
        "İx",
        "ΟΔΟΣ",
        "\0",
        "订单",
    ]
)
ANY = st.lists(WORDS | st.text(max_size=6), max_size=10).map(" ".join)
MESSAGES = st.lists(ANY, max_size=6)


@given(MESSAGES, MESSAGES, MESSAGES)
@example(
    ["refund. e-mail", "log in"], ["log in my parcel"], ["log in. My e-mail?\nlog in", "", "refund refund"]
)
def test_each_model_counts_what_it_would_find_itself(
    learnt: list[str], also_learnt: list[str], asked: list[str]
) -> None:
    assume(not any("İ" in text for text in asked))  # beside it, a final sigma is another letter
    models = [Ngrams.fit([*asked[:1], *learnt]), Ngrams.fit(also_learnt)]
    vocabulary = Vocabulary(*models)
    own = [sentences(text) for text in asked]
    parts = Spans.of(asked, [[(one.start, one.end) for one in said] for said in own])
    alone = find_ngrams([*asked, *(one.text for said in own for one in said)])
    for _ in range(2):  # the second time all tokens are remembered
        spotted = vocabulary.spot(asked, parts)
        for number, model in enumerate(models):
            np.testing.assert_array_equal(
                vocabulary.counted(spotted.cells, number).matrix.toarray(), model.matrix(alone).toarray()
            )


@given(MESSAGES)
def test_each_stands_where_it_is_found(asked: list[str]) -> None:
    model = Ngrams.fit(asked)
    spotted, found = Vocabulary(model).spot(asked), find_ngrams(asked)
    place, known = model.places(found)
    own = sorted(zip(found.message[known], place[known], found.start[known], found.end[known], strict=True))
    columns = (spotted.message, spotted.cells.place[spotted.cell], spotted.start, spotted.end)
    assert sorted(zip(*columns, strict=True)) == own
    assert (spotted.cells.row[spotted.cell] == spotted.message).all()


TWO = ["late. parcel", "parcel"]


def test_what_nobody_reads_is_not_looked_up() -> None:
    model = Ngrams.fit(["refund"])
    assert not len(Vocabulary(model).spot(["x " * READ + "refund"]).cell)


def test_the_rows_of_messages_come_before_those_of_parts() -> None:
    spotted = Vocabulary(Ngrams.fit(["late parcel"])).spot(TWO, Spans.of(TWO, [[(6, 12)], []]))
    assert spotted.cells.rows == 3
    first = spotted.cells.first(2)
    assert first.rows == 2
    assert set(first.row.tolist()) == {0, 1}
    assert set(spotted.cells.row[len(first.row) :].tolist()) == {2}


def test_the_value_of_what_a_model_does_not_count_is_nothing() -> None:
    models = Ngrams.fit(["parcel"]), Ngrams.fit(["late"])
    vocabulary = Vocabulary(*models)
    cells = vocabulary.spot(["late parcel"]).cells
    first, second = (vocabulary.counted(cells, number) for number in (0, 1))
    assert ((first.column < 0) == (first.value == 0)).all()
    assert ((first.column < 0) == (second.column >= 0)).all()
