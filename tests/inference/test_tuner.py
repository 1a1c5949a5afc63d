"""Fine-tuning for real, on few texts and in few steps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inference.embeddings import Encoder
from inference.encoder import OpenVinoEncoder, bundled_model
from inference.errors import ModelMissing
from inference.tuner import Tuner
from tests.triage.messages import EXAMPLES
from triage.fine_tuning import by_label

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SHOP = by_label(EXAMPLES)
LEARNT = {label: texts[:5] for label, texts in SHOP.items()}
HELD_OUT = {label: texts[5:] for label, texts in SHOP.items()}
STEPS = 15  # the rate warms up over ten


@pytest.fixture(scope="module")
def steps() -> list[int]:
    """What was told."""
    return []


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, steps: list[int]) -> OpenVinoEncoder:
    tuner = Tuner(bundled_model(), tmp_path_factory.mktemp("work"), steps=STEPS, told=steps.append)
    odd = {"alone": ["the only one of its label"], "long": ["parcel " * 400, "delivery " * 400, "late " * 9]}
    return tuner.tune([LEARNT | odd], seed=3)


def separation(encoder: Encoder) -> float:
    """How much nearer held-out texts are to those learnt of their label than to the others', in cosines."""
    means = np.stack([encoder.encode(texts).mean(axis=0) for texts in LEARNT.values()])
    cosines = [(encoder.encode(texts) @ means.T).mean(axis=0) for texts in HELD_OUT.values()]
    own = np.eye(len(means), dtype=bool)
    return float(np.stack(cosines)[own].mean() - np.stack(cosines)[~own].mean())


def test_labels_are_further_apart_on_texts_that_it_was_not_tuned_on(
    tuned: OpenVinoEncoder, real_encoder: OpenVinoEncoder
) -> None:
    assert separation(tuned) > 1.05 * separation(real_encoder)  # measured: 1.08
    assert tuned.identity != real_encoder.identity
    assert np.allclose(np.linalg.norm(tuned.encode(["hi", "parcel " * 400]), axis=1), 1, atol=1e-3)


def test_each_step_is_told(tuned: OpenVinoEncoder, steps: list[int]) -> None:
    assert tuned.dimensions == 384
    assert steps == list(range(1, STEPS + 1))


def test_the_same_seed_tunes_the_same_encoder_and_another_one_another(tmp_path: Path) -> None:
    tuner = Tuner(bundled_model(), tmp_path, steps=2)
    # The identity has the hash of the weights in it.
    first, again, other = (tuner.tune([LEARNT, SHOP], seed=seed).identity for seed in (0, 0, 1))
    assert first == again != other


def test_texts_of_one_label_cannot_be_told_apart(tmp_path: Path) -> None:
    tuner = Tuner(bundled_model(), tmp_path)
    with pytest.raises(ModelMissing, match="two labels with two texts or more"):
        tuner.tune([{"refund": SHOP["refund"], "alone": ["hello", "hello"]}], seed=0)


def test_a_process_that_tunes_holds_no_torch() -> None:
    asked = "import sys, triage.fine_tuning, careloop.cli.train; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert found.stdout.strip() == "False"
