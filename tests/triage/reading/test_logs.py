from __future__ import annotations

from triage.reading import Cut, read_message


def test_a_log_keeps_how_it_begins_and_what_went_wrong() -> None:
    lines = [
        f"2026-01-05 10:{number // 60:02}:{number % 60:02} INFO request {number} handled"
        for number in range(2_000)
    ]
    lines[1_500] = "2026-01-05 10:25:00 ERROR disk full on box-7"
    reading = read_message("It stops every night:\n" + "\n".join(lines) + "\nWhat shall I do?")
    assert reading.text.splitlines() == [
        "It stops every night:",
        *lines[:3],
        lines[1_500],
        "What shall I do?",
    ]
    assert reading.dropped == {Cut.LOG}


def test_a_stack_trace_keeps_its_error() -> None:
    trace = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'
        '  File "b.py", line 2, in g\n'
        '    h()\n  File "c.py", line 3, in h\n    raise it\nValueError: no such box'
    )
    reading = read_message(f"It crashes\n{trace}")
    assert reading.text.splitlines()[-1] == "ValueError: no such box"
    assert "h()" not in reading.text
    assert Cut.LOG in reading.dropped


def test_a_few_times_of_day_are_no_log() -> None:
    text = "10:00:00 I called\n10:30:00 you hung up\n11:00:00 I called again"
    assert read_message(text).text == text
