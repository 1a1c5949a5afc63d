from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from careloop.env_example import FILE, render
from careloop.settings import Mode, Settings, TriageSettings


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No ``.env`` but the test's own."""
    monkeypatch.chdir(tmp_path)


def test_the_example_lists_every_setting_with_its_default() -> None:
    assert FILE.read_text() == render()


def test_every_setting_says_what_it_means() -> None:
    undescribed = [
        name
        for model in (Settings, *(field.annotation for field in Settings.model_fields.values()))
        if isinstance(model, type) and hasattr(model, "model_fields")
        for name, field in model.model_fields.items()
        if not field.description and not hasattr(field.annotation, "model_fields")
    ]
    assert undescribed == []


def test_the_example_as_it_is_changes_nothing(tmp_path: Path) -> None:
    active = [
        line.removeprefix("# ") for line in FILE.read_text().splitlines() if line.startswith("# CARELOOP_")
    ]
    assert len(active) > 20
    (tmp_path / ".env").write_text("\n".join(active))
    assert Settings() == Settings(_env_file=None)


def test_the_environment_reaches_nested_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARELOOP_MODE", "production")
    monkeypatch.setenv("CARELOOP_SERVER__PORT", "9000")
    monkeypatch.setenv("CARELOOP_SERVER__ALLOWED_HOSTS", "care.example, chat.example")
    monkeypatch.setenv("CARELOOP_KNOWLEDGE_ROOTS", "help,faq")
    settings = Settings()
    assert settings.mode is Mode.PRODUCTION
    assert settings.server.port == 9000
    assert settings.server.allowed_hosts == ("care.example", "chat.example")
    assert settings.knowledge_roots == (Path("help"), Path("faq"))


def test_a_misspelt_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CARELOOP_SERVR__PORT=9000\n")
    with pytest.raises(ValidationError, match="servr"):
        Settings()


def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARELOOP_BOT__MAX_WRONG_ANSWER_RATE", "1.5")
    with pytest.raises(ValidationError, match="less than 1"):
        Settings()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("02:00", time(2, tzinfo=ZoneInfo("UTC"))),
        ("23:30 Europe/Berlin", time(23, 30, tzinfo=ZoneInfo("Europe/Berlin"))),
        ("off", None),
        (" OFF ", None),
    ],
)
def test_learning_has_a_time_of_day_or_is_off(value: str, expected: time | None) -> None:
    assert TriageSettings(learn_at=value).learning_time == expected


@pytest.mark.parametrize(
    "value", ["", "nightly", "2", "25:00", "02:00 Berlin", "02:00+01:00", "02:00 ../../etc/passwd"]
)
def test_what_is_no_time_of_day_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="neither a time of day"):
        TriageSettings(learn_at=value)


def test_a_band_needs_a_low_and_a_high_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARELOOP_TRIAGE__SECOND_OPINION__LOW", "0.8")
    with pytest.raises(ValidationError, match="LOW must be below HIGH"):
        Settings()
