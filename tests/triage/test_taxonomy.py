"""Taxonomies: those that ship, and what is said of a broken one."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from triage.brands import THEM, US
from triage.errors import TaxonomyInvalid
from triage.examples import OUT_OF_SCOPE, Example, check_trainable
from triage.labelled import MARKS, Marked
from triage.labels import Priority, Signal
from triage.taxonomy import Taxonomy, read_taxonomy, shipped

NAMES = ("ecommerce", "telecom")
SMALL: dict[str, Any] = {
    "name": "shop",
    "title": "A shop",
    "rivals": ["Quillcom"],
    "queues": [{"name": "money", "title": "Money"}, {"name": "goods", "title": "Goods"}],
    "intents": [
        {
            "name": "billing",
            "title": "Billing",
            "queue": "money",
            "priority": "P3",
            "intents": [
                {
                    "name": "refund",
                    "title": "Refund",
                    "description": "Wants money back.",
                    "priority": "P2",
                    "examples": {"en": ["my money back"], "de": ["Geld zurück"]},
                    "not_examples": [
                        {"text": "where is my parcel from {us}", "is": "orders.status"},
                        {"text": "what a day", "is": OUT_OF_SCOPE},
                    ],
                },
                {
                    "name": "leave",
                    "title": "Leave",
                    "queue": "goods",
                    "signals": ["churn_risk"],
                    "examples": {"en": ["I leave {us} for {them}"]},
                },
            ],
        },
        {
            "name": "orders",
            "title": "Orders",
            "queue": "goods",
            "priority": "P4",
            "intents": [{"name": "status", "title": "Status", "examples": {"en": ["any news on my order"]}}],
        },
    ],
    "out_of_scope": {"en": ["nice weather"]},
    "signals": [
        {
            "name": "upsell",
            "title": "Upsell",
            "next_action": "Offer it.",
            "owner": "sales",
            "examples": {"en": ["is there a bigger one"]},
            "not_examples": {"en": ["it is too big"]},
        }
    ],
}


def written(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "shop.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


@pytest.fixture
def small(tmp_path: Path) -> Taxonomy:
    return read_taxonomy(written(tmp_path, SMALL))


@pytest.fixture(scope="module")
def by_name() -> dict[str, Taxonomy]:
    return {name: read_taxonomy(file) for name, file in shipped().items()}


def test_two_ship_and_their_routing_is_none_of_them(by_name: dict[str, Taxonomy]) -> None:
    assert tuple(by_name) == NAMES
    assert all(taxonomy.name == name for name, taxonomy in by_name.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_leaf_that_ships_has_enough_examples(by_name: dict[str, Taxonomy], name: str) -> None:
    counts = {
        f"{parent.name}.{leaf.name}": (len(leaf.examples["en"]), len(leaf.examples["de"]))
        for parent in by_name[name].intents
        for leaf in parent.intents
    }
    assert {leaf: count for leaf, count in counts.items() if count[0] < 20 or count[1] < 8} == {}
    check_trainable(by_name[name].examples())


@pytest.mark.parametrize("name", NAMES)
def test_every_signal_has_a_meaning_and_enough_examples(by_name: dict[str, Taxonomy], name: str) -> None:
    meanings = by_name[name].signals
    assert sorted(meaning.name for meaning in meanings) == sorted(Signal)
    assert all(len(meaning.examples["en"]) >= 20 for meaning in meanings)
    assert all(meaning.next_action.strip() and meaning.owner.strip() for meaning in meanings)


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_ships_is_described_and_said_once(by_name: dict[str, Taxonomy], name: str) -> None:
    taxonomy = by_name[name]
    assert all(intent.title and intent.description for intent in taxonomy.leaves.values())
    assert len({intent.title for intent in taxonomy.leaves.values()}) == len(taxonomy.leaves)
    counts = Counter(" ".join(example.text.casefold().split()) for example in taxonomy.examples())
    assert "" not in counts
    assert [text for text, times in counts.items() if times > 1] == []
    assert not any("{" in example.text for example in taxonomy.examples())
    assert {mark for one in taxonomy.marked() for mark in one.yes | one.no} <= set(MARKS)


def test_a_leaf_has_its_parent_s_queue_and_priority_unless_it_has_its_own(small: Taxonomy) -> None:
    leaves = small.leaves
    assert list(leaves) == ["billing.refund", "billing.leave", "orders.status"]
    found = [(leaf.queue, leaf.priority) for leaf in leaves.values()]
    assert found == [("money", Priority.P2), ("goods", Priority.P3), ("goods", Priority.P4)]
    assert leaves["billing.refund"].description == "Wants money back."


def test_an_intent_model_learns_from_examples_and_from_what_is_another_intent(small: Taxonomy) -> None:
    assert small.examples() == [
        Example("my money back", "billing.refund"),
        Example("Geld zurück", "billing.refund"),
        Example(f"I leave {US} for {THEM}", "billing.leave"),
        Example("any news on my order", "orders.status"),
        Example(f"where is my parcel from {US}", "orders.status"),
        Example("what a day", OUT_OF_SCOPE),
        Example("nice weather", OUT_OF_SCOPE),
    ]


def test_a_mark_model_learns_from_signals_and_from_leaves_that_carry_one(small: Taxonomy) -> None:
    upsell, churn = frozenset({"signal.upsell"}), frozenset({"signal.churn_risk"})
    assert small.marked() == [
        Marked("is there a bigger one", upsell, frozenset()),
        Marked("it is too big", frozenset(), upsell),
        Marked(f"I leave {US} for {THEM}", churn, frozenset()),
    ]


@dataclass(frozen=True)
class Broken:
    name: str
    change: Callable[[dict[str, Any]], object]
    says: tuple[str, ...]


def leaf_of(content: dict[str, Any], parent: int, leaf: int) -> dict[str, Any]:
    found: dict[str, Any] = content["intents"][parent]["intents"][leaf]
    return found


@pytest.mark.parametrize(
    "case",
    [
        Broken(
            "a leaf's queue",
            lambda content: leaf_of(content, 0, 0).update(queue="mony"),
            ("billing.refund: there is no queue mony",),
        ),
        Broken(
            "a parent's queue",
            lambda content: content["intents"][1].update(queue="mony"),
            ("orders.status: there is no queue mony",),
        ),
        Broken(
            "what another intent is",
            lambda content: leaf_of(content, 0, 0)["not_examples"][0].update({"is": "orders.tracking"}),
            ("billing.refund: 'where is my parcel from {us}' is said to be orders.tracking",),
        ),
        Broken(
            "an example of two",
            lambda content: leaf_of(content, 1, 0)["examples"]["en"].append("My MONEY back"),
            ("'My MONEY back' is an example of billing.refund and of orders.status",),
        ),
        Broken(
            "a leaf twice",
            lambda content: content["intents"][1]["intents"].append(leaf_of(content, 1, 0)),
            ("two intents have the same name",),
        ),
        Broken(
            "several at once",
            lambda content: content.update(queues=[]),
            ("billing.refund: there is no queue money", "orders.status: there is no queue goods"),
        ),
        Broken(
            "an unknown signal",
            lambda content: leaf_of(content, 0, 1).update(signals=["leaving"]),
            ("intents.0.intents.1.signals.0: ",),
        ),
        Broken(
            "an unknown priority",
            lambda content: content["intents"][0].update(priority="P5"),
            ("intents.0.priority: ",),
        ),
        Broken("an unknown field", lambda content: content.update(colour="red"), ("colour: Extra inputs",)),
        Broken("no title", lambda content: content.pop("title"), ("title: Field required",)),
        Broken(
            "a name that is none",
            lambda content: leaf_of(content, 0, 0).update(name="Re.fund"),
            ("intents.0.intents.0.name: ",),
        ),
        Broken("no examples", lambda content: leaf_of(content, 1, 0).pop("examples"), ("examples: Field",)),
    ],
    ids=lambda case: case.name,
)
def test_what_is_wrong_is_named(tmp_path: Path, case: Broken) -> None:
    content = copy.deepcopy(SMALL)
    case.change(content)
    file = written(tmp_path, content)
    with pytest.raises(TaxonomyInvalid) as caught:
        read_taxonomy(file)
    assert str(file) in str(caught.value)
    for part in case.says:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"intents: [", b"- just\n- a list\n", b"\xff\xfe\x00", b"!!python/object/apply:os.getcwd []", None],
)
def test_a_file_that_is_no_taxonomy_says_so(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "shop.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TaxonomyInvalid, match=r"shop\.yaml"):
        read_taxonomy(file)
