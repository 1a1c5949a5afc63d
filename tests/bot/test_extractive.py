from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answer import Answer, AnswerKind, AnswerRequest, AnswerSentence
from bot.citations import is_verbatim
from bot.extractive import ExtractiveAnswerer, compose, join
from knowledge_base.document import Passage, PassageKind
from tests.bot.passages import passage, retrieval

MOVING = """\
Moving home is simple. Tell us 20 working days before you move.

## What moving costs

| Situation | Moving fee |
|---|---|
| You start a new term | free |
| You keep your contract | £40 |
| You are on Basics | free |

## How to move

1. Open **I'm moving** in the app.
2. Enter the new address.
3. Pick two dates.

See [Renting](renting.md) if you rent.
"""


def ask(question: str, *passages: Passage) -> Answer:
    return compose(AnswerRequest(question, retrieval(question, passages), answerability=0.9))


def test_it_leads_with_the_sentence_that_answers() -> None:
    answer = ask("how many working days before I move must I tell you", passage(MOVING))
    assert answer.kind is AnswerKind.ANSWER
    assert answer.text.startswith("Tell us 20 working days before you move.")
    assert answer.answerability == 0.9


def test_steps_come_whole_under_their_heading() -> None:
    answer = ask("how to move: open the app and enter the new address", passage(MOVING))
    assert answer.text.startswith("**How to move**\n1. Open **I'm moving** in the app.")
    assert "3. Pick two dates." in answer.text


def test_a_heading_that_stands_beside_the_passage_frames_its_steps_uncited() -> None:
    steps = passage(
        "1. Open the app.\n2. Enter the address.", headings=("How to move",), kind=PassageKind.STEPS
    )
    answer = ask("open the app, enter the address", steps)
    assert answer.sentences[0] == AnswerSentence("**How to move**")
    assert len(answer.sentences[1].citations) == 1


def test_a_row_is_said_in_words_and_cited_with_its_header() -> None:
    answer = ask("fee if I keep my contract", passage(MOVING))
    row = next(sentence for sentence in answer.sentences if "£40" in sentence.text)
    assert row.text == "Situation: You keep your contract; Moving fee: £40."
    assert [citation.quote for citation in row.citations] == [
        "| Situation | Moving fee |",
        "| You keep your contract | £40 |",
    ]


def test_several_rows_make_a_table_with_its_header() -> None:
    text = "| Plan | Price |\n|---|---|\n| Red plan | £5 |\n| Blue plan | £6 |"
    answer = ask("plan price", passage(text))
    assert answer.text == "| Plan | Price |\n| --- | --- |\n| Red plan | £5 |\n| Blue plan | £6 |"
    assert len(answer.citations) == 3


def test_a_row_without_known_columns_gives_its_cells() -> None:
    assert ask("red plan", passage("| Red plan | £5 |")).text == "Red plan; £5."


def test_rows_that_lost_their_header_are_said_one_after_another() -> None:
    answer = ask("plan", passage("| Red plan | £5 |\n| Blue plan | £6 |"))
    assert answer.text == "Red plan; £5; Blue plan; £6."


def test_a_lead_in_brings_its_list() -> None:
    text = "To restart the router, do this:\n\n1. Unplug it.\n2. Wait a minute.\n\nOther words follow here."
    answer = ask("do this to restart the router", passage(text))
    assert "1. Unplug it.\n2. Wait a minute." in answer.text


def test_a_lead_in_brings_a_short_table_whole() -> None:
    text = "These are the fees of the router:\n\n| Item | Fee |\n|---|---|\n| Lost | £9 |\n| Late | £3 |"
    answer = ask("what are the fees of the router", passage(text))
    assert "| Lost | £9 |" in answer.text
    assert "| Late | £3 |" in answer.text


def test_a_lead_in_to_a_long_table_does_not_bring_it() -> None:
    rows = "\n".join(f"| Item number {number} | £{number} |" for number in range(9))
    answer = ask(
        "the fees of the router are these",
        passage(f"The fees of the router are these:\n\n| A | B |\n|---|---|\n{rows}"),
    )
    assert "Item number 7" not in answer.text


def test_a_list_brings_its_lead_in() -> None:
    text = "You need the following:\n\n- a router with power;\n- a cable for the router."
    answer = ask("router power cable", passage(text))
    assert answer.text.startswith("You need the following:")
    assert answer.text.endswith("- a cable for the router.")


def test_of_a_long_list_only_the_item_that_answers_is_said() -> None:
    text = (
        "- Messages are kept for 21 days.\n- To turn voicemail off, dial 1210.\n"
        "- Greetings last 30 seconds.\n- The box holds 30 recordings.\n"
    )
    answer = ask("turn voicemail off dial", passage(text))
    assert answer.text == "To turn voicemail off, dial 1210."
    assert answer.citations[0].quote == "- To turn voicemail off, dial 1210."


def test_two_items_of_many_stay_a_list() -> None:
    text = "- Red lamp means stop.\n- Red lamp flashing means wait.\n" + "".join(
        f"- Word{n} other{n} thing{n}.\n" for n in range(6)
    )
    answer = ask("red lamp", passage(text))
    assert answer.text == "- Red lamp means stop.\n- Red lamp flashing means wait."


