from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from inference.embeddings import Encoder
from inference.encoder import OpenVinoEncoder
from inference.fakes import HashEncoder
from triage import discovery
from triage.discovery import NewIntent, discover, telling_words

GIFT_CARD = [
    "how much is left on my gift card",
    "gift card balance please",
    "Where can I see what my gift card is still worth?",
    "the gift card my aunt gave me, how do I check the amount",
    "I scratched the gift card code and want to know the balance",
    "balance of a gift card bought last Christmas",
    "can you look up the remaining value of this gift card for me",
    "gift card says zero but I never used it",
    "does my gift card still have money on it?",
    "Is there a page to check gift card balances?",
    "I would like to know how many euros remain on two gift cards",
    "remaining credit gift card",
    "my gift card balance is not shown anywhere",
    "what is the value of the gift card I got from work",
    "check the amount of a gift card",
]
INSTALLATION = [
    "can somebody come and install the washing machine",
    "Do you also connect the dishwasher when you bring it?",
    "I need a technician to install my new oven at home",
    "installation of the washing machine, is it included",
    "book an installation appointment for the dryer",
    "what does it cost to have the oven installed by you",
    "will the delivery men install the fridge and take it up the stairs",
    "installing a dishwasher: do you offer that service",
    "I can't connect the washing machine myself, is there an installation service?",
    "please send someone to fit the cooker, I am not allowed to do it myself",
    "who installs the hob you sold me",
    "Installation service for kitchen appliances?",
    "does the price include fitting the washing machine in the kitchen",
    "need an installer for a built-in oven on Saturday",
    "the dryer stands in the hall, who installs it",
]
RECIPE = [
    "do you have a vegan recipe for the pancake mix",
    "recipe for bread with your rye flour please",
    "How long do I bake the cake from your baking mix?",
    "which recipes can I cook with the red lentils",
    "looking for a soup recipe with the coconut milk you sell",
    "can you send me the recipe that was on the oat packet",
    "what temperature does the bread recipe need",
    "a recipe idea for the chickpea pasta?",
    "the recipe on the packet says two eggs, can I use bananas instead",
    "any dessert recipes with your dark chocolate",
    "I lost the recipe booklet that came with the flour",
    "how do I cook the quinoa, is there a recipe",
    "share your best curry recipe with the spice set",
    "recipe for pizza dough with spelt flour",
    "which recipe did you use in the cooking video",
]
UNRELATED = [
    "my screen flickers when I plug in the headphones",
    "are you hiring drivers in Leeds",
    "who won the match yesterday",
    "the lift in your office building is broken",
    "I wrote a poem about autumn leaves",
    "could you turn down the music in the car park",
    "what is the capital of Mongolia",
    "our school would like to visit your warehouse",
    "a bee stung me next to your entrance",
    "I lost an umbrella on the tram",
    "tell me a joke about penguins",
    "the bicycle stand has no free place",
    "your radio advert is too loud",
    "I want to sell you my old piano",
    "do you sponsor football clubs",
    "is the earth older than the moon",
    "someone parked in front of my garage",
    "I am writing a thesis about logistics",
    "please translate this letter into Latin",
    "my horoscope told me to write to you",
    "the streetlight outside has been off for weeks",
    "which mountain should I climb first",
    "can I bring my parrot to the shop",
    "your mascot looks like my uncle",
    "I found a wallet near the bus stop",
    "how do I tie a bow tie",
    "does your canteen serve guests",
    "my neighbour plays the drums at night",
    "when do the clocks change",
    "the wifi password of the waiting room",
    "a pigeon flew into your hall",
    "are the solar panels on your roof worth it",
    "I dreamt of an enormous staircase",
    "what breed is the dog in your film",
    "I need a lawyer for my divorce",
    "my plants die in winter",
    "which train goes to the coast",
    "is there a blood donation this week",
    "the toilet paper was scratchy",
    "how many teeth does a shark have",
]


@dataclass(frozen=True)
class Pile:
    texts: list[str]
    hidden: list[str | None]
    vectors: np.ndarray


@pytest.fixture(scope="module")
def pile(real_encoder: OpenVinoEncoder) -> Pile:
    """Three hidden intents and what belongs to none, shuffled."""
    said = [
        *((text, "gift_card") for text in GIFT_CARD),
        *((text, "installation") for text in INSTALLATION),
        *((text, "recipe") for text in RECIPE),
        *((text, None) for text in UNRELATED),
    ]
    order = np.random.default_rng(3).permutation(len(said))
    texts = [said[place][0] for place in order]
    return Pile(texts, [said[place][1] for place in order], real_encoder.encode(texts))


def purities(found: list[NewIntent], hidden: list[str | None]) -> dict[str, float]:
    """By the hidden intent that most members of a group have."""
    result = {}
    for intent in found:
        name, count = Counter(hidden[place] for place in intent.members).most_common(1)[0]
        result[str(name)] = count / intent.size
    return result


def test_hidden_intents_are_found_and_named(pile: Pile) -> None:
    found = discover(pile.texts, pile.vectors)
    assert [set(purities(found, pile.hidden))] == [{"gift_card", "installation", "recipe"}]
    assert len(found) == 3
    assert min(purities(found, pile.hidden).values()) >= 0.8
    for intent in found:
        assert intent.size >= 6
        assert 5 <= len(intent.examples) <= 10
        assert intent.examples[0] == " ".join(pile.texts[intent.members[0]].split())
        assert 0.5 < intent.cohesion <= 1
        assert intent.advice == f"new: add {intent.name}?"
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", intent.name)
        assert intent.examples[0] in intent.description
    names = {max(purities([each], pile.hidden)): each.name for each in found}
    assert names["gift_card"].startswith("gift_card")
    assert "washing_machine" in names["installation"]
    assert "recipe" in names["recipe"]


