from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.clock import ManualClock
from knowledge_base.errors import CannotLoad, SourceInvalid, SourceUnavailable
from knowledge_base.sources import FileLimits, FolderSource, Loaded, Unchanged
from knowledge_base.sources.converter import Converter
from knowledge_base.sources.files import Contents, File, FileReader
from tests.knowledge_base.sources.conftest import docx, harvest, pdf

pytestmark = pytest.mark.anyio


async def test_a_folder_is_read_with_everything_in_it(folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "bills.md").write_text("# Bills\n\nMonthly.")
    (folder / "notes.txt").write_text("Plain words.")
    (folder / "faq.csv").write_text("question,answer\nQ,A\n")
    (folder / "kb.JSONL").write_text('{"title": "T", "text": "X"}\n')
    (folder / "page.html").write_text("<title>P</title><main>" + "Words on a page. " * 5 + "</main>")
    (folder / "word.docx").write_bytes(docx("W", "Words."))
    (folder / "paper.pdf").write_bytes(pdf("Paper."))
    (folder / "a#b.md").write_text("Odd name.")
    (folder / ".hidden.md").write_text("x")
    (folder / "~$word.docx").write_text("x")
    (folder / "tool.exe").write_text("x")
    found = await harvest(FolderSource(folder))
    assert found.failed == {}
    assert found.texts == {
        "deep/er/bills.md": "Monthly.",
        "notes.txt": "Plain words.",
        "faq.csv#1": "A",
        "kb.JSONL#1": "X",
        "page.html": ("Words on a page. " * 5).strip(),
        "word.docx": "Words.",
        "paper.pdf": "Paper.",
        "a%23b.md": "Odd name.",
    }
    assert found.skipped == {
        ".hidden.md": "hidden",
        "~$word.docx": "hidden",
        "tool.exe": "not a kind of file that can be read",
    }


async def test_bad_files_say_why_and_the_others_are_read(folder: Path) -> None:
    (folder / "good.md").write_text("Good.")
    (folder / "corrupt.pdf").write_bytes(b"%PDF-1.7 \x00\x01 nothing")
    (folder / "locked.pdf").write_bytes(pdf("x", encrypted=True))
    (folder / "blank.pdf").write_bytes(pdf(""))
    (folder / "bomb.docx").write_bytes(docx("x", extra={"word/media/a": b"\0" * 30_000_000}))
    (folder / "empty.html").write_text("<html></html>")
    (folder / "binary.txt").write_bytes(b"\0" * 300)
    found = await harvest(FolderSource(folder))
    assert list(found.loaded) == ["good.md"]
    assert {key: reason.split(":")[0].split(" (")[0] for key, reason in found.failed.items()} == {
        "binary.txt": "It is not a text file.",
        "blank.pdf": "There is no text in it",
        "bomb.docx": "It unpacks to 30,001,085 bytes, far more than its 30,098",
        "corrupt.pdf": "It is damaged or not what its name says",
        "empty.html": "There is no text in it",
        "locked.pdf": "It is protected by a password.",
    } | {"bomb.docx": found.failed["bomb.docx"].split(":")[0]}
    assert "zip bomb" in found.failed["bomb.docx"]


async def test_links_are_followed_only_within_the_folder(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("Secret.")
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "real.md").write_text("Real.")
    (folder / "inside.md").symlink_to(folder / "real.md")
    (folder / "sub").mkdir()
    (folder / "to-sub").symlink_to(folder / "sub")
    (folder / "to-secret.md").symlink_to(secret)
    (folder / "to-outside").symlink_to(outside)
    (folder / "broken.md").symlink_to(folder / "nothing")
    (folder / "loop.md").symlink_to(folder / "loop.md")
    (folder / "to-tool.md").symlink_to("/dev/null")
    found = await harvest(FolderSource(folder))
    assert found.texts == {"real.md": "Real.", "inside.md": "Real."}
    assert found.skipped == {"to-sub": "link to a folder"}
    assert found.failed == {
        "to-secret.md": "The link leads out of the folder.",
        "to-outside": "The link leads out of the folder.",
        "to-tool.md": "The link leads out of the folder.",
        "broken.md": "The link leads nowhere.",
        "loop.md": "The link leads nowhere.",
    }


async def test_a_link_put_in_place_after_listing_is_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("Secret.")
    (folder / "a.md").symlink_to(secret)
    async with Converter(FileLimits()) as converter:
        with pytest.raises(CannotLoad, match="cannot be opened"):
            FileReader(converter, FileLimits()).read(File("a.md", folder / "a.md"))


async def test_pipes_are_neither_listed_nor_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.md")
    found = await harvest(FolderSource(folder))
    assert found.skipped == {"pipe.md": "not a kind of file that can be read"}
    async with Converter(FileLimits()) as converter:
        with pytest.raises(CannotLoad, match="not a regular file"):
            FileReader(converter, FileLimits()).read(File("pipe.md", folder / "pipe.md"))