def test_a_sentence_that_leans_back_brings_the_one_before() -> None:
    text = "The mailbox lasts 60 days. It can be kept longer for £4 a month."
    answer = ask("kept longer for £4 a month", passage(text))
    assert answer.text == text


def test_a_reply_brings_the_question_it_replies_to() -> None:
    text = "### Can I go back to part fibre?\n\nNo. Once full fibre is in, copper is taken out."
    answer = ask("copper is taken out once full fibre is in", passage(text))
    assert "copper is taken out" in answer.text
    again = ask(
        "go back to part fibre", passage("### Can I go back to part fibre?\n\nNo, never to part fibre.")
    )
    assert again.text == "**Can I go back to part fibre?**\nNo, never to part fibre."


def test_sentences_that_send_the_reader_elsewhere_are_left_out() -> None:
    text = "See [Renting a home](renting.md) if you rent a home. Landlords decide on drilling."
    answer = ask("rent a home", passage(text))
    assert answer.text == "Landlords decide on drilling."


def test_they_are_said_when_there_is_nothing_else() -> None:
    answer = ask("rent a home", passage("See [Renting a home](renting.md) if you rent a home."))
    assert answer.text == "See Renting a home if you rent a home."


def test_what_two_passages_say_alike_is_said_once() -> None:
    one = passage("Moving costs £40 for most customers.", number=1)
    two = passage("Moving costs £40 for most of our customers.", number=2)
    answer = ask("moving costs customers", one, two)
    assert answer.text.count("£40") == 1


def test_a_question_answer_pair_gives_its_whole_answer() -> None:
    pair = passage(
        "Yes. Call us on Monday. Bills can be in Welsh too.",
        title="Do you speak Welsh?",
        kind=PassageKind.QUESTION_ANSWER,
    )
    assert ask("do you speak Welsh", pair).text == pair.text


def test_a_long_question_answer_pair_is_chosen_from() -> None:
    text = " ".join(f"Sentence number {n} speaks of thing{n}." for n in range(9))
    pair = passage(text, title="What is thing5?", kind=PassageKind.QUESTION_ANSWER)
    answer = ask("thing5", pair)
    assert "thing5" in answer.text
    assert answer.text != text


def test_the_best_passage_comes_first_and_passages_keep_their_order() -> None:
    one = passage("Pods cost money. The delivery of a parcel takes days.", number=1)
    two = passage("A Pod costs £5 a month.", number=2)
    answer = ask("what does a Pod cost a month", one, two)
    assert answer.text.startswith("A Pod costs £5 a month.")


def test_without_sentence_vectors_words_decide() -> None:
    question = "fee if I keep my contract"
    found = retrieval(question, [passage(MOVING)], embedded=False)
    assert "£40" in compose(AnswerRequest(question, found)).text


def test_nothing_found_is_handed_over() -> None:
    answer = ask("anything")
    assert answer.kind is AnswerKind.HANDOVER
    assert answer.sentences == ()


def test_a_passage_of_headings_only_is_handed_over() -> None:
    assert ask("moving", passage("# Moving\n\n## More")).kind is AnswerKind.HANDOVER


@pytest.mark.anyio
async def test_the_stream_adds_up_to_the_answer() -> None:
    question = "how to move: open the app and enter the new address"
    request = AnswerRequest(question, retrieval(question, [passage(MOVING)]))
    chunks = [chunk async for chunk in ExtractiveAnswerer().stream(request)]
    whole = await ExtractiveAnswerer().answer(request)
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert [chunk.answer for chunk in chunks if chunk.answer] == [whole]
    assert chunks[-1].answer == whole


def test_lists_stand_in_lines_of_their_own() -> None:
    texts = ["A.", "- b\n- c", "D.", "E.", "**F**", "G."]
    assert join([AnswerSentence(text) for text in texts]) == "A.\n\n- b\n- c\n\nD. E.\n\n**F**\nG."


WORDS = st.sampled_from(["move", "fee", "£40", "contract", "address", "days", "It", "yes", "app"])
LINES = st.one_of(
    st.lists(WORDS, min_size=1, max_size=7).map(lambda words: " ".join(words) + "."),
    st.sampled_from(
        ["# Head", "Ask?", "Do this:", "- item", "- other item.", "1. step", "| a | b |", "|---|---|", ""]
    ),
)


@given(st.lists(LINES, max_size=9), st.lists(LINES, max_size=9), st.lists(WORDS, min_size=1, max_size=4))
def test_every_quote_stands_where_it_says(one: list[str], two: list[str], question: list[str]) -> None:
    texts = ["\n".join(lines) for lines in (one, two)]
    versions = {f"article-{number}.md@1": "Title\n\n" + text for number, text in enumerate(texts, start=1)}
    passages = [
        passage(text, number=number, start=7) for number, text in enumerate(texts, start=1) if text.strip()
    ]
    answer = ask(" ".join(question), *passages)
    for sentence in answer.sentences:
        assert sentence.support == 1
        for citation in sentence.citations:
            assert is_verbatim(citation, versions[citation.version_id])
