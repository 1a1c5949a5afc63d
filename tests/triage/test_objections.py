import pytest

from triage.comparison import LabelLoss, Paired
from triage.examples import Example
from triage.objections import Losses, crowded_labels, objections, remarks
from triage.upheld import Upheld

MARGIN = 0.02
BETTER = Paired(200, 0.6, 0.64, low=-0.013, high=0.09, gained=20, lost=12)
NO_LOSS = Losses((), ())
DRAINED = LabelLoss("a", 5, 1.0, 0.0, 0.9, 0.05)
WORSE = LabelLoss("b", 5, 1.0, 0.6, 0.63, 0.27)
GUESSED = LabelLoss("c", 5, 0.2, 0.0, 0.3, 0.1)


def held(label: str, chance: float) -> dict[str, Upheld]:
    return {label: Upheld(label, said=12, expected=8.5, upheld=1, chance=chance)}


def why(losses: Losses = NO_LOSS, *, trusted: Paired = BETTER, together: Paired = BETTER) -> list[str]:
    return list(objections(trusted, together, losses, held("b", 0.01), margin=MARGIN))


def test_a_drained_label_speaks_against_the_model_whatever_corrections_say() -> None:
    assert Losses.of([DRAINED], held("a", 1.0), {"a"}) == Losses((DRAINED,), ())


def test_a_label_that_is_worse_and_that_corrections_rename_speaks_against_it() -> None:
    assert Losses.of([WORSE], held("b", 0.04), {"b"}) == Losses((WORSE,), ())


@pytest.mark.parametrize("found", [{}, held("b", 0.06), held("a", 0.0)])
def test_a_label_that_is_worse_while_corrections_uphold_it_is_watched(found: dict[str, Upheld]) -> None:
    assert Losses.of([WORSE], found, {"b"}) == Losses((), (WORSE,))


def test_a_label_that_is_worse_though_more_of_it_is_learned_speaks_against_the_model() -> None:
    assert Losses.of([WORSE], held("b", 0.9), ()) == Losses((WORSE,), ())


def test_crowded_is_what_makes_up_less_of_what_is_learned() -> None:
    before = [Example("1", "a"), Example("2", "a"), Example("3", "b"), Example("4", "b")]
    assert crowded_labels(before, [*before, Example("5", "b")]) == {"a"}
    assert crowded_labels(before, [*before, Example("5", "b"), Example("6", "a")]) == set()
    assert crowded_labels(before, [*before, Example("5", "c")]) == {"a", "b"}


def test_what_nobody_knew_is_a_loss_only_where_it_is_renamed() -> None:
    assert Losses.of([GUESSED], held("c", 0.001), {"c"}) == Losses((GUESSED,), ())
    assert Losses.of([GUESSED], held("c", 0.5), ()) == NO_LOSS


def test_of_several_labels_that_are_worse_each_is_contradicted_the_more_clearly() -> None:
    assert Losses.of([WORSE, GUESSED], held("b", 0.04), {"b"}) == Losses((), (WORSE,))
    assert Losses.of([WORSE, GUESSED], held("b", 0.02), {"b"}) == Losses((WORSE,), ())
    assert Losses.of([DRAINED, WORSE], held("b", 0.04), {"b"}).against == (
        DRAINED,
        WORSE,
    )  # drained needs no proof


def test_better_within_the_margin_has_nothing_against_it() -> None:
    assert why() == []


def test_trusted_examples_known_worse_speak_against_it() -> None:
    worse = Paired(140, 0.8, 0.7, low=-0.16, high=-0.03, gained=1, lost=15)
    (reason,) = why(trusted=worse)
    assert reason == (
        "On trusted examples the model is worse: 70.0% of 140 right against 80.0%, a difference of "
        "-10.0 points (-16.0 to -3.0)."
    )


def test_together_it_must_not_be_worse_by_the_margin() -> None:
    worse = Paired(200, 0.6, 0.61, low=-0.021, high=0.05, gained=12, lost=10)
    assert "together the model may be worse by 2 points and more: 61.0% of 200" in why(together=worse)[0]


def test_a_rename_is_told_with_what_corrections_made_of_the_label() -> None:
    (reason,) = why(Losses((WORSE,), ()))
    assert reason == (
        "Trusted messages of b are known worse: 100% of 5 were right and 60% are, their label had 0.63 and "
        "has 0.27. Of 12 new messages that the live model took for it, corrections uphold 1, where 8.5 were "
        "to be expected."
    )
    assert why(Losses((DRAINED,), ()))[0].endswith("and has 0.05.")


def test_a_watched_label_is_told_too() -> None:
    found = list(remarks(Losses((), (WORSE,)), held("b", 0.3)))
    assert len(found) == 1
    assert "has 0.27; others take its room, corrections do not rename it. Of 12 new messages" in found[0]
    assert list(remarks(Losses((WORSE,), ()), {})) == []
