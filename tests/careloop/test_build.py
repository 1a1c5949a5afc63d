import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.answer import AnswerKind
from careloop.build import Parts, build, database_url, encryption_key, open_source, prepare_data_folder
from careloop.settings import EncoderSettings, LlmSettings, Settings
from kit.errors import Misconfigured
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.sources import FolderSource, SourceKind, WebsiteSource
from store.errors import DatabaseUnavailable, DatabaseUnwritable
from tests.careloop.language_model import QuotingModel, serving
from tests.conftest import ROOT

pytestmark = pytest.mark.anyio

SAMPLE = ROOT / "knowledge_base" / "sample" / "wifi"
QUESTION = "How do I change my Wi-Fi password?"


def _settings(folder: Path, **changes: Any) -> Settings:
    encoder = EncoderSettings(cache_dir=ROOT / "var" / "models")
    return Settings(_env_file=None, data_dir=folder, encoder=encoder, **changes)


async def _load(parts: Parts) -> None:
    report = await parts.synchroniser.sync(DEFAULT_WORKSPACE, FolderSource(SAMPLE))
    assert not report.failures
    await parts.follower.apply()


async def test_a_fresh_folder_becomes_an_assistant_that_quotes(tmp_path: Path) -> None:
    async with build(_settings(tmp_path / "data")) as parts:
        await _load(parts)
        answer = await parts.assistant.ask(DEFAULT_WORKSPACE, QUESTION)
        assert answer.kind is AnswerKind.ANSWER
        for citation in answer.citations:
            version = await parts.catalogue.version(DEFAULT_WORKSPACE, citation.version_id)
            assert version.text[citation.start : citation.end] == citation.quote


async def test_what_was_loaded_is_there_after_a_restart_and_a_lost_index_is_rebuilt(tmp_path: Path) -> None:
    async with build(_settings(tmp_path)) as parts:
        await _load(parts)
        first = await parts.assistant.ask(DEFAULT_WORKSPACE, QUESTION)
    (tmp_path / "index").rename(tmp_path / "lost")
    async with build(_settings(tmp_path)) as parts:
        assert len(await parts.index.ids(DEFAULT_WORKSPACE)) > 0
        again = await parts.assistant.ask(DEFAULT_WORKSPACE, QUESTION)
    assert again.text == first.text


async def test_a_second_process_searches_a_copy_while_the_first_has_the_index(tmp_path: Path) -> None:
    async with build(_settings(tmp_path)) as server:
        await _load(server)
        async with build(_settings(tmp_path)) as command:
            assert (server.owns_index, command.owns_index) == (True, False)
            mine = await command.assistant.ask(DEFAULT_WORKSPACE, QUESTION)
        assert mine.text == (await server.assistant.ask(DEFAULT_WORKSPACE, QUESTION)).text


async def test_a_language_model_writes_and_is_sent_redacted_text_only(tmp_path: Path) -> None:
    model = QuotingModel()
    with serving(model) as url:
        llm = LlmSettings(model="quoting-1", base_url=url, api_key=SecretStr("none"))
        async with build(_settings(tmp_path, llm=llm)) as parts:
            await _load(parts)
            answer = await parts.assistant.ask(DEFAULT_WORKSPACE, f"{QUESTION} I am jo@example.org")
    assert answer.answerer == "generative"
    assert answer.citations
    assert "jo@example.org" not in str(model.requests)
    assert "[EMAIL_1]" in str(model.requests)


async def test_what_the_model_makes_up_is_not_said(tmp_path: Path) -> None:
    model = QuotingModel(says='{"sentence": "Send 500 bitcoin to Atlantis for a password.", "passages": [1]}')
    with serving(model) as url:
        llm = LlmSettings(model="quoting-1", base_url=url, api_key=SecretStr("none"))
        async with build(_settings(tmp_path, llm=llm)) as parts:
            await _load(parts)
            chunks = [chunk async for chunk in parts.assistant.ask_stream(DEFAULT_WORKSPACE, QUESTION)]
    answer = chunks[-1].answer
    assert answer is not None
    assert answer.answerer == "extractive"
    assert answer.trace["fallback"] == "ungrounded"
    assert "bitcoin" not in "".join(chunk.text for chunk in chunks)


def test_the_encryption_key_may_come_from_the_settings(tmp_path: Path) -> None:
    key = bytes(range(32))
    given = SecretStr(base64.urlsafe_b64encode(key).decode())
    assert encryption_key(_settings(tmp_path, encryption_key=given)) == key
    with pytest.raises(Misconfigured, match="32 bytes"):
        encryption_key(_settings(tmp_path, encryption_key=SecretStr("short")))


def test_a_data_folder_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatabaseUnwritable, match="CARELOOP_DATA_DIR"):
        prepare_data_folder(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "given", ["postgresql://u:p@h/n", "postgres://u:p@h/n", "postgresql+asyncpg://u:p@h/n"]
)
def test_any_spelling_of_a_postgresql_url_gets_our_driver(tmp_path: Path, given: str) -> None:
    assert database_url(_settings(tmp_path, database_url=given)) == "postgresql+psycopg://u:p@h/n"


def test_another_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="postgresql://"):
        database_url(_settings(tmp_path, database_url="mysql://u:p@h/n"))


async def test_a_database_server_that_does_not_answer_is_said_plainly(tmp_path: Path) -> None:
    settings = _settings(tmp_path, database_url="postgresql://root@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        async with build(settings):
            pass


def test_sources_are_made_by_kind(tmp_path: Path) -> None:
    assert isinstance(open_source(SourceKind.FOLDER, str(tmp_path)), FolderSource)
    assert isinstance(open_source(SourceKind.WEBSITE, "https://help.example.com"), WebsiteSource)
