"""The likeliest language of short messages: how often it is right, and what it is asked to read."""

from __future__ import annotations

import time
import unicodedata
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from evals.suites.language import Message, evaluate_language, load_messages
from triage.language import WEIGHTS, LanguageIdentifier

IDENTIFIER = LanguageIdentifier()
IDENTIFIER.warm_up()
# Written for this test. The even rows of each language are for tuning, the odd ones are held out.
MESSAGES = load_messages(Path(__file__).with_name("language_messages.csv"))


def half(number: int) -> list[Message]:
    by_language: dict[str, list[Message]] = defaultdict(list)
    for message in MESSAGES:
        by_language[message.language].append(message)
    return [message for own in by_language.values() for message in own[number::2]]


TUNED, HELD_OUT = half(0), half(1)


def test_held_out_messages_are_identified() -> None:
    metrics = evaluate_language("held out", HELD_OUT, identifier=IDENTIFIER).metrics
    recalls = {name: value for name, value in metrics.items() if name.startswith("recall.")}
    assert len(recalls) == 26
    assert metrics["accuracy"] >= 0.97
    assert metrics["macro_f1"] >= 0.97
    assert metrics["ece"] <= 0.03
    # Short Norwegian messages often are Danish ones too.
    assert min(value for name, value in recalls.items() if name != "recall.no") >= 0.9


def test_the_weights_are_those_that_fit_best() -> None:
    found = []
    for message in TUNED:
        evidence = IDENTIFIER.evidence(message.text)
        if evidence is not None and message.language in evidence.languages:
            found.append((np.array(evidence.rows), evidence.languages.index(message.language)))

    def loss(weights: NDArray[np.float64]) -> float:
        scored = ((weights @ rows, truth) for rows, truth in found)
        surprise = np.mean([logsumexp(scores) - scores[truth] for scores, truth in scored])
        return float(surprise + 1e-3 * (weights**2).sum())

    best = minimize(loss, np.array([0.5, 2, 1, 2, -1, -1]), method="L-BFGS-B")
    assert len(found) > 500
    assert loss(np.array(WEIGHTS)) <= best.fun + 0.002


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("refund please", "en"), ("bitte kündigen", "de"), ("merci beaucoup", "fr"), ("buenos días", "es"),
        ("non funziona", "it"), ("werkt niet", "nl"), ("não funciona", "pt"), ("nie działa", "pl"),
        ("fungerar inte", "sv"), ("virker ikke", "da"), ("ei toimi", "fi"), ("nefunguje to", "cs"),
        ("çalışmıyor lütfen", "tr"), ("nu merge", "ro"), ("nem működik", "hu"),
    ],
)  # fmt: skip
def test_two_words_are_enough(text: str, code: str) -> None:
    assert IDENTIFIER.identify(text).code == code


@pytest.mark.parametrize(
    ("written", "typed", "code"),
    [
        ("où est mon paquet abîmé", "ou est mon paquet abime", "fr"),
        ("żadna paczka nie przyszła", "zadna paczka nie przyszla", "pl"),
        ("proč není balík doručený", "proc neni balik doruceny", "cs"),
        ("şifremi değiştirmek istiyorum", "sifremi degistirmek istiyorum", "tr"),
        ("können Sie mir die Rechnung schicken", "koennen Sie mir die Rechnung schicken", "de"),
        ("không đăng nhập được", "khong dang nhap duoc", "vi"),
    ],
)  # fmt: skip
def test_a_keyboard_without_accents_changes_nothing(written: str, typed: str, code: str) -> None:
    assert IDENTIFIER.identify(written).code == IDENTIFIER.identify(typed).code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mein Router: https://www.example.com/how-to-reset-your-password geht nicht", "de"),
        ("la factura de please.refund.me@example.com está mal", "es"),
        ("błąd `could not connect to the server` po aktualizacji", "pl"),
        ("virhe ```raise ValueError('this is not what you want')``` kirjautuessa", "fi"),
        ("<b class='the and of'>bonjour</b>, aucune réponse", "fr"),
        ("[NAME_1] non riceve la fattura [ORDER_12]", "it"),
        ("需要订单3301的发票", "zh"),
        ("注文3301の請求書", "ja"),
        ("TX-200 के लिए बिल चाहिए", "hi"),
        ("Router WLAN Login geht nicht", "de"),
    ],
)
def test_links_code_numbers_and_loan_words_are_not_read(text: str, code: str) -> None:
    assert IDENTIFIER.identify(text).code == code


@pytest.mark.parametrize(
    "text",
    ["", "   ", "12345", "👍👍", "?!", "https://example.com/ja", "a@example.com", "`ls -l`", "[EMAIL_1]"],
)
def test_what_has_no_words_has_no_language(text: str) -> None:
    guess = IDENTIFIER.identify(text)
    assert (guess.code, guess.confidence) == (None, 0)
    assert IDENTIFIER.evidence(text) is None


@pytest.mark.parametrize("text", ["ok", "wifi", "PIN", "Netflix Premium", "x", "ጤና ይስጥልኝ"])
def test_what_tells_nothing_gets_a_language_and_little_confidence(text: str) -> None:
    guess = IDENTIFIER.identify(text)
    assert guess.code is not None
    assert 0 < guess.confidence < 0.75


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ฉันลืมรหัสผ่าน", "th"), ("დამავიწყდა პაროლი", "ka"), ("մոռացել եմ գաղտնաբառը", "hy"),
        ("পাসওয়ার্ড ভুলে গেছি", "bn"), ("கடவுச்சொல் மறந்துவிட்டேன்", "ta"), ("పాస్‌వర్డ్ మర్చిపోయాను", "te"),
        ("返金処理済み", "ja"), ("退款處理完畢", "zh"),
    ],
)  # fmt: skip
def test_a_script_can_give_its_language_away(text: str, code: str) -> None:
    guess = IDENTIFIER.identify(text)
    assert guess.code == code
    assert guess.confidence >= 0.95


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the parcel says Отправитель Иванов and nothing else on the label", "en"),
        ("Galaxy Watch 的电池坏了", "zh"),
        ("ошибка error connection refused при входе в кабинет", "ru"),
    ],
)
def test_the_script_of_most_of_a_message_counts(text: str, code: str) -> None:
    assert IDENTIFIER.identify(text).code == code


def test_decomposed_accents_are_the_same_letters() -> None:
    text = "tôi quên mật khẩu"
    assert IDENTIFIER.identify(unicodedata.normalize("NFD", text)) == IDENTIFIER.identify(text)


def test_threads_share_an_identifier() -> None:
    shared = LanguageIdentifier()
    texts = [message.text for message in HELD_OUT[:200]]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(shared.identify, texts))
    alone = [IDENTIFIER.identify(text) for text in texts]
    assert [guess.code for guess in together] == [guess.code for guess in alone]
    assert [guess.confidence for guess in together] == pytest.approx([guess.confidence for guess in alone])


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "a." * 50_000, "`" * 99_999, "<" * 99_999, "好" * 99_999, "1a" * 50_000]
)
def test_long_and_odd_texts_take_no_time(text: str) -> None:
    start = time.perf_counter()
    IDENTIFIER.identify(text)
    assert time.perf_counter() - start < 0.25
