from __future__ import annotations

import pytest

from tests.triage.reading.mails import BLOB, BLOB_LINES, Case, assert_reads
from triage.reading import Cut

BLOBS = (
    Case("blob", f"see this\n{BLOB_LINES}\nthanks", "see this\nthanks", frozenset({Cut.BASE64})),
    Case("long blob", f"see {BLOB} thanks", "see\nthanks", frozenset({Cut.BASE64})),
    Case("data", "see data:image/png;base64,iVBORw0KGgo= here", "see\nhere", frozenset({Cut.BASE64})),
    Case("scream", "a" * 300, "a" * 300),
)


@pytest.mark.parametrize("case", BLOBS, ids=lambda case: case.name)
def test_what_a_program_encoded_is_not_read(case: Case) -> None:
    assert_reads(case)
