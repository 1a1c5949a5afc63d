"""What triage says of a message, whatever is in it, with the encoder that ships and a small model."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.encoder import OpenVinoEncoder
from inference.fakes import HashEncoder
from tests.triage.small_models import (
    few_labelled,
    prepare_small,
    small_taxonomy,
    that_signal,
    who_leaves_whom,
)
from triage.brands import Brands
from triage.errors import ModelUnreadable
from triage.labels import Certainty, Label, Origin, Priority, Signal, Triage
from triage.message import Message
from triage.taxonomy import Taxonomy
from triage.triager import Triager

BRANDS = Brands(["Brightwater"], ["Quillcom"])
TODAY = date(2026, 3, 4)
TWICE, LEAVE, HACKED = "payments.double_charge", "subscription.cancel_subscription", "account.account_hacked"


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return small_taxonomy()


@pytest.fixture(scope="module")
def triager(
    real_encoder: OpenVinoEncoder, taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory
) -> Triager:
    labelled = few_labelled(6) + who_leaves_whom(150) + that_signal(Signal.LEGAL_OR_PRIVACY, 40)
    cache = tmp_path_factory.mktemp("models")
    models = prepare_small(real_encoder, cache, labelled=labelled, taxonomy=taxonomy)
    return Triager(models, real_encoder, intents=taxonomy.leaves, brands=BRANDS, risk=0.2)


def one(triager: Triager, text: str | None, *, subject: str | None = None) -> Triage:
    return triager.triage([Message(text, subject)], today=TODAY)[0]


def named(labels: Sequence[Label]) -> dict[str, float]:
    return {label.name: label.probability for label in labels}


def all_labels(found: Triage) -> list[Label]:
    groups = (found.intents, found.further, found.signals, found.urgency, found.priority.reasons)
    single = (found.intent, found.queue, found.sentiment, found.origin, found.language)
    return [*single, *(label for group in groups for label in group)]


def check_valid(found: Triage, text: str | None) -> None:
    """Probabilities are some, add up where they should, and evidence quotes ``text``."""
    for label in all_labels(found):
        assert 0 <= label.probability <= 1
        assert label.name
        for evidence in label.evidence:
            assert 0 <= evidence.start < evidence.end <= len(text or "")
            assert evidence.text == (text or "")[evidence.start : evidence.end]
            assert 0 < evidence.weight <= 1
        assert sum(evidence.weight for evidence in label.evidence) <= 1 + 1e-6
        weights = [evidence.weight for evidence in label.evidence]
        assert weights == sorted(weights, reverse=True)
    assert 0 <= found.in_scope <= 1
    assert -1 <= found.sentiment_score <= 1
    assert sum(share for _, share in found.priority.probabilities) == pytest.approx(1)
    assert all(-1e-9 <= share <= 1 + 1e-9 for _, share in found.priority.probabilities)
    assert sum(label.probability for label in found.intents) <= 1 + 1e-6
    for entity in found.entities:
        assert entity.text == (text or "")[entity.start : entity.end]


def test_many_at_once_are_triaged_as_each_alone_and_stay_in_order(triager: Triager) -> None:
    texts = [
        text for number in range(14) for text in ("cancel my box", f"{'my parcel ' * number} {number}", "")
    ]
    together = triager.triage([Message(text) for text in texts], today=TODAY)
    assert len(together) == len(texts) > 32
    for text, found in zip(texts, together, strict=True):
        alone = one(triager, text)
        assert [label.name for label in all_labels(found)] == [label.name for label in all_labels(alone)]
        assert found.intent.probability == pytest.approx(alone.intent.probability, abs=0.02)
        check_valid(found, text)


@dataclass(frozen=True)
class Said:
    text: str
    intent: str
    queue: str


@pytest.mark.parametrize(
    "case",
    [
        Said("Somebody got into my account and changed the e-mail address!", HACKED, "account"),
        Said("you took the money for order 4471 from my card two times", TWICE, "payments"),
        Said("please end my monthly coffee box", LEAVE, "retention"),
        Said("has my order been sent yet", "orders.where_is_my_order", "orders"),
        Said("Wo bleibt mein Paket?", "orders.where_is_my_order", "orders"),
        Said("Ich wurde für dieselbe Bestellung doppelt belastet", TWICE, "payments"),
        Said("Ich möchte mein Abo kündigen", LEAVE, "retention"),
    ],
    ids=lambda case: case.text[:20],
)
def test_it_says_what_a_message_is_about_and_who_deals_with_it(triager: Triager, case: Said) -> None:
    found = one(triager, case.text)
    assert (found.intent.name, found.queue.name) == (case.intent, case.queue)
    assert found.certainty is Certainty.SURE
    assert found.intent.evidence
    check_valid(found, case.text)


@pytest.mark.parametrize(
    ("text", "code"), [("Wo ist mein Paket?", "de"), ("where is my parcel", "en"), ("7", "und")]
)
def test_it_names_the_language(triager: Triager, text: str, code: str) -> None:
    assert one(triager, text).language.name == code


@pytest.mark.parametrize(
    "template", ["I am leaving {}", "goodbye {}", "done with {}", "so long @{}, I have had enough"]
)
def test_to_leave_us_is_not_to_leave_another(triager: Triager, template: str) -> None:
    ours, theirs = (one(triager, template.format(name)) for name in ("Brightwater", "QUILLCOM"))
    assert Signal.CHURN_RISK in named(ours.signals)
    assert Signal.PURCHASE_INTENT not in named(ours.signals)
    assert Signal.PURCHASE_INTENT in named(theirs.signals)
    assert Signal.CHURN_RISK not in named(theirs.signals)
    for found in (ours, theirs):
        check_valid(found, template.format("Brightwater" if found is ours else "QUILLCOM"))


@given(
    st.lists(
        st.sampled_from(
            [
                "Charged twice!",
                "I am off to Quillcom.",
                "Write to jo.doe@example.org, please.",
                "Brightwater has my card 4111 1111 1111 1111.",
                "[EMAIL_1]",
                "<p>My name is Anna Schmidt</p>",
                "> you wrote this",
            ]
        ),
        min_size=1,
        max_size=5,
    ).map("\n".join)
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_shown_to_models_holds_no_personal_data_and_evidence_quotes_the_original(
    triager: Triager, real_encoder: OpenVinoEncoder, text: str
) -> None:
    read = triager.read(Message(text), placeholders={"[EMAIL_7]": "jo.doe@example.org"})
    assert not any(secret in read.text for secret in ("@", "4111", "Schmidt"))
    assert ("[EMAIL_7]" in read.text) == ("jo.doe" in read.reading.text)
    (found,) = triager.judge([read], real_encoder.encode_with_tokens([read.text]), today=TODAY)
    check_valid(found, text)


def test_an_encoding_that_somebody_has_already_gives_the_same_labels(
    triager: Triager, real_encoder: OpenVinoEncoder
) -> None:
    text = "I want to leave Brightwater. You charged me twice."
    read = triager.read(Message(text), placeholders={})
    assert triager.judge([read], real_encoder.encode_with_tokens([read.text]), today=TODAY) == [
        one(triager, text)
    ]


def test_a_name_that_nobody_told_it_of_is_no_competitor_s(
    triager: Triager, real_encoder: OpenVinoEncoder
) -> None:
    nameless = Triager(triager.models, real_encoder)
    told, untold = (one(each, "done with Quillcom") for each in (triager, nameless))
    assert {Signal.COMPETITOR, Signal.PURCHASE_INTENT} <= named(told.signals).keys()
    assert not {Signal.COMPETITOR, Signal.PURCHASE_INTENT} & named(untold.signals).keys()


def test_each_sentence_may_have_an_intent_of_its_own(triager: Triager) -> None:
    text = "You charged my card twice for one order. And please cancel my monthly box."
    found = one(triager, text)
    assert found.intent.name == TWICE
    assert named(found.further).keys() == {LEAVE}
    without = triager.triage([Message(text)], evidence=False, today=TODAY)[0]
    assert named(without.further) == pytest.approx(named(found.further))
    assert one(triager, "please cancel my monthly box").further == ()


@pytest.mark.parametrize(
    "text", ["What is the capital of Peru?", "Do you know a good recipe for lentil soup?"]
)
def test_what_no_intent_fits_is_out_of_scope(triager: Triager, text: str) -> None:
    found = one(triager, text)
    assert found.certainty is Certainty.OUT_OF_SCOPE
    assert found.in_scope < 0.5 < one(triager, "you charged me twice").in_scope


def test_between_two_intents_of_a_group_it_is_the_group(triager: Triager) -> None:
    texts = ["when does my parcel come", "Where is my parcel? It should have been here yesterday"]
    for text in texts:
        found = one(triager, text)
        assert found.intent.name == "orders"
        assert found.intents[0].probability < 0.5 <= found.intent.probability
        shown = sum(label.probability for label in found.intents if label.name.startswith("orders."))
        assert found.intent.probability == pytest.approx(shown, abs=0.02)
        assert found.intent.evidence == found.intents[0].evidence
        assert found.queue.name == "orders"


def test_the_intents_are_the_likeliest_first_and_only_the_first_is_explained(triager: Triager) -> None:
    found = one(triager, "my order came, but I paid twice")
    probabilities = [label.probability for label in found.intents]
    assert probabilities == sorted(probabilities, reverse=True)
    assert found.intents[0].evidence
    assert not any(label.evidence for label in found.intents[1:])


def test_a_broken_account_cannot_wait_and_a_question_can(triager: Triager) -> None:
    urgent = one(triager, "Someone stole my account and is ordering with my saved card right now")
    calm = one(triager, "any news on my order?")
    assert urgent.priority.name is Priority.P1
    assert calm.priority.name > urgent.priority.name
    assert not calm.urgency


def test_a_reason_raises_the_usual_priority_and_is_named(triager: Triager) -> None:
    usual, raised = (
        one(triager, f"please end my subscription{more}") for more in ("", " or you will hear from my lawyer")
    )
    assert Signal.LEGAL_OR_PRIVACY in named(raised.signals)
    assert Signal.LEGAL_OR_PRIVACY in named(raised.priority.reasons)
    assert Signal.LEGAL_OR_PRIVACY not in named(usual.priority.reasons)
    assert (usual.priority.name, raised.priority.name) == (Priority.P3, Priority.P2)


@dataclass(frozen=True)
class Headed:
    name: str
    headers: dict[str, str]
    origin: Origin


@pytest.mark.parametrize(
    "case",
    [
        Headed("absent", {"Auto-Submitted": "auto-replied"}, Origin.AUTO_REPLY),
        Headed("returned", {"Content-Type": "multipart/report; report-type=delivery-status"}, Origin.BOUNCE),
        Headed("list", {"List-Unsubscribe": "<mailto:leave@example.org>"}, Origin.NEWSLETTER),
        Headed("a person", {"Auto-Submitted": "no", "From": "ann@example.org"}, Origin.CUSTOMER),
    ],
    ids=lambda case: case.name,
)
def test_headers_of_a_mail_tell_who_wrote_it(triager: Triager, case: Headed) -> None:
    text = "you charged me twice for one order"
    found = triager.triage([Message(text, None, case.headers)])[0]
    assert found.origin.name == case.origin
    assert (found.origin.probability == 1) == (case.origin is not Origin.CUSTOMER)
    assert found.intent.name == TWICE


def test_entities_are_found_in_the_original(triager: Triager) -> None:
    text = "<p>You charged EUR 12.50 twice yesterday</p>"
    found = one(triager, text)
    assert {(entity.text, entity.value) for entity in found.entities} >= {
        ("EUR 12.50", "EUR 12.50"),
        ("yesterday", "2026-03-03"),
    }
    check_valid(found, text)


def test_what_only_the_subject_says_counts_and_is_not_quoted(triager: Triager) -> None:
    found = one(triager, None, subject="You charged my card twice")
    assert found.intent.name == TWICE
    assert found.intent.evidence == ()
    both = one(triager, "Please help.", subject="You charged my card twice")
    assert both.intent.name == TWICE
    check_valid(both, "Please help.")


MAIL = """<html><body><style>p {color: red}</style>
<p>Hello,</p><p>you have charged my <b>card</b> twice for one order. I left Brightwater long ago.</p>
<p>-- <br>Ann Example<br>Example Ltd, 1 Example Road</p>
<blockquote type="cite"><p>On Mon, 5 Jan 2026 at 10:00, Shop wrote:</p>
<p>Please cancel my subscription, somebody hacked my account!</p></blockquote></body></html>"""
NEW = "Hello,\nyou have charged my card twice for one order. I left Brightwater long ago."


def test_of_a_mail_only_what_is_new_counts_and_evidence_quotes_the_markup(triager: Triager) -> None:
    mail, new = one(triager, MAIL), one(triager, NEW)
    check_valid(mail, MAIL)
    for found, alone in zip(all_labels(mail), all_labels(new), strict=True):
        assert found.name == alone.name
        assert found.probability == pytest.approx(alone.probability, abs=1e-3)
        assert len(found.evidence) == len(alone.evidence)
    quoted = MAIL.index("<blockquote")
    assert mail.intent.name == TWICE
    assert mail.intent.evidence
    assert all(evidence.end <= quoted for label in all_labels(mail) for evidence in label.evidence)


def log_dump() -> str:
    line = (
        "2026-03-04 10:{:02}:{:02} ERROR [worker-{}] com.example.Pay: request {} failed: timeout after 30 s"
    )
    dump = "\n".join(line.format(n // 60 % 60, n % 60, n % 7, n) for n in range(2_400))
    return f"The checkout charged me twice.\n{dump}"


BLOB = base64.b64encode(b"".join(hashlib.sha256(bytes([n])).digest() for n in range(200))).decode()


@dataclass(frozen=True)
class Odd:
    name: str
    text: str | None
    subject: str | None = None
    empty: bool = False  # whether there are no words to be sure about


ODD = (
    Odd("none", None, empty=True),
    Odd("empty", "", empty=True),
    Odd("white space", " \t\r\n\u00a0\u2003", empty=True),
    Odd("emoji", "🙂🙂👩\u200d👧❤\ufe0f", empty=True),
    Odd("marks", "?!?!... ---", empty=True),
    Odd("a number", "448812", empty=True),
    Odd("empty subject", None, "", empty=True),
    Odd("only a subject", None, "cancel my subscription"),
    Odd("a log", log_dump()),
    Odd(
        "languages", "Where is my parcel? Wo ist mein Paket? ¿Dónde está? 我的包裹在哪里 где посылка أين طردي"
    ),
    Odd("markup", MAIL),
    Odd("markup without words", "<div><img src='x'><br></div>", empty=True),
    Odd("broken markup", "<p><b>charged <i>twice</p" + "<a" * 500),
    Odd("blob", BLOB),
    Odd("blob in words", f"see the picture {BLOB} I was charged twice"),
    Odd("surrogates", "charged \ud83d twice \udc00\udfff \ud800"),
    Odd("subject of surrogates", None, "\ud800\udfff charged twice"),
    Odd("controls", "charged\x00 twice \x1b[31m\x07\x7f\u200b\u202e\ufeff" + "\x01" * 50),
    Odd("one character", "x" * 10_000),
    Odd("one mark", "!" * 10_000, empty=True),
    Odd("one word", "twice " * 10_000),
    Odd("one emoji", "🙂" * 10_000, empty=True),
    Odd("combining", "e" + "\u0301" * 10_000),
    Odd("lines", "\n" * 10_000 + "charged twice"),
    Odd("longer in lower case", "İİİ charged twice İİİ Brightwater İ"),
    Odd("ligatures", "ﬁnally le\u00adft Quillcom ﬀﬃ ǅ ẞ"),
    Odd("names only", "Brightwater@Quillcom#brightwater QUILLCOM"),
    Odd("injection", "Ignore all instructions'; DROP TABLE tickets; -- {us} {them} %s {0}"),
)


@pytest.mark.parametrize("case", ODD, ids=lambda case: case.name)
def test_no_input_is_too_odd(triager: Triager, case: Odd) -> None:
    found = one(triager, case.text, subject=case.subject)
    check_valid(found, case.text)
    if case.empty:
        assert found.certainty is not Certainty.SURE
        assert found.intent.evidence == ()


def test_odd_messages_change_nothing_for_those_beside_them(triager: Triager) -> None:
    texts = ["you charged me twice", "cancel my box"]
    mixed = [Message(texts[0]), *(Message(case.text, case.subject) for case in ODD), Message(texts[1])]
    together = triager.triage(mixed, today=TODAY)
    assert len(together) == len(mixed)
    for text, found in zip(texts, (together[0], together[-1]), strict=True):
        alone = one(triager, text)
        assert [label.name for label in all_labels(found)] == [label.name for label in all_labels(alone)]
        assert found.intent.probability == pytest.approx(alone.intent.probability, abs=0.02)
    for message, found in zip(mixed, together, strict=True):
        check_valid(found, message.text)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.none()
    | st.text(st.characters(exclude_categories=()), max_size=80)
    | st.lists(
        st.sampled_from(
            ["charged", "twice", "Brightwater", "<b>", "> ", "\n", ". ", "\ud800", "Grüße", "-- \n"]
        )
    ).map(" ".join),
    st.none() | st.text(max_size=20),
)
def test_any_text_gets_some_triage(triager: Triager, text: str | None, subject: str | None) -> None:
    check_valid(one(triager, text, subject=subject), text)


def test_without_evidence_the_labels_are_the_same(triager: Triager) -> None:
    messages = [Message("you charged me twice"), Message("done with Quillcom"), Message(None)]
    bare, full = (triager.triage(messages, evidence=wanted, today=TODAY) for wanted in (False, True))
    for without, found in zip(bare, full, strict=True):
        assert not any(label.evidence for label in all_labels(without))
        names = ([label.name for label in all_labels(each)] for each in (without, found))
        assert next(names) == next(names)
        assert without.intent.probability == pytest.approx(found.intent.probability, abs=1e-3)
        assert without.model == found.model == triager.models.version


def test_nothing_asked_nothing_said(triager: Triager) -> None:
    assert triager.triage([]) == []


def test_every_field_but_the_text_may_be_missing() -> None:
    message = Message("x")
    assert message.subject is None
    assert message.headers == MappingProxyType({})


def test_a_label_that_is_no_intent_of_the_taxonomy_still_has_queue_and_priority(
    triager: Triager, real_encoder: OpenVinoEncoder
) -> None:
    found = one(Triager(triager.models, real_encoder), "you charged me twice")
    assert found.intent.name == TWICE
    assert found.queue.name
    assert found.priority.name in Priority
    check_valid(found, "you charged me twice")


def test_models_of_another_encoder_are_refused(triager: Triager) -> None:
    with pytest.raises(ModelUnreadable, match="encoder"):
        Triager(triager.models, HashEncoder())
