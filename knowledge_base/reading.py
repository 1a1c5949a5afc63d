"""The first stage of a sync: list, load, compare with what is stored, split what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from kit.errors import CareloopError
from kit.log import get_logger
from knowledge_base.batch import Batch, Revision, Split, revise
from knowledge_base.document import Document
from knowledge_base.errors import CannotLoad
from knowledge_base.inventory import Inventory, KnownDocument
from knowledge_base.report import Tally
from knowledge_base.sources.source import Entry, EntryState, Failure, Loaded, Skipped, Source, Unchanged

_DOCUMENTS_AT_ONCE = 32  # hashed and split in one visit to a thread

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Unaltered:
    """A document that is stored as it is."""

    document: Document
    known: KnownDocument


class Reader:
    """Turns what a source lists into batches of revisions, handed to ``deliver`` as they fill up."""

    def __init__(
        self,
        inventory: Inventory,
        tally: Tally,
        *,
        split: Split,
        deliver: Callable[[Batch], Awaitable[None]],
        progress: Callable[[str], None],
    ) -> None:
        self._inventory = inventory
        self._tally = tally
        self._split = split
        self._deliver = deliver
        self._progress = progress
        self._batch = Batch()
        self.entries: set[str] = set()

    async def read(self, source: Source, known: Mapping[str, EntryState]) -> None:
        """Read the whole source; ``entries`` then holds the key of each entry it has or may have."""
        async with aclosing(source.entries(known)) as listed:
            async for item in listed:
                match item:
                    case Skipped():
                        self._tally.skipped[item.reason] += 1
                    case Failure():
                        self._fail(item)
                        self._keep_states(item, known)
                    case Entry():
                        await self._take(item)
                self._progress(item.key)
        if self._batch.revisions or self._batch.touched or self._batch.finished:
            await self._hand_over()

    async def _take(self, entry: Entry) -> None:
        self.entries.add(entry.key)
        match await _outcome(entry):
            case Failure() as failure:
                self._fail(failure)
            case Unchanged(state):
                count = self._inventory.see_entry(entry.key)
                self._tally.unchanged += count
                self._tally.read += count
                self._batch.finished[entry.key] = state
            case Loaded() as loaded:
                failures = len(self._tally.failures)
                for failure in loaded.failures:
                    self._fail(failure)
                for start in range(0, len(loaded.documents), _DOCUMENTS_AT_ONCE):
                    await self._compare(loaded.documents[start : start + _DOCUMENTS_AT_ONCE])
                    self._progress(entry.key)
                # Without its state an entry is read again next time, and what failed is reported again.
                if loaded.state is not None and len(self._tally.failures) == failures:
                    self._batch.finished[entry.key] = loaded.state
        if self._batch.full:
            await self._hand_over()

    async def _compare(self, documents: Sequence[Document]) -> None:
        distinct = [document for document in documents if self._is_first(document)]
        self._tally.read += len(distinct)
        for result in await asyncio.to_thread(self._compare_all, distinct):
            match result:
                case Failure():
                    self._fail(result)
                case Revision():
                    self._batch.add(result)
                case _Unaltered(document, known):
                    self._tally.unchanged += 1
                    if document.updated_at is not None and document.updated_at != known.updated_at:
                        self._batch.touched.append((known, document))
        if self._batch.full:
            await self._hand_over()

    def _is_first(self, document: Document) -> bool:
        if self._inventory.see(document.key):
            return True
        self._tally.failures.append(
            Failure(document.key, "Another document of this source has the same key.")
        )
        return False

    def _compare_all(self, documents: Sequence[Document]) -> list[Revision | _Unaltered | Failure]:
        return [self._compare_one(document) for document in documents]

    def _compare_one(self, document: Document) -> Revision | _Unaltered | Failure:
        try:
            content_hash = document.content_hash
            known = self._inventory.find(document.key)
            if known and known.current and known.content_hash == content_hash:
                return _Unaltered(document, known)
            return revise(document, content_hash, known, split=self._split)
        except CannotLoad as error:
            return Failure(document.key, error.detail)
        except Exception as error:  # noqa: BLE001 (the boundary around one document: it must not end the run)
            return _unexpected(document.key, error)

    def _fail(self, failure: Failure) -> None:
        self._tally.failures.append(failure)
        self._inventory.cannot_tell(failure)

    def _keep_states(self, failure: Failure, known: Mapping[str, EntryState]) -> None:
        self.entries.add(failure.key)
        if failure.subtree:
            self.entries.update(key for key in known if key.startswith(failure.key))

    async def _hand_over(self) -> None:
        batch, self._batch = self._batch, Batch()
        await self._deliver(batch)


async def _outcome(entry: Entry) -> Loaded | Unchanged | Failure:
    try:
        return await entry.load()
    except CannotLoad as error:
        return Failure(entry.key, error.detail)
    except CareloopError:
        raise
    except Exception as error:  # noqa: BLE001 (the boundary around one file: its parser must not end the run)
        return _unexpected(entry.key, error)


def _unexpected(key: str, error: Exception) -> Failure:
    _log.warning("document_failed", key=key, error=type(error).__name__)
    return Failure(key, f"It could not be read: an unexpected {type(error).__name__}.")