async def test_large_files_are_refused(folder: Path) -> None:
    (folder / "long.md").write_text("x" * 3 * 2**20)
    (folder / "words.md").write_text("word " * 1000)
    (folder / "big.pdf").write_bytes(b"x" * 3 * 2**20)
    limits = FileLimits(text_bytes=2**20, file_bytes=2 * 2**20, document_characters=1000)
    found = await harvest(FolderSource(folder, limits=limits))
    assert found.failed == {
        "long.md": "It is larger than 1 MiB.",
        "big.pdf": "It is larger than 2 MiB.",
        "words.md": "It holds more than 1,000 characters.",
    }


async def test_too_many_files_end_the_listing_but_remove_nothing(folder: Path) -> None:
    for number in range(5):
        (folder / f"{number}.md").write_text("x")
    found = await harvest(FolderSource(folder, limits=FileLimits(files=3)))
    assert len(found.loaded) == 3
    assert found.listed[-1].key == ""
    assert "more than 3 files" in found.failed[""]


async def test_what_did_not_change_is_not_read_again(folder: Path, clock: ManualClock) -> None:
    file = folder / "a.md"
    file.write_text("One.")
    hour_ago = clock.now() - timedelta(hours=1)
    os.utime(file, (hour_ago.timestamp(), hour_ago.timestamp()))
    source = FolderSource(folder, clock=clock)
    first = await harvest(source)
    second = await harvest(source, first.states)
    assert isinstance(second.loaded["a.md"], Unchanged)
    file.write_text("Two, and longer.")
    third = await harvest(source, first.states)
    assert isinstance(third.loaded["a.md"], Loaded)


async def test_a_file_written_just_now_is_read_again_next_time(folder: Path, clock: ManualClock) -> None:
    (folder / "a.md").write_text("One.")
    os.utime(folder / "a.md", (clock.now().timestamp(), clock.now().timestamp()))
    assert (await harvest(FolderSource(folder, clock=clock))).states == {}


async def test_a_file_that_went_meanwhile_is_reported(folder: Path) -> None:
    file = folder / "a.md"
    file.write_text("One.")
    source = FolderSource(folder)
    async for item in source.entries({"a.md": {"size": 1}}):
        file.unlink()
        with pytest.raises(CannotLoad, match="cannot be opened: No such file"):
            await item.load()  # type: ignore[union-attr]  # it is an entry


async def test_a_file_has_the_date_of_its_front_matter_or_else_its_own(folder: Path) -> None:
    (folder / "dated.md").write_text("---\nupdated: 2020-02-03\n---\nText.")
    (folder / "plain.md").write_text("Text.")
    (folder / "packed.md").write_text("Text.")
    day = datetime(2024, 5, 6, tzinfo=UTC)
    os.utime(folder / "plain.md", (day.timestamp(), day.timestamp()))
    os.utime(folder / "packed.md", (0, 0))
    loaded = (await harvest(FolderSource(folder))).loaded
    dates = {key: one.documents[0].updated_at for key, one in loaded.items() if isinstance(one, Loaded)}
    assert dates == {"dated.md": datetime(2020, 2, 3, tzinfo=UTC), "plain.md": day, "packed.md": None}


async def test_one_file_is_a_source_too(folder: Path) -> None:
    (folder / "a.md").write_text("One.")
    source = FolderSource(folder / "a.md")
    assert source.location == str(folder / "a.md")
    assert (await harvest(source)).texts == {"a.md": "One."}


@pytest.mark.parametrize("name", ["nothing", "tool.exe"])
async def test_what_is_no_source_is_refused(folder: Path, name: str) -> None:
    (folder / "tool.exe").write_text("x")
    with pytest.raises(SourceInvalid):
        await harvest(FolderSource(folder / name))


async def test_names_that_no_document_can_have_are_reported(folder: Path) -> None:
    (folder / "line\nbreak.md").write_text("Fine: a line break is text.")
    (folder / os.fsdecode(b"bro\xffken.md")).write_text("x")
    (folder / "bell\a.md").write_text("x")
    found = await harvest(FolderSource(folder))
    assert set(found.failed.values()) == {"Its name is not valid UTF-8, or holds control characters."}
    assert len(found.failed) == 2


class Refusing:
    """A scandir that may not look into some folders."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.scandir = os.scandir

    def __call__(self, path: Path) -> object:
        if Path(path).name in self.names:
            raise PermissionError(13, "Permission denied")
        return self.scandir(path)


async def test_a_folder_that_cannot_be_opened_hides_what_it_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "closed").mkdir()
    (folder / "a.md").write_text("Open.")
    monkeypatch.setattr("knowledge_base.sources.folder.os.scandir", Refusing("closed"))
    found = await harvest(FolderSource(folder))
    assert found.failed == {"closed/": "The folder cannot be read: Permission denied."}
    assert found.texts == {"a.md": "Open."}
    monkeypatch.setattr("knowledge_base.sources.folder.os.scandir", Refusing(folder.name))
    with pytest.raises(SourceUnavailable, match="Permission denied"):
        await harvest(FolderSource(folder))


async def test_a_place_that_cannot_be_looked_at_is_unavailable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FolderSource(folder)

    def stat(_self: Path, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(SourceUnavailable):
        source._list()


def test_contents_know_when_they_were_written(folder: Path) -> None:
    (folder / "a").write_text("")
    os.utime(folder / "a", (86_400, 86_400))
    assert Contents(b"", (folder / "a").stat()).modified == datetime(1970, 1, 2, tzinfo=UTC)
