"""Scores in the parts that a message becomes known in add up to what the model says of it as a whole."""

import numpy as np

from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from triage.model import train
from triage.ngrams import find_ngrams
from triage.scoring import Scorer

TEXTS = ["refund my parcel", "", "log in"]


def test_parts_add_up_to_the_logits_of_the_model() -> None:
    encoder = HashEncoder(dimensions=64)
    model, _ = train(EXAMPLES, encoder)
    scorer = Scorer(model.heads, model.all_weights)
    counted, vectors = model.ngrams.matrix(find_ngrams(TEXTS)), encoder.encode(TEXTS)
    found = scorer.logits(vectors, scorer.of_ngrams(counted), scorer.nearest(vectors))
    np.testing.assert_allclose(found, model.logits(counted, vectors), atol=1e-4)


def test_a_direction_times_a_vector_is_what_sentence_and_neighbours_say() -> None:
    encoder = HashEncoder(dimensions=64)
    model, _ = train(EXAMPLES, encoder)
    scorer, vectors = Scorer(model.heads, model.all_weights), encoder.encode(TEXTS)
    nearest = scorer.nearest(vectors)
    toward = np.array([[0, 1, 0], [1, -0.5, -0.5]], np.float32)
    message = np.array([0, 2])
    directions = scorer.directions(message, toward, nearest)
    nothing = model.ngrams.matrix(find_ngrams([""] * len(TEXTS)))
    rest = scorer.logits(np.zeros_like(vectors), scorer.of_ngrams(nothing), None)
    said = scorer.logits(vectors, scorer.of_ngrams(nothing), nearest) - rest
    expected = (said[message] * toward).sum(axis=1)
    np.testing.assert_allclose((directions * vectors[message]).sum(axis=1), expected, atol=1e-4)
