from __future__ import annotations

import pytest

from tests.triage.reading.mails import Case, assert_reads, quoted
from triage.reading import read_message

QUOTES = (
    quoted(
        "english", "No.\n\nOn Mon, 5 Jan 2026 at 10:00, Ann <ann@example.org> wrote:\n> old\n> older\n", "No."
    ),
    quoted("wrapped", "No.\n\nOn Mon, 5 Jan 2026 at 10:00, Ann Lee\n<ann@example.org>\nwrote:\n> old", "No."),
    quoted("nothing marked", "No.\n\nOn 5 Jan 2026 Ann wrote:\n\nold\n\nolder", "No."),
    quoted(
        "german",
        "Nein.\n\nAm Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Ann <ann@example.org>:\n\n> alt",
        "Nein.",
    ),
    quoted("name first", "Nein.\n\nAnn Lee <ann@example.org> schrieb am 5.1.2026 um 10:00:\nalt", "Nein."),
    quoted(
        "french", "Non.\n\nLe lun. 5 janv. 2026 à 10:00, Ann <ann@example.org> a écrit :\n> vieux", "Non."
    ),
    quoted(
        "spanish", "No.\n\nEl lun, 5 ene 2026 a las 10:00, Ann (<ann@example.org>) escribió:\n> viejo", "No."
    ),
    quoted("italian", "No.\n\nIl giorno lun 5 gen 2026 alle ore 10:00 Ann ha scritto:\n> vecchio", "No."),
    quoted("dutch", "Nee.\n\nOp ma 5 jan 2026 om 10:00 schreef Ann <ann@example.org>:\n> oud", "Nee."),
    quoted("separator", "No.\n\n-----Original Message-----\nFrom: Ann\nSubject: x\n\nold", "No."),
    quoted(
        "german outlook",
        "Nein.\n\nVon: Laden\nGesendet: Montag, 5. Januar\nAn: Max\nBetreff: x\n\nalt",
        "Nein.",
    ),
    quoted(
        "rule",
        f"No.\n{'_' * 32}\nFrom: Ann <ann@example.org>\nSent: Monday\nTo: us\nSubject: x\n\nold",
        "No.",
    ),
    quoted("bold", "No.\n\n*From:* Ann\n*Sent:* Monday\n*To:* us\n*Subject:* x\n\nold", "No."),
    quoted("french outlook", "Non.\n\nDe : Ann\nEnvoyé : lundi\nÀ : nous\nObjet : x\n\nvieux", "Non."),
    quoted("spanish outlook", "No.\n\nDe: Ann\nEnviado el: lunes\nPara: todos\nAsunto: x\n\nviejo", "No."),
    quoted(
        "answers below",
        "On 5 Jan 2026 Ann wrote:\n> Which?\nThe blue one.\n> When?\nToday.",
        "The blue one.\nToday.",
    ),
    quoted("in one line", "No! On Mon, 5 Jan 2026 Ann <ann@example.org> wrote: old things", "No!"),
    quoted("reply above", "No.\n\n##- Please type your reply above this line -##\n\nold", "No."),
    Case("no quote: a story", "On 3 March I wrote:\nit is broken", "On 3 March I wrote:\nit is broken"),
    Case(
        "no quote: eine Geschichte",
        "Am 3.11. schrieb ich Ihnen:\nkaputt",
        "Am 3.11. schrieb ich Ihnen:\nkaputt",
    ),
    Case(
        "no quote: a journey", "From: Berlin\nTo: Paris\nDate: 3 May", "From: Berlin\nTo: Paris\nDate: 3 May"
    ),
)


@pytest.mark.parametrize("case", QUOTES, ids=lambda case: case.name)
def test_only_what_is_above_a_thread_or_within_it_is_read(case: Case) -> None:
    assert_reads(case)


FORWARDED = "---------- Forwarded message ---------\nFrom: A <a@a.example>\nSubject: x\n\nThe box is dead."


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("> The box\n> is dead.", "The box\nis dead."),
        (FORWARDED, "The box is dead."),
        (f"FYI\n\n{FORWARDED}", "FYI\nThe box is dead."),
        (f"{FORWARDED}\n\nOn 5 Jan 2026 B wrote:\n> deep", "The box is dead."),
        ("On 5 Jan 2026 A wrote:\n\n> > The box is dead.", "The box is dead."),
        ("Am 5.1.2026 schrieb A:\n\nKaputt.\n\n-- \nMax", "Kaputt."),
    ],
)
def test_a_mail_that_is_only_a_quote_is_about_it(text: str, reads: str) -> None:
    assert read_message(text).text == reads
