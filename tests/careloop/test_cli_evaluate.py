"""``careloop evaluate`` over small data sets, with the real pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.gate import read_baseline, regressions
from evals.report import Report
from tests.careloop.test_cli import Careloop, careloop, data_dir
from tests.evals.sets import write_dataset
from tests.triage.messages import EXAMPLES

__all__ = ["careloop", "data_dir"]  # fixtures


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "tiny")


def test_retrieval_prints_a_table_and_writes_json(careloop: Careloop, tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    result = careloop("evaluate", "retrieval", "--data", str(tiny), "--json", str(out))
    assert result.exit_code == 0, result.output
    assert "retrieval on tiny: n = 2" in result.stdout
    report = json.loads(out.read_text())
    assert list(report) == ["suite", "data", "n", "metrics", "intervals", "seconds"]
    assert report["metrics"]["recall@1"] == 1.0
    assert report["metrics"]["mrr@10"] == 1.0


def test_an_index_can_be_kept_and_used_again(careloop: Careloop, tiny: Path, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    for _ in range(2):
        result = careloop("evaluate", "retrieval", "--data", str(tiny), "--keep", str(keep), "--split", "dev")
        assert result.exit_code == 0, result.output
    assert (keep / "tiny").is_dir()


def test_answers_are_judged_and_every_quote_is_verbatim(
    careloop: Careloop, tiny: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.json"
    result = careloop("evaluate", "answers", "--data", str(tiny), "--risk", "1.0", "--json", str(out))
    assert result.exit_code == 0, result.output
    metrics = json.loads(out.read_text())["metrics"]
    assert metrics["coverage"] == 1.0
    assert metrics["cited_gold"] == 1.0
    assert metrics["answered_with_gold_passage"] == 1.0
    assert metrics["quotes_verbatim"] == 1.0
    assert metrics["answerability_auroc"] == 1.0


def test_several_data_sets_write_a_report_each(careloop: Careloop, tmp_path: Path) -> None:
    one, two = write_dataset(tmp_path / "one"), write_dataset(tmp_path / "two")
    out = tmp_path / "report.json"
    careloop("evaluate", "retrieval", "--data", str(one), "--data", str(two), "--json", str(out))
    assert sorted(file.name for file in tmp_path.glob("*.json")) == ["report-one.json", "report-two.json"]


def test_a_broken_data_set_is_an_error_that_names_the_line(careloop: Careloop, tiny: Path) -> None:
    (tiny / "queries.jsonl").write_text('{"_id": "q"}\n')
    result = careloop("evaluate", "retrieval", "--data", str(tiny))
    assert result.exit_code == 2
    assert "queries.jsonl line 1: no text under `text`" in result.stderr


def test_gold_words_that_are_not_there_are_found_before_anything_is_asked(
    careloop: Careloop, tmp_path: Path
) -> None:
    query = {"_id": "q", "text": "Why?", "gold_passages": [{"document": "bill", "quote": "never written"}]}
    data = write_dataset(tmp_path / "tiny", queries=[query], qrels=[("q", "bill", 1)])
    result = careloop("evaluate", "answers", "--data", str(data))
    assert result.exit_code == 2
    assert "bill does not say 'never written'" in result.stderr


def test_groundedness_reads_labelled_responses(careloop: Careloop, tmp_path: Path) -> None:
    rows = [
        ("The fee is ten pounds a month.", "The fee is ten pounds.", "Fully attributable"),
        ("The fee is ten pounds a month.", "Elephants live in Kenya.", "Not fully attributable"),
    ]
    file = tmp_path / "pairs.jsonl"
    keys = ("knowledge", "response", "label")
    file.write_text("".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows))
    result = careloop("evaluate", "groundedness", "--data", str(file))
    assert result.exit_code == 0, result.output
    assert "1.0000" in result.stdout


def test_the_gate_passes_what_is_as_good_and_stops_what_is_worse(careloop: Careloop, tmp_path: Path) -> None:
    def write(name: str, value: float, data: str = "tiny") -> str:
        Report("answers", data, 9, {"coverage": value}, {"coverage": (value - 0.1, value)}, 1.0).write(
            tmp_path / name
        )
        return str(tmp_path / name)

    baseline = str(tmp_path / "baseline.json")
    good, bad, new = write("good.json", 0.8), write("bad.json", 0.6), write("new.json", 0.8, "other")
    assert careloop("evaluate", "gate", good, "--baseline", baseline, "--update").exit_code == 0
    assert careloop("evaluate", "gate", good, "--baseline", baseline).exit_code == 0
    worse = careloop("evaluate", "gate", bad, "--baseline", baseline)
    assert worse.exit_code == 1
    assert "coverage is 0.6000, was 0.8000" in worse.stdout
    assert "other: not in the baseline" in careloop("evaluate", "gate", new, "--baseline", baseline).stdout
    missing = careloop("evaluate", "gate", str(tmp_path / "none.json"), "--baseline", baseline)
    assert missing.exit_code == 2


def test_the_committed_baseline_can_be_read() -> None:
    known = read_baseline()
    assert ("groundedness", "begin_dev_wow") in known
    assert all(not regressions(report, report) for report in known.values())


def test_intents_are_judged_on_a_test_set_and_by_folds(careloop: Careloop, tmp_path: Path) -> None:
    data, out = tmp_path / "shop.csv", tmp_path / "report.json"
    data.write_text(
        "text,label\n" + "".join(f"{one.text},{one.label}\n" for one in EXAMPLES if "," not in one.text)
    )
    arguments = ["evaluate", "intents", "--train", str(data), "--json", str(out)]
    few = ["--test", str(data), "--shots", "5", "--seed", "1"]
    for more in ([*few, "--seed", "2"], [*few, "--unlabelled"], ["--folds", "3"]):
        result = careloop(*arguments, *more)
        assert result.exit_code == 0, result.output
        metrics = json.loads(out.read_text())["metrics"]
        assert metrics["in_scope_accuracy"] > 0.6
        assert {"macro_f1", "ece"} <= set(metrics)


def test_a_broken_row_of_intents_is_named(careloop: Careloop, tmp_path: Path) -> None:
    data = tmp_path / "shop.csv"
    data.write_text("text,label\nhello,\n")
    result = careloop("evaluate", "intents", "--train", str(data))
    assert result.exit_code == 2
    assert "row 2: label is empty" in result.output


def test_what_only_a_test_set_can_use_is_refused_without_one(careloop: Careloop, tmp_path: Path) -> None:
    result = careloop("evaluate", "intents", "--train", str(tmp_path / "shop.csv"), "--shots", "5")
    assert result.exit_code == 2
    assert "need a --test set" in result.output


def test_what_is_unlabelled_comes_of_few_shots(careloop: Careloop, tmp_path: Path) -> None:
    both = ("--train", str(tmp_path / "shop.csv"), "--test", str(tmp_path / "shop.csv"), "--unlabelled")
    result = careloop("evaluate", "intents", *both)
    assert result.exit_code == 2
    assert "--unlabelled needs --shots" in result.output


def rows_of(file: Path, *rows: str) -> str:
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(file)


def test_churn_is_judged_toward_the_brand_of_each_row(careloop: Careloop, tmp_path: Path) -> None:
    data = rows_of(
        tmp_path / "churn.csv",
        "text,brand,churn",
        "I am leaving Alfa for Beta,alfa,1",
        "I am leaving Alfa for Beta,beta,0",
        "how do I change my address,no_brand,0",
    )
    result = careloop("evaluate", "signals", "--data", data)
    assert result.exit_code == 0, result.output
    assert "signals on churn: n = 3" in result.stdout
    assert "macro_f1" in result.stdout


def test_sentiment_and_language_are_judged(careloop: Careloop, tmp_path: Path) -> None:
    felt = rows_of(
        tmp_path / "felt.csv", "text,label", "you are the best!,positive", "worst airline ever,negative"
    )
    result = careloop("evaluate", "sentiment", "--data", felt)
    assert result.exit_code == 0, result.output
    assert "sentiment on felt: n = 2" in result.stdout
    said = rows_of(tmp_path / "said.csv", "language,text", "de,wo ist mein Paket?", "en,where is my parcel?")
    result = careloop("evaluate", "language", "--data", said)
    assert result.exit_code == 0, result.output
    assert "accuracy" in result.stdout


def test_routing_is_judged_on_our_own_tickets_and_on_a_company_s(careloop: Careloop, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    result = careloop("evaluate", "routing", "--json", str(out), "--risk", "0.1")
    assert result.exit_code == 0, result.output
    assert "routing on brightwater_tickets/tickets: n = 146" in result.stdout
    metrics = json.loads(out.read_text())["metrics"]
    assert metrics["risk"] == 0.1
    assert {"automatic.share", "automatic.error", "priority_kappa", "p1_recall", "recall.billing"} <= set(
        metrics
    )

    old = rows_of(
        tmp_path / "old.csv", "text,team", *(f'"{example.text}",{example.label}' for example in EXAMPLES)
    )
    result = careloop(
        "evaluate", "routing", "--data", old, "--queue", "team", "--folds", "3", "--json", str(out)
    )
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["metrics"]["queue_accuracy"] > 0.6
    missing = careloop("evaluate", "routing", "--data", old)
    assert missing.exit_code == 2
    assert "no column queue" in missing.stderr


def test_evidence_is_judged_by_deleting_it(careloop: Careloop, tmp_path: Path) -> None:
    data = rows_of(
        tmp_path / "messages.csv",
        "text,label",
        "hello there I hope that you can help me with something please my internet is down since monday,a",
        "good morning to the whole team I would like to have a refund for the month of may thank you,b",
    )
    out = tmp_path / "report.json"
    result = careloop("evaluate", "evidence", "--data", data, "--json", str(out))
    assert result.exit_code == 0, result.output
    metrics = json.loads(out.read_text())["metrics"]
    assert metrics["intent.ratio"] > 1
    assert metrics["intent.fall"] > metrics["intent.fall_random"]


def test_corrections_are_replayed(careloop: Careloop, tmp_path: Path) -> None:
    train = rows_of(
        tmp_path / "train.csv", "text,label", *(f'"{example.text}",{example.label}' for example in EXAMPLES)
    )
    test = rows_of(
        tmp_path / "test.csv",
        "text,label",
        *(f'"hello {example.text} thanks",{example.label}' for example in EXAMPLES),
    )
    out = tmp_path / "report.json"
    result = careloop(
        "evaluate", "replay", "--train", train, "--test", test, "--shots", "3", "--json", str(out)
    )
    assert result.exit_code == 0, result.output
    assert {"before", "after", "direct", "gap"} <= json.loads(out.read_text())["metrics"].keys()


@pytest.mark.parametrize("command", ["churn", "forecast", "incidents"])
def test_predictions_take_a_seed_that_is_none_below_0(careloop: Careloop, command: str) -> None:
    result = careloop("evaluate", command, "--seed", "-1")
    assert result.exit_code == 2
    assert "--seed" in result.output
