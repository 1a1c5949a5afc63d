"""A folder of files, or a single file, as a source."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

from kit.clock import Clock, SystemClock
from knowledge_base.errors import SourceInvalid, SourceUnavailable
from knowledge_base.sources.canonical import printable
from knowledge_base.sources.converter import Converter
from knowledge_base.sources.files import File, FileReader, is_supported
from knowledge_base.sources.limits import FileLimits
from knowledge_base.sources.source import (
    ROW_SEPARATOR,
    Entry,
    EntryState,
    Failure,
    Listed,
    Loaded,
    Skipped,
    SourceKind,
    Unchanged,
)

# Bumped when files are read differently, so that files which did not change are read again.
_READER_VERSION = 1
# A file written to while, or just after, it was read can keep its time and size and still differ ("racy
# git", Documentation/technical/racy-git.txt); some file systems count in steps of two seconds.
_SETTLED_AFTER = timedelta(seconds=3)
_LOCK_FILES = ("~$", ".~")


class FolderSource:
    """Every supported file in a folder and the folders in it, or one file.

    Hidden files, other kinds of files and links to folders are skipped; a link that leads out of the
    folder is refused. A file's key is its path within the folder, with ``#`` written ``%23``.
    """

    kind = SourceKind.FOLDER

    def __init__(self, path: Path, *, limits: FileLimits | None = None, clock: Clock | None = None) -> None:
        self._root = path.expanduser().resolve()
        self._limits = limits or FileLimits()
        self._clock = clock or SystemClock()

    @property
    def location(self) -> str:
        """The absolute path, free of links."""
        return str(self._root)

    async def entries(self, known: Mapping[str, EntryState]) -> AsyncGenerator[Listed, None]:
        """Its files in order of their path; ``known`` has the size and time of each when it was last read."""
        listing = await asyncio.to_thread(self._list)
        async with Converter(self._limits) as converter:
            reader = FileReader(converter, self._limits)
            for item in listing:
                if isinstance(item, File):
                    yield Entry(item.key, partial(self._load, reader, item, known.get(item.key)))
                else:
                    yield item

    async def _load(self, reader: FileReader, file: File, known: EntryState | None) -> Loaded | Unchanged:
        if known is not None and await asyncio.to_thread(self._stamp, file.path) == known:
            return Unchanged(known)
        contents = await asyncio.to_thread(reader.read, file)
        loaded = await reader.load(file, contents)
        settled = self._clock.now() - contents.modified >= _SETTLED_AFTER
        state = _stamp_of(contents.status) if settled else None
        return Loaded(loaded.documents, state, loaded.failures)

    def _stamp(self, path: Path) -> EntryState | None:
        try:
            return _stamp_of(path.stat())
        except OSError:
            return None  # reading it will say what is wrong

    def _list(self) -> list[File | Skipped | Failure]:
        try:
            mode = self._root.stat().st_mode
        except FileNotFoundError:
            raise SourceInvalid(f"There is no file or folder {self._root}.") from None
        except OSError as error:
            raise SourceUnavailable(f"{self._root} cannot be read: {error.strerror}.") from None
        if stat.S_ISDIR(mode):
            return self._list_folder()
        if not stat.S_ISREG(mode) or not is_supported(self._root):
            raise SourceInvalid(f"{self._root} is not a kind of file that can be read.")
        return [File(_key(self._root.name), self._root)]

    def _list_folder(self) -> list[File | Skipped | Failure]:
        listing: list[File | Skipped | Failure] = []
        files = 0
        for item in self._walk(self._root):
            files += isinstance(item, File)
            if files > self._limits.files:
                listing.append(
                    Failure(
                        "",
                        f"It holds more than {self._limits.files:,} files; the rest was left.",
                        subtree=True,
                    )
                )
                break
            listing.append(item)
        return listing

    def _walk(self, folder: Path) -> Iterator[File | Skipped | Failure]:
        try:
            with os.scandir(folder) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            if folder == self._root:
                raise SourceUnavailable(f"{folder} cannot be read: {error.strerror}.") from None
            yield Failure(
                f"{self._key(folder)}/", f"The folder cannot be read: {error.strerror}.", subtree=True
            )
            return
        for child in children:
            path = Path(child.path)
            if child.name.startswith(".") or child.name.startswith(_LOCK_FILES):
                yield Skipped(self._key(path), "hidden")
            elif child.is_symlink():
                yield self._link(path)
            elif child.is_dir(follow_symlinks=False):
                yield from self._walk(path)
            else:
                yield self._file(path, path, regular=child.is_file(follow_symlinks=False))

    def _link(self, path: Path) -> File | Skipped | Failure:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return Failure(self._key(path), "The link leads nowhere.")
        if not target.is_relative_to(self._root):
            return Failure(self._key(path), "The link leads out of the folder.")
        if target.is_dir():
            return Skipped(self._key(path), "link to a folder")
        return self._file(path, target, regular=target.is_file())

    def _file(self, path: Path, target: Path, *, regular: bool) -> File | Skipped | Failure:
        key = self._key(path)
        if not regular or not is_supported(path):
            return Skipped(key, "not a kind of file that can be read")
        if key != _key(path.relative_to(self._root).as_posix(), mend=False):
            return Failure(key, "Its name is not valid UTF-8, or holds control characters.")
        return File(key, target)

    def _key(self, path: Path) -> str:
        return _key(path.relative_to(self._root).as_posix())


def _key(path: str, *, mend: bool = True) -> str:
    escaped = path.replace(ROW_SEPARATOR, "%23")
    return printable(escaped) if mend else escaped


def _stamp_of(status: os.stat_result) -> EntryState:
    return {"modified": status.st_mtime_ns, "size": status.st_size, "reader": _READER_VERSION}
