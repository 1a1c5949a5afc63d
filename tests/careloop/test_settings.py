from pathlib import Path

import pytest
from pydantic import ValidationError

from careloop.env_example import FILE, render
from careloop.settings import Mode, Settings


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
