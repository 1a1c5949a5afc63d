"""Deleting what is shown as evidence lowers a label's probability; deleting other words hardly does."""

from __future__ import annotations

from evals.suites.evidence import evaluate_evidence
from inference.encoder import OpenVinoEncoder
from tests.conftest import ROOT
from triage.brands import fill
from triage.labelled import read_labelled
from triage.models import prepare_models
from triage.taxonomy import read_taxonomy, shipped
from triage.triager import Triager


def test_evidence_counts_three_times_as_much_as_other_words(real_encoder: OpenVinoEncoder) -> None:
    taxonomy = read_taxonomy(shipped()["telecom"])
    models = prepare_models(taxonomy, real_encoder, ROOT / "var" / "models")
    triager = Triager(models, real_encoder, intents=taxonomy.leaves)
    texts = [fill(message.text) for message in read_labelled() if len(message.text.split()) >= 12][::4]
    rounds: list[None] = []
    report = evaluate_evidence("labelled", texts, triager, real_encoder, advance=lambda: rounds.append(None))
    for head in ("intent", "sentiment", "signal.churn_risk", "signal.competitor"):
        assert report.metrics[f"{head}.ratio"] >= 3, head
        assert report.metrics[f"{head}.fall"] > 0.2, head
    assert len(rounds) == -(-len(texts) // 64)
