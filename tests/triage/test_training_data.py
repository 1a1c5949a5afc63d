import numpy as np
import pytest

from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from triage import training_data
from triage.examples import Example
from triage.model import train
from triage.ngrams import find_ngrams
from triage.training_data import TrainingData, readable_name

ENCODER = HashEncoder(dimensions=64)
# Two examples a label say nothing of "parcel" or "locked"; messages that nobody labelled do.
FEW = [
    Example("refund for my order", "refund"),
    Example("please refund me", "refund"),
    Example("delivery is late", "delivery"),
    Example("delivery time please", "delivery"),
    Example("reset my password", "password"),
    Example("change the password", "password"),
]
UNLABELLED = [
    "delivery of my parcel is late",
    "delivery of the parcel please",
    "my parcel, when is delivery",
    "where is my parcel",
    "has the parcel been sent",
    "refund my money back",
    "money back please",
    "give me the money back",
    "password locked, reset it",
    "locked out, cannot log in",
    "cannot log in",
]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("ORDER_STATUS", "order status"),
        ("orderStatus", "order status"),
        ("billing/late-fee?", "billing late fee"),
        ("Kündigung", "kündigung"),
        ("17", ""),
        ("_", ""),
    ],
)
def test_a_label_is_read_in_words(label: str, name: str) -> None:
    assert readable_name(label) == name


def test_unlabelled_messages_teach_words_that_no_example_has() -> None:
    def sees(unlabelled: list[str]) -> float:
        data = TrainingData.of(FEW, ENCODER, unlabelled=unlabelled)
        ngrams, heads = data.fit(np.arange(len(FEW)), seed=0)
        scores = heads.scores(ENCODER.encode(["parcel"]), ngrams.matrix(find_ngrams(["parcel"])))
        by_label = scores[1, 0]  # the n-grams' head
        return float(by_label[data.names.index("delivery")] - np.delete(by_label, 0).max())

    assert sees(UNLABELLED) > sees([]) + 0.1


def test_examples_are_not_unlabelled_too() -> None:
    data = TrainingData.of(FEW, ENCODER, unlabelled=["reset my password", "money back", "money back"])

    assert data.unlabelled is not None
    assert list(data.unlabelled.texts) == ["money back"]


def test_no_more_unlabelled_messages_are_used_than_a_graph_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_data, "MOST_UNLABELLED", 3)

    data = TrainingData.of(FEW, ENCODER, unlabelled=UNLABELLED)

    assert data.unlabelled is not None
    assert list(data.unlabelled.texts) == UNLABELLED[:3]


def test_a_label_left_out_takes_its_unlabelled_messages_with_it() -> None:
    data = TrainingData.of(FEW, ENCODER, unlabelled=UNLABELLED)
    assert data.unlabelled is not None
    without = np.flatnonzero(data.labels != data.names.index("delivery"))
    delivery = {
        text
        for text, label in zip(data.unlabelled.texts, data.unlabelled.likeliest, strict=True)
        if data.names[label] == "delivery"
    }

    _, heads = data.fit(without, seed=0)

    assert "delivery of my parcel is late" in delivery
    # Its name stays out as well: what is left are six examples, two names, and the others' messages.
    assert len(heads.neighbours) == len(without) + 2 + len(UNLABELLED) - len(delivery)


def test_a_model_says_what_it_learned_from_and_is_the_same_again() -> None:
    one, _ = train(FEW, ENCODER, unlabelled=UNLABELLED)
    other, _ = train(FEW, ENCODER, unlabelled=UNLABELLED)
    alone, _ = train(FEW, ENCODER)

    assert one.provenance == other.provenance
    assert one.provenance["unlabelled"] == len(UNLABELLED)
    assert "unlabelled" not in alone.provenance
    assert one.predict(["parcel"], ENCODER) == other.predict(["parcel"], ENCODER)
    assert one.predict(["parcel"], ENCODER)[0].label == "delivery"


def test_unlabelled_messages_leave_a_model_of_many_examples_right() -> None:
    model, held_out = train(EXAMPLES, ENCODER, unlabelled=UNLABELLED)
    plain, held_out_plain = train(EXAMPLES, ENCODER)

    right, right_plain = (
        float((each.predicted == each.labels).mean()) for each in (held_out, held_out_plain)
    )
    assert right >= right_plain - 0.1
    assert model.labels == plain.labels
