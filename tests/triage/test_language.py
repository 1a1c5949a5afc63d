"""Which language a message is in, and when that cannot be said."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from triage.language import LanguageGuesser

GUESSER = LanguageGuesser()
GUESSER.warm_up()


@dataclass(frozen=True)
class Case:
    language: str
    texts: tuple[str, ...]


CLEAR = (
    Case(
        "en", ("How do I reset my router to factory settings?", "My internet has been down since yesterday")
    ),
    Case("de", ("Wie kann ich meinen Vertrag kündigen?", "Mein Internet ist seit gestern sehr langsam")),
    Case(
        "fr", ("Comment puis-je résilier mon abonnement mobile ?", "Ma connexion est coupée depuis hier soir")
    ),
    Case("es", ("¿Cómo puedo cancelar mi contrato de fibra?", "Quiero cambiar la contraseña de mi cuenta")),
    Case(
        "it",
        ("Come posso cambiare la password del mio account?", "La mia connessione non funziona da ieri sera"),
    ),
    Case(
        "nl",
        ("Hoe kan ik mijn abonnement opzeggen alstublieft?", "Mijn verbinding werkt niet sinds gisteren"),
    ),
    Case("pl", ("Jak mogę rozwiązać umowę przed czasem?", "Mój internet nie działa od wczoraj wieczorem")),
    Case("uk", ("Як скасувати мій договір?",)),
    Case("ja", ("ルーターをリセットするにはどうすればいいですか",)),
    Case("zh", ("如何重置我的路由器",)),
    Case("el", ("Πώς μπορώ να ακυρώσω το συμβόλαιό μου;",)),
)


@pytest.mark.parametrize(
    ("language", "text"), [(case.language, text) for case in CLEAR for text in case.texts]
)
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    guess = GUESSER.guess(text)

    assert guess.code == language
    assert 0.5 < guess.confidence <= 1


@pytest.mark.parametrize(
    "text",
    ["", "hi", "refund", "ok thanks", "PIN", "wifi", "no signal", "roaming USA", "👍", "12345", "Fibre 500",
     "[EMAIL_1] [NAME_1] [ACCOUNT_1]", "https://www.beispiel.de/kundenkonto", "internet langsam"],
)  # fmt: skip
def test_what_is_too_short_is_no_language(text: str) -> None:
    assert GUESSER.guess(text).code is None


def test_a_doubtful_guess_leaves_the_expected_language() -> None:
    guess = GUESSER.guess("mi router no funciona", expected="en")

    assert guess.code is None
    assert 0 < guess.confidence < 0.9


def test_the_language_of_the_conversation_needs_less_evidence() -> None:
    text = "roaming tarif Schweiz mobil"

    assert GUESSER.guess(text, expected="de").code == "de"


@pytest.mark.parametrize(
    "text",
    ["How do I reset my password", "Where can I find a Mastercard ATM", "I want to cancel a transaction",
     "is it possible to cancel transactions", "What do I do if I forgot my passcode"],
)  # fmt: skip
def test_small_words_outweigh_letters_that_look_foreign(text: str) -> None:
    assert GUESSER.guess(text).code == "en"
