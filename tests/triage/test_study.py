import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from inference.fakes import HashEncoder
from tests.triage.shop import LABELS, corrected, messages, renamed
from triage.corrections import Correction
from triage.examples import Example
from triage.model import IntentModel, train
from triage.stopping import Stopped
from triage.study import Study, StudyLimits, Verdict, study, train_with_unseen, trainable, training_set

ENCODER = HashEncoder(dimensions=128)
SHOTS = messages(5, seed=1)
SAID = messages(20, seed=2)
JUDGING = messages(50, seed=3)
HONEST = corrected(SAID)
LIMITS = StudyLimits(folds=3)  # two trainings less than by default


def accuracy(model: IntentModel) -> float:
    found = model.predict([example.text for example in JUDGING], ENCODER)
    return float(np.mean([said.label == example.label for said, example in zip(found, JUDGING, strict=True)]))


def besides(corrections: Sequence[Correction], others: Sequence[Correction]) -> list[Correction]:
    """Both, the one's times spread over the other's."""
    places = np.linspace(0, len(others) - 1, len(corrections)).astype(int)
    return [
        *others,
        *(replace(each, at=others[place].at) for each, place in zip(corrections, places, strict=True)),
    ]


def tried(corrections: Sequence[Correction], live: IntentModel, **options: object) -> Study:
    return study(SHOTS, corrections, live, ENCODER, limits=LIMITS, **options)  # type: ignore[arg-type]  # as study's own


SWAP = corrected(
    [Example(each.text, "delivery") for each in messages(100, seed=5) if each.label == "refund"],
    who=("mallory",),
)
AT_RANDOM = corrected(
    [Example(each.text, LABELS[number * 7 % 6]) for number, each in enumerate(messages(17, seed=6))],
    who=("mallory",),
)
FLOOD = corrected(
    [Example(f"hello, where is my parcel {number}?", "refund") for number in range(100)], who=("mallory",)
)


@pytest.fixture(scope="module")
def live() -> IntentModel:
    return train(SHOTS, ENCODER)[0]


@pytest.fixture(scope="module")
def honest(live: IntentModel) -> Study:
    return tried(HONEST, live)


def test_corrections_are_worth_as_much_as_training_on_them(live: IntentModel, honest: Study) -> None:
    assert honest.verdict is Verdict.PROMOTE
    assert honest.final is not None
    direct, _ = train(training_set(SHOTS, HONEST), ENCODER)
    assert accuracy(direct) > accuracy(live) + 0.1
    assert abs(accuracy(honest.final) - accuracy(direct)) < 0.02


def test_the_youngest_judge_and_the_final_model_learns_them_too(honest: Study) -> None:
    assert honest.hold_out is not None
    assert honest.trusted is not None
    assert honest.together is not None
    assert honest.final is not None
    assert honest.candidate is not None
    assert honest.new == honest.usable == len(SAID)
    assert honest.held_out == honest.hold_out.n == 48
    assert {each.text for each in honest.tried} == {each.text for each in HONEST[:72]}
    assert set(honest.learned) == set(HONEST)
    assert (honest.trusted.n, honest.together.n) == (len(SHOTS), len(SHOTS) + 48)
    examples = [model.provenance["examples"] for model in (honest.candidate, honest.final)]
    assert examples == [len(SHOTS) + 72, len(SHOTS) + 120]


def test_reasons_say_how_much_better_without_a_word_of_a_message(honest: Study) -> None:
    assert honest.hold_out is not None
    assert honest.hold_out.low > 0
    assert "On the youngest corrections the model is better" in honest.reasons[0]
    assert f"{honest.hold_out.after:.1%} of 48 right" in honest.reasons[0]


def test_the_same_night_gives_the_same(live: IntentModel, honest: Study) -> None:
    again = tried(list(reversed(HONEST)), live)
    without_arrays = {"candidate": None, "final": None, "unseen": None}
    assert replace(again, **without_arrays) == replace(honest, **without_arrays)  # type: ignore[arg-type]  # as Study's
    assert again.final is not None
    assert honest.final is not None
    texts = [example.text for example in JUDGING]
    assert again.final.predict(texts, ENCODER) == honest.final.predict(texts, ENCODER)


def test_one_label_called_by_anothers_name_is_refused_though_its_youngest_agree(live: IntentModel) -> None:
    found = tried(SWAP, live)
    assert found.verdict is Verdict.REJECT
    assert found.hold_out is not None
    assert found.hold_out.low > 0.5
    assert [loss.label for loss in found.losses] == ["refund"]
    assert any("Trusted messages of refund are known worse" in reason for reason in found.reasons)


def test_a_wrong_name_that_everybody_uses_is_refused(live: IntentModel) -> None:
    found = tried(renamed(HONEST, "refund", "delivery"), live)
    assert (found.verdict, found.quarantined) == (Verdict.REJECT, ())
    assert [loss.label for loss in found.losses] == ["refund"]


def test_two_labels_that_change_names_are_refused(live: IntentModel) -> None:
    names = {"refund": "delivery", "delivery": "refund"}
    found = tried([replace(each, became=names.get(each.became or "", each.became)) for each in HONEST], live)
    assert (found.verdict, found.final) == (Verdict.REJECT, None)
    assert [loss.label for loss in found.losses] == ["delivery", "refund"]
    assert any("corrections uphold 0" in reason for reason in found.reasons)


