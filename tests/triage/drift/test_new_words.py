from __future__ import annotations

from tests.triage.drift.snapshots import SAID, snapshot
from triage.drift import measure_drift


def test_new_words_are_told_and_no_personal_data() -> None:
    before = [f"{SAID[at % 6]} parcel" for at in range(400)]
    after = [f"{SAID[at % 6]} parcel {'outage' if at % 8 == 0 else ''}" for at in range(400)]
    after = [f"{text}, I am Rosalind Okonkwo" if at % 4 == 0 else text for at, text in enumerate(after)]
    after = [f"{text} rosalind" if at % 4 == 1 else text for at, text in enumerate(after)]
    report = measure_drift(snapshot(1, texts=before), snapshot(2, texts=after))
    assert [new.word for new in report.new_words] == ["outage"]
    assert (report.new_words[0].before, report.new_words[0].after) == (0, 0.125)
    assert report.text().endswith("New words: outage (12.5%, was 0.0%).")
