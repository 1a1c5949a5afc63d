from __future__ import annotations

from bot.blocks import blocks_of
from bot.selection import Candidate, candidates, is_pointer
from knowledge_base.document import Passage
from tests.bot.passages import encode, passage, retrieval


def ranked(question: str, *passages: Passage) -> list[Candidate]:
    found = candidates(question, encode(question), retrieval(question, passages).passages)
    return sorted(found, key=lambda candidate: -candidate.score)


def test_headings_are_no_candidates_but_lend_their_meaning() -> None:
    text = "# Paying in cash\n\nShow the code at a till.\n\n# Cheques\n\nWrite the number on the back."
    found = ranked("paying in cash", passage(text))
    assert [candidate.block.text for candidate in found] == [
        "Show the code at a till.",
        "Write the number on the back.",
    ]


def test_a_model_number_decides_between_twin_articles() -> None:
    twins = [
        passage("Hold the button for ten seconds.", title=f"Reset a Hub {number}", number=number)
        for number in (2, 3)
    ]
    assert ranked("how to reset my Hub 3", *twins)[0].passage.title == "Reset a Hub 3"


def test_a_passage_ranked_far_behind_counts_for_less() -> None:
    same = [passage("Roaming is free in Zone 1.", number=number) for number in (1, 2)]
    assert [candidate.rank for candidate in ranked("roaming zone 1", *same)] == [0, 1]


def test_items_of_a_list_are_scored_one_by_one() -> None:
    text = "- Calls are free.\n- Texts cost 5p.\n- Data costs more."
    only = ranked("texts", passage(text))[0]
    assert len(only.items) == 3
    assert max(only.items) == only.items[1]


def test_a_sentence_too_short_to_answer_stands_back() -> None:
    found = ranked("roaming in Zone 1", passage("It depends. Roaming too. Roaming in Zone 1 has no charge."))
    assert found[0].block.text == "Roaming in Zone 1 has no charge."
    assert len({candidate.score for candidate in found}) == 3


def test_sentence_vectors_that_do_not_fit_are_ignored() -> None:
    one = passage("Roaming is free. Calls are not.")
    other = passage("Roaming is free.")
    misfit = retrieval("roaming", [other]).passages[0]
    swapped = type(misfit)(
        one, misfit.score, misfit.dense, misfit.lexical, sentence_embeddings=misfit.sentence_embeddings
    )
    assert len(candidates("roaming", encode("roaming"), [swapped])) == 2


def test_a_sentence_the_encoder_never_read_counts_as_its_passage() -> None:
    found = retrieval("roaming", [passage("Roaming is free.")]).passages[0]
    assert found.sentence_embeddings is not None
    found.sentence_embeddings[:] = 0
    [candidate] = candidates("roaming", encode("roaming"), [found])
    assert candidate.score >= found.dense


def test_pointers_are_told_from_sentences_with_a_link() -> None:
    pointers = [
        "See [Fees](fees.md).",
        "Long stays are covered in [Fair use](fair.md).",
        "For the first steps see [Set up](set-up.md).",
        "Learn more about fees [1]",
    ]
    answers = ["The [fee](fees.md) is £5.", "See the label on the back."]
    assert all(is_pointer(blocks_of(text)[0]) for text in pointers)
    assert not any(is_pointer(blocks_of(text)[0]) for text in answers)