def test_a_label_that_nobody_asks_for_loses_room_and_the_night_is_learned_all_the_same() -> None:
    shots = messages(5, seed=11)
    asked = [each for each in messages(34, seed=2) if each.label != "stock"]
    found = study(shots, corrected(asked), train(shots, ENCODER)[0], ENCODER, limits=LIMITS)
    assert (found.verdict, found.losses) == (Verdict.PROMOTE, ())
    assert [(loss.label, loss.n) for loss in found.watched] == [("stock", 5)]
    assert found.watched[0].halved
    assert "Trusted messages of stock are known worse: 60% of 5" in found.reasons[-1]
    assert "corrections do not rename it" in found.reasons[-1]


def test_labels_at_random_are_refused(live: IntentModel) -> None:
    found = tried(AT_RANDOM, live)
    assert found.verdict is Verdict.REJECT
    assert found.final is None
    assert "not better beyond chance" in found.reasons[0]


def test_a_message_a_hundred_times_counts_once(live: IntentModel) -> None:
    found = tried(FLOOD, live)
    assert (found.verdict, found.usable, found.new) == (Verdict.WAIT, 100, 1)


def test_a_flood_among_honest_corrections_is_learned_five_times_at_most(live: IntentModel) -> None:
    found = tried(besides([replace(each, who="ada") for each in FLOOD], HONEST), live)
    assert sum(each.became == "refund" and "where is my parcel" in each.text for each in found.learned) <= 5
    if found.final is not None:
        assert accuracy(found.final) > accuracy(live)


@pytest.mark.parametrize("poison", [SWAP, AT_RANDOM], ids=["swap", "random"])
def test_whoever_contradicts_what_is_sure_is_held_back_and_named(
    live: IntentModel, honest: Study, poison: list[Correction]
) -> None:
    found = tried(besides(poison, HONEST), live)
    assert found.verdict is Verdict.PROMOTE
    assert [(batch.who, batch.corrections) for batch in found.quarantined] == [("mallory", len(poison))]
    assert found.quarantined[0].rate > 2 * found.quarantined[0].others_rate
    assert "by mallory (api) are held back" in found.reasons[0]
    assert set(found.learned) == set(honest.learned)


def test_honest_people_who_correct_only_what_is_wrong_are_not_held_back(live: IntentModel) -> None:
    said = live.predict([each.text for each in HONEST], ENCODER)
    wrong = [each for each, found in zip(HONEST, said, strict=True) if found.label != each.became]
    assert len(wrong) > 10
    assert (
        tried([replace(each, who=f"agent {place % 2}") for place, each in enumerate(wrong)], live).quarantined
        == ()
    )


def test_too_few_wait(live: IntentModel) -> None:
    found = tried(HONEST[:39], live)
    assert (found.verdict, found.new, found.held_out) == (Verdict.WAIT, 39, 0)
    assert found.reasons == ("39 different messages are new; 40 are needed to judge.",)


def test_nothing_at_all_waits(live: IntentModel) -> None:
    assert tried([], live).verdict is Verdict.WAIT


def test_what_the_live_model_learned_does_not_judge_it(honest: Study) -> None:
    assert honest.final is not None
    found = tried([*HONEST, *corrected(messages(3, seed=9), first_id=1000)], honest.final, known=HONEST)
    assert (found.verdict, found.new) == (Verdict.WAIT, 18)


def test_a_label_that_nobody_had_is_learned_and_one_that_was_said_once_is_left_out(live: IntentModel) -> None:
    allergy = [Example(f"{each.text} does it contain nuts or wool", "allergy") for each in SAID[:20]]
    news = [*SAID, *allergy, Example("do you hire people", "jobs")]
    order = np.random.default_rng(0).permutation(len(news))
    found = tried(corrected([news[place] for place in order]), live)
    assert found.verdict is Verdict.PROMOTE
    assert found.final is not None
    assert set(found.final.labels) == {*LABELS, "allergy"}
    assert found.unlearnable == ("jobs",)


def test_a_corrected_trusted_example_gives_way() -> None:
    wrong = corrected([Example(SHOTS[0].text.upper(), "stock")])
    found = training_set(SHOTS, wrong)
    assert len(found) == len(SHOTS)
    assert SHOTS[0] not in found
    assert found[-1] == Example(SHOTS[0].text.upper(), "stock")


def test_labels_of_one_example_are_left_out_but_not_out_of_scope() -> None:
    kept, rare = trainable([Example("a", "x"), Example("b", "x"), Example("c", "y"), Example("d", "oos")])
    assert ([each.text for each in kept], rare) == (["a", "b", "d"], ("y",))


def test_what_was_seen_in_other_words_promises_nothing() -> None:
    swarm = [Example(f"hello, where is my parcel {number}?", "delivery") for number in range(30)]
    twice = Example("HELLO, where is my parcel 7", "refund")  # another label is no twin
    model, unseen = train_with_unseen([*SHOTS, *swarm, twice], ENCODER, seed=0)
    assert len(unseen.labels) == len(unseen.by_label) == len(SHOTS) + 1
    assert np.bincount(unseen.labels)[model.labels.index("delivery")] == 5
    assert np.allclose(unseen.by_label.sum(axis=1), 1)


def test_a_study_that_nobody_waits_for_is_left(live: IntentModel) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        tried(HONEST, live, stop=stop)
