import json
from pathlib import Path

import numpy as np
import pytest

from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from triage.errors import ExamplesInvalid, ModelUnreadable
from triage.examples import Example
from triage.model import HeldOut, IntentModel, load_model, train

ENCODER = HashEncoder(dimensions=64)


@pytest.fixture(scope="module")
def trained() -> tuple[IntentModel, HeldOut]:
    return train(EXAMPLES, ENCODER)


@pytest.fixture(scope="module")
def model(trained: tuple[IntentModel, HeldOut]) -> IntentModel:
    return trained[0]


@pytest.mark.parametrize(
    ("text", "label"),
    [("my parcel has not come", "delivery"), ("passwrd reset", "password"), ("REFUND!!", "refund")],
)
def test_a_message_like_the_examples_gets_their_label(model: IntentModel, text: str, label: str) -> None:
    found = model.predict([text], ENCODER)[0]
    assert found.label == label
    assert found.probability > max(probability for _, probability in found.others)
    assert found.probability + sum(probability for _, probability in found.others) == pytest.approx(1)


def test_what_fits_no_label_is_less_in_scope(model: IntentModel) -> None:
    known, strange = model.predict(["please refund my order", "zebra quartz violin"], ENCODER)
    assert 0 <= strange.in_scope < known.in_scope <= 1


def test_held_out_predictions_cover_every_example(trained: tuple[IntentModel, HeldOut]) -> None:
    _, held_out = trained
    assert len(held_out.labels) == len(EXAMPLES)
    assert (held_out.labels == held_out.predicted).mean() > 0.6
    assert ((held_out.probability > 1 / 3) & (held_out.probability <= 1)).all()


@pytest.mark.parametrize("text", ["", " ", "🙂🙂", "aGVsbG8gd29ybGQ=" * 500, "x " * 9**6, "日本語"])
def test_odd_messages_get_some_label(model: IntentModel, text: str) -> None:
    found = model.predict([text], ENCODER)[0]
    assert found.label in model.labels
    assert 0 <= found.in_scope <= 1
    assert np.isfinite(found.probability)


def test_nothing_asked_nothing_said(model: IntentModel) -> None:
    assert model.predict([], ENCODER) == []


def test_training_twice_gives_the_same(model: IntentModel) -> None:
    again, _ = train(EXAMPLES, ENCODER)
    texts = ["where is my money", "late parcel"]
    assert again.predict(texts, ENCODER) == model.predict(texts, ENCODER)
    assert again.provenance == model.provenance


def test_a_model_is_written_and_read_back(model: IntentModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    restored = load_model(tmp_path / "model")
    texts = [example.text for example in EXAMPLES]
    for before, after in zip(model.predict(texts, ENCODER), restored.predict(texts, ENCODER), strict=True):
        assert after.label == before.label
        assert after.probability == pytest.approx(
            before.probability, abs=0.01
        )  # weights are kept in half precision
        assert after.in_scope == pytest.approx(before.in_scope, abs=0.01)
    assert restored.provenance == model.provenance


def test_another_encoder_is_refused(model: IntentModel) -> None:
    other = HashEncoder(dimensions=64, identity="other@1")
    with pytest.raises(ModelUnreadable, match="careloop train"):
        model.predict(["refund"], other)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"format": 99}'])
def test_a_folder_without_a_model_says_so(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    with pytest.raises(ModelUnreadable):
        load_model(tmp_path)


def test_arrays_that_hold_objects_are_not_loaded(model: IntentModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    with (tmp_path / "arrays.npz").open("wb") as file:
        np.savez(file, sentence=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelUnreadable):
        load_model(tmp_path)


def test_two_labels_are_enough_and_have_no_scope() -> None:
    some = [example for example in EXAMPLES if example.label != "password"]
    model, _ = train(some, ENCODER)
    assert model.scope is None
    assert model.predict(["refund please"], ENCODER)[0].in_scope == 1


def test_examples_out_of_scope_teach_what_is_out_of_scope() -> None:
    chatter = [Example(text, "oos") for text in ("hello there", "good morning", "how are you", "hello you")]
    plain, _ = train(EXAMPLES, ENCODER)
    taught, _ = train([*EXAMPLES, *chatter], ENCODER)
    assert "oos" not in taught.labels
    assert taught.scope != plain.scope
    assert json.dumps(taught.provenance) != json.dumps(plain.provenance)


def test_one_example_of_a_label_is_refused() -> None:
    with pytest.raises(ExamplesInvalid, match="Only one example of: lone"):
        train([*EXAMPLES, Example("on its own", "lone")], ENCODER)


def test_the_name_of_a_label_is_an_example_of_it() -> None:
    def trained_as(name: str) -> IntentModel:
        examples = [Example(one.text, one.label.replace("delivery", name)) for one in EXAMPLES]
        return train(examples, ENCODER)[0]

    by_name, by_number = trained_as("courier_shipment"), trained_as("17")
    said, unsaid = (model.predict(["courier shipment"], ENCODER)[0] for model in (by_name, by_number))
    assert said.label == "courier_shipment"
    assert said.probability > (unsaid.probability if unsaid.label == "17" else dict(unsaid.others)["17"])
