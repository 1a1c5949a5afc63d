from __future__ import annotations

import pytest

from tests.triage.reading.mails import Case, assert_reads, signed

DISCLAIMERS = (
    signed(
        "disclaimer",
        "Broken.\n\nThis e-mail and any attachment is confidential and intended solely for the\naddressee. "
        "If you are not the intended recipient, delete it.\n",
        "Broken.",
    ),
    Case(
        "no disclaimer",
        "This e-mail was confidential, who read it?",
        "This e-mail was confidential, who read it?",
    ),
)


@pytest.mark.parametrize("case", DISCLAIMERS, ids=lambda case: case.name)
def test_what_a_lawyer_wrote_is_not_read(case: Case) -> None:
    assert_reads(case)
