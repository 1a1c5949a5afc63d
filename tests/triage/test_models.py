"""The models of a taxonomy: trained once, kept, and not taken for those of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.fakes import HashEncoder
from kit.errors import Misconfigured
from tests.triage.small_models import few_labelled, prepare_small, small_taxonomy
from triage.labelled import LabelledMessage
from triage.models import TriageModels, prepare_models
from triage.taxonomy import Taxonomy

ENCODER = HashEncoder(dimensions=32)
TEXTS = ["where is my parcel", "cancel my subscription", "I was charged twice"]


@pytest.fixture(scope="module")
def labelled() -> list[LabelledMessage]:
    return few_labelled(6)


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return small_taxonomy()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def models(cache: Path, labelled: list[LabelledMessage], taxonomy: Taxonomy) -> TriageModels:
    return prepare_small(ENCODER, cache, labelled=labelled, taxonomy=taxonomy)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch, labelled: list[LabelledMessage]) -> None:
    """All that ships takes a minute to learn."""
    monkeypatch.setattr("triage.models.read_labelled", lambda: labelled)
    monkeypatch.setattr("triage.models.shipped", dict)


def contents(folder: Path) -> dict[str, float]:
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in folder.rglob("*")}


def test_what_was_prepared_is_not_trained_again(
    models: TriageModels, cache: Path, taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, told = contents(cache), list[str]()
    for trainer in ("train", "train_marks"):
        monkeypatch.delattr(f"triage.models.{trainer}")
    again = prepare_models(taxonomy, ENCODER, cache, told=told.append)
    assert told == []
    assert contents(cache) == before
    assert again.version == models.version
    first, second = (one.intents.predict(TEXTS, ENCODER) for one in (models, again))
    assert first == second
    assert again.points == models.points
    np.testing.assert_array_equal(again.marks.weights, models.marks.weights)


def test_another_encoder_has_models_of_its_own_and_who_waits_is_told(
    models: TriageModels, cache: Path, taxonomy: Taxonomy
) -> None:
    encoder, told = HashEncoder(dimensions=32, identity="other@1"), list[str]()
    other = prepare_models(taxonomy, encoder, cache, told=told.append)
    other.intents.check_encoder(encoder)
    assert other.version != models.version
    assert told
    assert all(message.startswith("Training") for message in told)
    assert str(len(taxonomy.examples())) in " ".join(told)
    assert not [folder.name for folder in cache.iterdir() if "." in folder.name]  # nothing unfinished


def test_another_taxonomy_has_a_folder_of_its_own(
    models: TriageModels, cache: Path, taxonomy: Taxonomy
) -> None:
    content = taxonomy.model_dump(by_alias=True)
    content["intents"] = content["intents"][:3]
    before = contents(cache)
    kept = {leaf for parent in content["intents"] for leaf in (one["name"] for one in parent["intents"])}
    for parent in content["intents"]:
        for leaf in parent["intents"]:
            leaf["not_examples"] = [
                other for other in leaf["not_examples"] if other["is"].rpartition(".")[2] in kept
            ]
    other = prepare_models(Taxonomy.model_validate(content), ENCODER, cache)
    assert set(other.intents.labels) < set(models.intents.labels)
    assert other.version != models.version
    assert contents(cache).items() > before.items()


def test_training_that_was_broken_off_starts_over(
    tmp_path: Path, taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PulledPlugError(Exception):
        pass

    def pull(*_: object, **__: object) -> None:
        raise PulledPlugError

    with monkeypatch.context() as patch:
        patch.setattr("triage.models.train_marks", pull)
        with pytest.raises(PulledPlugError):
            prepare_models(taxonomy, ENCODER, tmp_path)
    assert prepare_models(taxonomy, ENCODER, tmp_path).intents.predict(TEXTS, ENCODER)


@pytest.mark.parametrize("damage", ["cut short", "gone"])
def test_models_that_cannot_be_read_say_so(
    tmp_path: Path, models: TriageModels, cache: Path, taxonomy: Taxonomy, damage: str
) -> None:
    for file in cache.rglob("*"):
        if file.is_file():
            copy = tmp_path / file.relative_to(cache)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(b"{" if damage == "cut short" else file.read_bytes())
            if damage == "gone" and file.name != "model.json":
                copy.unlink()
    with pytest.raises(Misconfigured):
        prepare_models(taxonomy, ENCODER, tmp_path)


def test_the_models_know_the_taxonomy_s_intents(models: TriageModels, taxonomy: Taxonomy) -> None:
    assert sorted(models.intents.labels) == sorted(taxonomy.leaves)
    found = [one.label for one in models.intents.predict(TEXTS, ENCODER)]
    assert found[1:] == ["subscription.cancel_subscription", "payments.double_charge"]
    assert found[0].startswith("orders.")
    coverages = [point.coverage for point in models.points.points]
    assert coverages == sorted(coverages)
    assert coverages[-1] > 0.5
