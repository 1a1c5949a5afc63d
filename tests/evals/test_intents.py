from pathlib import Path

import pytest

from evals.errors import DatasetInvalid
from evals.suites.intents import (
    Judged,
    evaluate_folds,
    evaluate_intents,
    few_shot,
    measure,
    others,
    read_peers,
)
from inference.encoder import OpenVinoEncoder
from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from triage.examples import Example, read_examples

ENCODER = HashEncoder(dimensions=64)
CHATTER = [Example("good morning to you all", "oos"), Example("zebra quartz violin", "oos")]


def judged(
    label: str,
    predicted: str,
    probability: float = 0.9,
    *,
    surety: float = 0.9,
    seed: int = 0,
    routed: bool = False,
) -> Judged:
    return Judged(Example("a message", label), predicted, probability, surety, seed, routed)


def test_accuracy_f1_and_calibration_are_of_messages_in_scope() -> None:
    found = [judged("a", "a"), judged("a", "b"), judged("b", "b"), judged("oos", "a", surety=0.1)]
    metrics = measure(found).metrics
    assert metrics["in_scope_accuracy"] == pytest.approx(2 / 3)
    assert metrics["macro_f1"] == pytest.approx(2 / 3)  # a: 2·1/(2+1), b: 2·1/(1+2)
    assert metrics["ece"] == pytest.approx(0.9 - 2 / 3)
    assert metrics["oos_auroc"] == 1


def test_without_messages_out_of_scope_there_is_no_auroc() -> None:
    assert "oos_auroc" not in measure([judged("a", "a")]).metrics


def test_a_prediction_that_is_no_label_is_wrong_and_no_class() -> None:
    metrics = measure([judged("a", "none"), judged("a", "a")]).metrics
    assert metrics["in_scope_accuracy"] == 0.5
    assert metrics["macro_f1"] == pytest.approx(2 / 3)


def test_macro_f1_is_the_mean_over_runs() -> None:
    metrics = measure([judged("a", "a", seed=1), judged("a", "b", seed=2)]).metrics
    assert metrics["macro_f1"] == 0.5


def test_a_routed_message_that_no_label_fits_is_wrong() -> None:
    found = [
        judged("a", "a", routed=True),
        judged("a", "b"),
        judged("b", "a", routed=True),
        judged("oos", "a", routed=True),
    ]
    metrics = measure(found).metrics
    assert metrics["routed_share"] == pytest.approx(3 / 4)
    assert metrics["routed_error"] == pytest.approx(2 / 3)
    assert metrics["routed_error_in_scope"] == pytest.approx(1 / 2)
    assert "routed_error" not in measure([judged("a", "a")]).metrics


def test_more_risk_routes_more_and_other_messages_are_noticed(tmp_path: Path) -> None:
    strange = [Example(f"{example.text} zebra quartz violin", example.label) for example in EXAMPLES]
    many = [Example(f"{example.text} {word}", example.label) for example in EXAMPLES for word in "abcdef"]
    careful, careless = (
        evaluate_intents("shop", many, strange, ENCODER, risk=risk, diagram=tmp_path / "shop")
        for risk in (0.05, 0.3)
    )
    assert careful.metrics["routed_share"] <= careless.metrics["routed_share"] > 0
    assert careful.metrics["shift.vectors_p"] < 0.05
    assert "shift.probability" in careful.metrics
    assert {file.suffix for file in tmp_path.iterdir()} == {".png", ".svg"}


def test_few_shots_are_drawn_by_seed() -> None:
    first, again, other = (few_shot(EXAMPLES, 3, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert [example.label for example in first] == ["delivery"] * 3 + ["password"] * 3 + ["refund"] * 3
    assert len(few_shot(EXAMPLES, 100, seed=0)) == len(EXAMPLES)


def test_a_model_is_trained_and_judged_for_each_seed() -> None:
    steps: list[int] = []
    report = evaluate_intents(
        "shop",
        EXAMPLES,
        [*EXAMPLES, *CHATTER],
        ENCODER,
        shots=5,
        seeds=(0, 1),
        advance=lambda: steps.append(1),
    )
    assert (report.suite, report.data, report.n, len(steps)) == ("intents", "shop", 26, 2)
    assert report.metrics["in_scope_accuracy"] > 0.7
    low, high = report.intervals["in_scope_accuracy"]
    assert low <= report.metrics["in_scope_accuracy"] <= high


def test_other_rows_are_shown_without_labels() -> None:
    chosen = few_shot(EXAMPLES, 3, seed=1)
    shown = others(EXAMPLES, chosen, seed=1)
    assert sorted(shown + [one.text for one in chosen]) == sorted(one.text for one in EXAMPLES)
    assert shown != others(EXAMPLES, chosen, seed=2)
    report, plain = (
        evaluate_intents("shop", EXAMPLES, EXAMPLES, ENCODER, shots=3, unlabelled=unlabelled)
        for unlabelled in (True, False)
    )
    assert report.metrics != plain.metrics
    assert report.metrics["in_scope_accuracy"] > 0.6


def test_folds_judge_every_example_once() -> None:
    report = evaluate_folds("shop", EXAMPLES, ENCODER, folds=4)
    assert report.n == len(EXAMPLES)
    assert 0.5 < report.metrics["macro_f1"] < 1


def test_what_peers_said_is_measured_alike(tmp_path: Path) -> None:
    file = tmp_path / "peers.csv"
    file.write_text("peer,text,label,predicted,score\nx,hi,oos,a,0.2\nx,b,b,b,0.9\ny,b,b,a,\n")
    report = evaluate_intents("shop", EXAMPLES, EXAMPLES, ENCODER, peers=file)
    assert report.metrics["peer.x.in_scope_accuracy"] == 1
    assert report.metrics["peer.x.oos_auroc"] == 1
    assert report.metrics["peer.y.in_scope_accuracy"] == 0
    assert "peer.x.ece" not in report.metrics


@pytest.mark.parametrize(
    "content", [None, "", "peer,text\n", "peer,text,label,predicted,score\nx,a,a,a,high\n"]
)
def test_a_broken_file_of_peers_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "peers.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DatasetInvalid, match=r"peers\.csv"):
        read_peers(file)


def test_live_messages_to_a_shop_are_told_apart_better_than_by_any_peer(
    public_data: Path, real_encoder: OpenVinoEncoder
) -> None:
    folder = public_data / "intents" / "hint3_curekart"
    report = evaluate_intents(
        "curekart",
        read_examples(folder / "train.csv"),
        read_examples(folder / "test.csv"),
        real_encoder,
        peers=folder / "peers.csv",
    )
    for metric, bar in (("in_scope_accuracy", 0.86), ("oos_auroc", 0.89)):
        peers = [
            report.metrics[f"peer.{peer}.{metric}"]
            for peer in ("bert", "dialogflow", "haptik", "luis", "rasa")
        ]
        assert report.metrics[metric] > max(bar, *peers)
    assert report.metrics["ece"] < 0.08