def test_the_same_messages_give_the_same_groups_in_any_order(pile: Pile) -> None:
    found = discover(pile.texts, pile.vectors)
    assert discover(pile.texts, pile.vectors) == found
    turned = discover(pile.texts[::-1], pile.vectors[::-1])
    last = len(pile.texts) - 1
    assert {frozenset(intent.members) for intent in found} == {
        frozenset(last - place for place in intent.members) for intent in turned
    }
    assert {intent.name for intent in found} == {intent.name for intent in turned}


def test_a_group_that_is_near_a_known_label_says_so(pile: Pile, real_encoder: OpenVinoEncoder) -> None:
    vectors = real_encoder.encode(["what is the balance of my gift card", "where is my parcel"])
    known = {"payments.gift_card_balance": vectors[0], "orders.where_is_my_order": vectors[1]}
    found = discover(pile.texts, pile.vectors, known=known)
    nearest = {intent.name: intent for intent in found if intent.name.startswith("gift_card")}
    [gift_card] = nearest.values()
    assert gift_card.nearest is not None
    assert gift_card.nearest.name == "payments.gift_card_balance"
    similarity = f"{gift_card.nearest.similarity:.2f}"
    assert gift_card.advice == f"close to payments.gift_card_balance ({similarity}): widen it?"
    assert [intent.advice for intent in found if intent != gift_card] == [
        f"new: add {intent.name}?" for intent in found if intent != gift_card
    ]


def test_what_all_labels_have_in_common_is_left_out(pile: Pile, real_encoder: OpenVinoEncoder) -> None:
    labels = [
        "refund",
        "invoice",
        "parcel is late",
        "return",
        "login",
        "newsletter",
        "voucher",
        "broken item",
    ]
    labels += ["complaint", "size", "out of stock"]
    known = dict(zip(labels, real_encoder.encode(labels), strict=True))
    found = discover(pile.texts, pile.vectors, known=known)
    shares = purities(found, pile.hidden)
    assert {"gift_card", "installation", "recipe"} == set(shares)
    assert len(found) == 3
    assert min(shares.values()) >= 0.8


def test_personal_data_is_in_no_name_and_no_example(hash_encoder: Encoder) -> None:
    texts = [
        f"I am Annelise Kowalczyk, the subwoofer hums {word}: annelise.k@example.com, 0171 5550{at}"
        for at, word in enumerate(["loudly", "softly", "always", "today", "indoors"], start=10)
    ]
    texts += ["subwoofer hums annelise", "kowalczyk subwoofer hums", "annelise kowalczyk subwoofer hums 4711"]
    vectors = hash_encoder.encode(["subwoofer hums"] * len(texts))
    [intent] = discover(texts, vectors)
    assert intent.size == 8
    assert intent.name == "subwoofer_hums"
    for text in (intent.name, *intent.examples[:5], intent.description):
        assert "example.com" not in text
        assert "5550" not in text
    assert not any("Annelise" in text or "Kowalczyk" in text for text in (intent.name, *intent.examples))


def test_a_mailing_is_one_message_however_often_it_came(hash_encoder: Encoder) -> None:
    mailing = ["Win a boat  today"] * 30 + ["win a BOAT today"] * 10
    assert discover(mailing, hash_encoder.encode(mailing)) == []
    others = [f"boat number {word} today" for word in ("red", "blue", "green", "white")]
    vectors = hash_encoder.encode(["boat today"] * 44)
    [intent] = discover(mailing + others, vectors)
    assert intent.size == 44
    assert len(intent.examples) == 5


def test_more_than_can_be_clustered_join_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_MOST", 60)
    encoder = HashEncoder()
    texts = [f"the kettle leaks water {number}" for number in range(150)]
    texts += [f"{number} nothing else {number * 7} like it {number * 13}x{number}" for number in range(50)]
    vectors = encoder.encode(["kettle leaks water"] * 150) + 0
    strangers = np.random.default_rng(0).normal(size=(50, vectors.shape[1])).astype(np.float32)
    strangers /= np.linalg.norm(strangers, axis=1, keepdims=True)
    found = discover(texts, np.concatenate([vectors, strangers]), seed=1)
    assert [(intent.name, set(intent.members)) for intent in found] == [
        ("kettle_leaks_water", set(range(150)))
    ]
    assert discover(texts, np.concatenate([vectors, strangers]), seed=1) == found


def test_two_groups_never_have_one_name() -> None:
    words = [
        f"parcel broken {word}"
        for word in ("corner", "corner box", "corner lid", "corner side", "corner top")
    ]
    other = [
        f"parcel broken {word}" for word in ("glass", "glass jar", "glass cup", "glass lamp", "glass pane")
    ]
    vectors = np.zeros((10, 4), np.float32)
    vectors[:5, 0] = vectors[5:, 1] = 1
    found = discover(words + other, vectors)
    assert len(found) == len({intent.name for intent in found}) == 2


@pytest.mark.parametrize("texts", [[], ["one"], ["a", "b", "c", "d"], ["", " ", "\n", "", "", ""]])
def test_too_few_messages_are_no_intent(texts: list[str], hash_encoder: Encoder) -> None:
    assert discover(texts, hash_encoder.encode(texts)) == []


def test_a_vector_for_each_text(hash_encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="2 texts and 1 vectors"):
        discover(["a", "b"], hash_encoder.encode(["a"]))


def test_telling_words_are_what_a_message_is_about() -> None:
    text = "Hello, I am Petra Novak: please send my invoice 4711 to petra@example.com, thanks"
    assert telling_words([text, "petra novak, invoice"]) == [("send", "invoice"), ("invoice",)]
