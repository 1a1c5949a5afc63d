import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.fakes import HashEncoder
from tests.triage.messages import EXAMPLES
from triage.calibration import Scope
from triage.card import confused, write_card, write_model_card
from triage.model import HeldOut, train
from triage.risk import fit_operating_points

HELD_OUT = HeldOut(
    labels=np.array([0, 0, 0, 1, 1]),
    by_label=np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.0, 1.0], [0.4, 0.3]]),
)


def test_the_pairs_that_were_confused_come_commonest_first() -> None:
    assert confused(["a", "b"], HELD_OUT) == [(("a", "b"), 2), (("b", "a"), 1)]


@pytest.fixture(scope="module")
def card() -> str:
    renamed = [type(one)(one.text, one.label.replace("refund", "refund | credit")) for one in EXAMPLES]
    model, held_out = train(renamed, HashEncoder(dimensions=64), seed=5)
    return write_card(
        model, held_out, metrics={"accuracy": 0.75, "n": 24}, intervals={"accuracy": (0.5, 0.9)}
    )


def test_a_card_says_where_the_model_is_from_and_how_it_did(card: str) -> None:
    assert "* Trained on 24 examples, SHA-256 `" in card
    assert "Seed 5, encoder `hash@1`. Heads: sentence × " in card
    assert "| accuracy | 0.750 | 0.500 – 0.900 |" in card
    assert "| n | 24.000 |  |" in card


def test_a_label_with_a_bar_does_not_break_the_table(card: str) -> None:
    assert re.search(
        r"^\| refund \\\| credit \| 8 \| \d\.\d\d \| \d\.\d\d – \d\.\d\d \|$", card, re.MULTILINE
    )


def test_the_reliability_counts_every_message(card: str) -> None:
    rows = card.split("## Reliability")[1].split("##", maxsplit=1)[0].strip().splitlines()[2:]
    assert sum(int(row.split("|")[4]) for row in rows) == 24


def test_labels_are_counted_and_few_examples_named(card: str) -> None:
    assert "* 3 labels with 8 (delivery) to 8 (delivery) examples each, 8 in the middle. 3 of them" in card
    assert "uneven" not in card


def test_uneven_labels_are_named() -> None:
    examples = [*EXAMPLES, *(type(EXAMPLES[0])(f"invoice number {n}", "invoice") for n in range(90))]
    model, held_out = train(examples, HashEncoder(dimensions=64))
    card = write_card(model, held_out, metrics={}, intervals={})
    assert "4 labels with 8 (delivery) to 90 (invoice) examples each, 8 in the middle." in card
    assert "11 times as many of the commonest" in card


def test_a_card_says_what_the_scope_was_learnt_from() -> None:
    strangers = [type(EXAMPLES[0])(text, "oos") for text in ("tell me a joke", "who won the cup")]
    model, held_out = train([*EXAMPLES, *strangers], HashEncoder(dimensions=64))
    known = replace(model, scope=model.scope or Scope(1, 0))
    assert "and from 2 examples marked as out of scope" in write_card(
        known, held_out, metrics={}, intervals={}
    )
    unknown = write_card(replace(model, scope=None), held_out, metrics={}, intervals={})
    assert "* Tells what fits no label: no, there were too few labels" in unknown


def test_every_picture_a_card_links_to_lies_beside_it(tmp_path: Path) -> None:
    model, held_out = train(EXAMPLES, HashEncoder(dimensions=64))
    points = fit_operating_points(held_out.probability, held_out.labels == held_out.predicted)
    folder = tmp_path / "model"
    written = write_model_card(folder, model, held_out, metrics={}, intervals={}, points=points)
    linked = re.findall(r"!\[[^]]+\]\(([^)]+)\)", written.read_text(encoding="utf-8"))
    assert linked == ["reliability.png", "coverage.png", "confusions.png"]
    drawn = set(linked) | {name.replace("png", "svg") for name in linked}
    assert {file.name for file in folder.iterdir()} == {"card.md", *drawn}


def test_a_card_tells_what_may_be_routed_and_what_cannot_be_promised(tmp_path: Path) -> None:
    model, _ = train(EXAMPLES, HashEncoder(dimensions=64))
    said = np.linspace(0.5, 1, 300)
    wrong = np.arange(300) < 12
    many = HeldOut(
        np.zeros(300, np.intp), np.where(np.eye(2, dtype=bool)[wrong.astype(int)], said[:, None], 0.0)
    )
    points = fit_operating_points(said, many.labels == many.predicted)
    card = write_card(model, many, metrics={}, intervals={}, points=points)
    rows = re.findall(r"^\| (\d+ %) \| (\S+) \| (\S+ %) \| (\d+ of \d+) \|$", card, re.MULTILINE)
    assert [row[0] for row in rows] == ["1 %", "2 %", "5 %", "10 %", "20 %"]
    assert rows[0] == ("1 %", "none", "0.0 %", "0 of 0")
    assert rows[-1] == ("20 %", "0.000", "100.0 %", "12 of 300")
