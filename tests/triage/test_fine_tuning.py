"""A model with an encoder of its own: kept where it wins, saved with the model, explained as exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from inference.encoder import OpenVinoEncoder, bundled_model
from inference.fakes import HashEncoder
from inference.joined import JoinedEncoder
from inference.tuner import Tuner
from tests.triage.messages import EXAMPLES
from tests.triage.small_models import small_taxonomy
from tests.triage.test_evidence import check_adds_up
from triage.card import fine_tuning_note
from triage.errors import ModelUnreadable
from triage.examples import OUT_OF_SCOPE, Example
from triage.fine_tuning import by_label, hold_out, train_tuned
from triage.heads import in_order
from triage.message import Message
from triage.model import IntentModel, load_model, train
from triage.models import TriageModels, points_of, prepare_marks
from triage.triager import Triager

HASH = HashEncoder(dimensions=64)
SOME = [example for example in small_taxonomy().examples() if example.label != OUT_OF_SCOPE][::3]
TEXTS = ["It has not come yet. And I was charged twice!", "please stop my box", "?", ""]


@dataclass(frozen=True, slots=True)
class Ready(Tuner):
    """A tuner with a given encoder, so that what it is worth is known beforehand."""

    encoder: OpenVinoEncoder | None = None

    def tune(self, sets: Sequence[Mapping[str, Iterable[str]]], *, seed: int) -> OpenVinoEncoder:
        assert self.encoder is not None
        assert sets
        assert seed >= 0
        return self.encoder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> OpenVinoEncoder:
    """Tuned for real, in few steps."""
    tuner = Tuner(bundled_model(), tmp_path_factory.mktemp("work"), steps=3)
    return tuner.tune([by_label(SOME)], seed=0)


@pytest.fixture(scope="module")
def tuned(own: OpenVinoEncoder, real_encoder: OpenVinoEncoder) -> IntentModel:
    """A model of the real encoder with ``own`` beside it."""
    model, _ = train(SOME, JoinedEncoder(real_encoder, own))
    provenance = model.provenance | {
        "encoder": real_encoder.identity,
        "fine_tuning": {"encoder": own.identity},
    }
    return replace(model, own=own, provenance=provenance)


def test_where_a_better_encoder_wins_it_is_kept_saved_and_loaded(
    real_encoder: OpenVinoEncoder, tmp_path: Path
) -> None:
    ready = Ready(bundled_model(), tmp_path, encoder=real_encoder)
    strangers = [Example("what is the capital of France", OUT_OF_SCOPE)]
    model, held_out = train_tuned([*SOME, *strangers], HASH, ready, seed=1)
    told = model.provenance["fine_tuning"]
    assert told["tuned"] > told["frozen"]
    assert told["tuned"] == pytest.approx((held_out.predicted == held_out.labels).mean())
    assert told["held_out"] == len(held_out.labels) < len(SOME) / 2
    assert model.provenance["encoder"] == HASH.identity
    assert f"{told['tuned']:.3f} of {told['held_out']}" in fine_tuning_note(model)
    model.save(tmp_path / "model")
    restored = load_model(tmp_path / "model")
    for one, other in zip(model.predict(TEXTS, HASH), restored.predict(TEXTS, HASH), strict=True):
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=0.01)  # halves of some arrays
        assert one.in_scope == pytest.approx(other.in_scope, abs=0.01)
    train(SOME, HASH)[0].save(tmp_path / "model")  # a plain model in its place leaves nothing of it
    assert load_model(tmp_path / "model").own is None
    assert not (tmp_path / "model" / "encoder").exists()


def test_where_it_does_not_win_the_plain_model_is_given(
    real_encoder: OpenVinoEncoder, tmp_path: Path
) -> None:
    ready = Ready(bundled_model(), tmp_path, encoder=real_encoder)
    model, held_out = train_tuned(SOME, real_encoder, ready)
    plain, _ = train(SOME, real_encoder)
    told = model.provenance["fine_tuning"]
    assert told["tuned"] <= told["frozen"]
    assert told["encoder"] is None
    assert model.own is None
    assert len(held_out.labels) == len(SOME)
    assert model.predict(TEXTS, real_encoder) == plain.predict(TEXTS, real_encoder)
    assert "tried and not kept" in fine_tuning_note(model)


def test_without_a_label_of_three_examples_nothing_is_tuned(tmp_path: Path) -> None:
    pairs = [example for texts in by_label(EXAMPLES).items() for example in _first_two(*texts)]
    model, _ = train_tuned(pairs, HASH, Ready(bundled_model(), tmp_path))
    assert model.own is None
    assert model.provenance["fine_tuning"]["held_out"] == 0
    assert "no label has three examples" in fine_tuning_note(model)


def test_a_third_of_each_label_is_held_out() -> None:
    _, labels = in_order([label for label, times in (("a", 2), ("b", 3), ("c", 8)) for _ in range(times)])
    held = hold_out(labels, seed=4)
    assert np.bincount(labels[held], minlength=3).tolist() == [0, 1, 2]
    assert np.array_equal(held, hold_out(labels, seed=4))
    assert not np.array_equal(held, hold_out(labels, seed=5))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("text", [*TEXTS, "please cancel my box. " * 60])
def test_shares_of_both_encoders_add_up_to_the_logit(
    tuned: IntentModel, real_encoder: OpenVinoEncoder, text: str
) -> None:
    check_adds_up(text, tuned, tuned.beside(real_encoder), tolerance=0.05)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_triager_gives_intents_both_encoders_and_marks_everyones(
    tuned: IntentModel, real_encoder: OpenVinoEncoder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plain, held_out = train(SOME, real_encoder)
    marks = prepare_marks(real_encoder, Path("var/models"))
    models = TriageModels(plain, marks, points_of(plain.labels, held_out, {}))
    messages = [Message(text) for text in TEXTS[:2]]
    before, after = (
        Triager(replace(models, intents=intents), real_encoder).triage(messages) for intents in (plain, tuned)
    )
    expected = tuned.predict(TEXTS[:2], real_encoder)
    for one, other, prediction in zip(before, after, expected, strict=True):
        assert one.sentiment == other.sentiment
        assert other.intents[0].name == prediction.label
        assert other.intents[0].probability == pytest.approx(prediction.probability, abs=0.02)
        assert other.intents[0].probability != one.intents[0].probability
        assert other.intents[0].evidence
        assert one.model != other.model
    without = Triager(replace(models, intents=tuned), real_encoder).triage(messages, evidence=False)
    assert [one.intents[0].name for one in without] == [one.intents[0].name for one in after]


def test_a_model_whose_own_encoder_is_gone_says_so(tmp_path: Path) -> None:
    model, _ = train(SOME, HASH)
    provenance = model.provenance | {"fine_tuning": {"encoder": "tuned@0"}}
    replace(model, provenance=provenance).save(tmp_path)
    with pytest.raises(ModelUnreadable, match="without its encoder"):
        load_model(tmp_path)


def _first_two(label: str, texts: Sequence[str]) -> list[Example]:
    return [Example(text, label) for text in texts[:2]]
