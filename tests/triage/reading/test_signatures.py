from __future__ import annotations

import pytest

from tests.triage.reading.mails import Case, assert_reads, signed

SIGNATURES = (
    signed("delimiter", "Broken.\n\n-- \nMax Muster\nHauptstr. 1\n", "Broken."),
    signed("device", "Broken.\n\nSent from my iPhone", "Broken."),
    signed("deutsches Gerät", "Kaputt.\nVon meinem iPhone gesendet", "Kaputt."),
    signed("appareil", "Cassé.\n\nEnvoyé de mon iPhone", "Cassé."),
    signed("dispositivo", "Roto.\n\nEnviado desde mi Samsung Galaxy", "Roto."),
    signed("app", "Broken.\n\nGet Outlook for iOS<https://example.org>", "Broken."),
    signed(
        "german",
        "Kaputt.\n\nMit freundlichen Grüßen\n\nMax Muster\nMuster GmbH\nAm Weg 1\n12345 Berlin\nFax 1",
        "Kaputt.",
    ),
    signed("both", "Kaputt.\n\nVielen Dank und viele Grüße\nMax M.", "Kaputt."),
    signed("thanks", "Broken.\n\nThanks,\nJohn Smith\nHead of IT\nAcme Ltd", "Broken.\nThanks,"),
    Case("thanks first", "Thank you\nI got it but it is broken.", "Thank you\nI got it but it is broken."),
    signed("short", "geht nicht\nLG Max", "geht nicht"),
    signed("english", "Broken.\n\nKind regards,\nMax Muster | Muster Ltd | +44 20 7946 0000", "Broken."),
    signed("french", "Cassé.\n\nBien cordialement,\nAnne", "Cassé."),
    signed("spanish", "Roto.\n\nUn cordial saludo,\nAna", "Roto."),
    signed("italian", "Rotto.\n\nCordiali saluti\nAnna", "Rotto."),
    signed("dutch", "Stuk.\n\nMet vriendelijke groet,\nAnna", "Stuk."),
    signed(
        "the order stays", "Kaputt.\n\nViele Grüße\nMax\nBestellnummer 4711", "Kaputt.\nBestellnummer 4711"
    ),
    signed(
        "a sentence stays",
        "Broken.\nRegards\nMax\nPS: when will somebody call me?",
        "Broken.\nPS: when will somebody call me?",
    ),
    Case("no closing", "Sent from my account twice, 40 euros", "Sent from my account twice, 40 euros"),
    Case("only a closing", "Best regards", "Best regards"),
    Case("a list", "broken:\n- lamp\n- box", "broken:\n- lamp\n- box"),
)


@pytest.mark.parametrize("case", SIGNATURES, ids=lambda case: case.name)
def test_who_wrote_is_not_read(case: Case) -> None:
    assert_reads(case)
