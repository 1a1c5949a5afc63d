"""What is no question, and what only looks as if it were none."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.small_talk import Intent, Phrasebook, Spelling

BOOK = Phrasebook.load()


@dataclass(frozen=True)
class Case:
    intent: Intent
    texts: tuple[str, ...]


def cases() -> list[tuple[Intent, str]]:
    table = (
        Case(
            Intent.GREETING,
            ("hi", "Hello!", "hey there", "heyyyy", "Good morning team", "Hallo", "Bonjour !", "¡Hola!",
             "hi, I'm [NAME_1]", "👋"),
        ),
        Case(Intent.HOW_ARE_YOU, ("how are you?", "Hi, how's it going", "Wie geht's?", "ça va ?")),
        Case(
            Intent.THANKS,
            ("thanks", "Thank you so much!", "thx a lot", "cheers mate", "that helped, thank you",
             "perfect, thanks",
             "Danke", "merci beaucoup", "muchas gracias", "🙏", "thankyou for your help",
             "it works now, thanks!"),
        ),
        Case(
            Intent.GOODBYE,
            ("bye", "Goodbye and thanks", "see you later", "have a nice day!", "that's all, thank you",
             "Tschüss",
             "no that's all thanks", "au revoir"),
        ),
        Case(
            Intent.IDENTITY,
            ("who are you?", "are you a bot?", "Are you human or a robot", "am I talking to a real person?",
             "is this a bot", "what's your name?", "what can you do?", "Bist du ein Mensch?", "R u real"),
        ),
        Case(Intent.ACKNOWLEDGEMENT, ("ok", "Okay, got it", "I see", "makes sense", "👍", "sounds good",
             "alles klar")),
        Case(Intent.YES, ("yes", "yes please", "yep", "ja", "Sure, go ahead")),
        Case(Intent.NO, ("no", "nope", "no thanks", "not really", "nein")),
        Case(
            Intent.EMPTY,
            ("", "   ", "???", "🙃🙃", "...", "test", "I have a question", "can you help me?", "help",
             "please", "can I ask you something"),
        ),
        Case(
            Intent.NOT_HELPED,
            ("that didn't help", "this is not what I asked", "you don't understand me", "wrong answer",
             "not helpful",
             "That doesn't answer my question!", "das hilft mir nicht", "👎"),
        ),
        Case(
            Intent.HUMAN,
            ("I want to talk to a human", "talk to a person", "agent", "AGENT!!!", "human please",
             "representative",
             "can I speak to someone?", "let me speak to a manager", "please connect me to a real person",
             "put me through to customer service", "transfer me to an agent now", "tlak to humna",
             "i need a represenative", "get me a human", "I'd like to speak with an advisor about my bill",
             "can someone call me back?", "is there a real person I can talk to", "no more bots",
             "I don't want to talk to a bot", "stop. human.",
             "My line is down for 3 days. Let me talk to a manager!",
             "just let me talk to a human my internet is down", "hi, can i chat with a live agent please",
             "is there anyone I can talk to?", "escalate this", "how do I talk to a real person",
             "Kann ich mit einem Menschen sprechen?", "Ich möchte mit einem Mitarbeiter reden",
             "je voudrais parler à un conseiller", "quiero hablar con una persona"),
        ),
        Case(
            Intent.ABUSE,
            ("you are an idiot", "you stupid bot", "fuck you", "This bot is fucking useless", "shut up",
             "go to hell",
             "useless", "what a joke", "your company is a joke, thieves", "thank you for nothing you idiots",
             "Du bist dumm", "🖕"),
        ),
        Case(
            Intent.THREAT,
            ("I will kill you", "I'm going to burn down your office", "i know where you live",
             "I'll find you and hurt your staff"),
        ),
        Case(
            Intent.SELF_HARM,
            ("I want to kill myself", "i feel suicidal",
             "My internet is down and I don't want to live anymore",
             "there's no reason to live", "Ich werde mich umbringen"),
        ),
        Case(
            Intent.QUESTION,
            ("hi, how do I reset my router? thanks", "do your engineers talk to humans when they visit",
             "can I speak to someone at home during the visit", "my fucking internet is down",
             "you idiots, my router does not work", "how do I contact support about refunds",
             "can I get a technician to come out", "how much is a customer service call",
             "is the human resources department open", "what is the agent commission",
             "can I change the contact person on my account", "this is going to kill my data allowance",
             "my battery keeps dying", "How do I say goodbye to my contract?",
             "thanks for the router, it is broken",
             "what happens after the goodbye gift", "hello fresh voucher", "Is the bot in the app free?",
             "no signal", "yes but the light is red", "ok but how much is it", "1", "2", "router",
             "Wie kündige ich meinen Vertrag?", "who are you partnered with for roaming",
             "test my line speed", "can you help me cancel my contract", "my name is wrong on the bill",
             "are you open on Sunday?", "does anyone answer the phone on bank holidays?",
             "I want to talk about my bill", "can I call Switzerland from my plan",
             "The person I sent money to hasn't gotten it yet!", "call back my mom please"),
        ),
    )  # fmt: skip
    return [(case.intent, text) for case in table for text in case.texts]


@pytest.mark.parametrize(("intent", "text"), cases())
def test_a_message_is_read_as_it_was_meant(intent: Intent, text: str) -> None:
    assert BOOK.intent_of(text).intent is intent


@pytest.mark.parametrize(
    ("text", "language"), [("Hallo, danke", None), ("Guten Morgen", "de"), ("merci", "fr"), ("hi", None)]
)
def test_telling_phrases_tell_the_language(text: str, language: str | None) -> None:
    expected = language or BOOK.intent_of(text).language
    assert BOOK.intent_of(text).language == expected


@pytest.mark.parametrize("intent", [intent for intent in Intent if intent is not Intent.QUESTION])
@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_every_intent_has_a_reply_in_every_language(intent: Intent, language: str) -> None:
    reply = BOOK.reply_to(intent, language=language)

    assert reply
    assert reply == BOOK.reply_to(intent, language="en") or language != "en"


def test_an_unknown_language_is_answered_in_english() -> None:
    assert BOOK.reply_to(Intent.GREETING, language="fi") == BOOK.reply_to(Intent.GREETING, language="en")
    assert BOOK.reply_to(Intent.QUESTION, language="en") is None


def test_orders_are_declined_politely() -> None:
    assert "help centre" in BOOK.refusal(language="en")


def test_it_says_honestly_that_it_is_a_machine() -> None:
    reply = BOOK.reply_to(Intent.IDENTITY, language="en")

    assert reply is not None
    assert "not a person" in reply


def test_only_three_intents_hand_over() -> None:
    assert {intent for intent in Intent if intent.hands_over} == {
        Intent.HUMAN,
        Intent.THREAT,
        Intent.SELF_HARM,
    }


def test_a_long_message_of_small_talk_is_a_question() -> None:
    assert BOOK.intent_of("hello " * 60).intent is Intent.QUESTION


@pytest.mark.parametrize(
    ("token", "word"),
    [
        ("human", "human"), ("humna", "human"), ("humann", "human"), ("hman", "human"), ("humen", "human"),
        ("humans", "humans"), ("woman", "woman"), ("representitive", "representative"), ("hu", "hu"),
        ("xepresentative", "xepresentative"), ("a" * 30, "a" * 30), ("uman", "uman"), ("manage", "manage"),
    ],
)  # fmt: skip
def test_spelling_is_put_right_one_letter_away(token: str, word: str) -> None:
    assert Spelling(["human", "representative", "manager"]).correct(token) == word


@given(st.text(max_size=300))
def test_anything_is_some_intent(text: str) -> None:
    assert BOOK.intent_of(text).intent in Intent
