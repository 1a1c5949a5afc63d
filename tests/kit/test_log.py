import io
import json

from kit.log import configure_logging, get_logger


def _logged(**values: object) -> dict[str, object]:
    stream = io.StringIO()
    configure_logging(stream=stream)
    get_logger("test").info("happened", **values)
    line: dict[str, object] = json.loads(stream.getvalue())
    return line


def test_an_event_is_one_json_object_with_level_and_time() -> None:
    line = _logged(conversation="conv_1")
    assert (line["event"], line["level"], line["component"], line["conversation"]) == (
        "happened",
        "info",
        "test",
        "conv_1",
    )
    assert str(line["timestamp"]).endswith("Z")


def test_message_text_is_replaced_by_its_length() -> None:
    assert _logged(text="my card is 4111")["text"] == "<15 characters>"


def test_a_long_value_under_any_name_is_replaced() -> None:
    assert _logged(detail="x" * 301)["detail"] == "<301 characters>"


def test_events_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logging(level="warning", stream=stream)
    get_logger("test").info("quiet")
    assert stream.getvalue() == ""


def test_lines_for_people_are_not_json() -> None:
    stream = io.StringIO()
    configure_logging(json=False, stream=stream)
    get_logger("test").info("happened", port=8000)
    assert "happened" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
