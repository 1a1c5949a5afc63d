"""Nearest passages by vector: Chroma, embedded or by URL, and an exact index in memory.

Only vectors, ids and filterable metadata live here; texts stay in the database, which decides what
exists. The only file that imports chromadb.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError
from numpy.typing import NDArray

from kit.ids import PassageId, WorkspaceId
from kit.log import get_logger
from retrieval.errors import IndexEncoderChanged, IndexUnavailable

T = TypeVar("T")

_log = get_logger("retrieval.index")

Matrix = NDArray[np.float32]
Filter = Mapping[str, str | Sequence[str]]

# Above the number of neighbours ever asked for (100), so that HNSW's recall stays near 1 at that depth.
_EF_SEARCH = 200


class VectorHit(NamedTuple):
    """One neighbour of a query vector; ``similarity`` is the cosine, in [-1, 1]."""

    id: PassageId
    similarity: float


class VectorIndex(Protocol):
    """Vectors of the passages of every workspace, bound to the encoder that made them.

    Every method raises ``IndexUnavailable`` when the index does not answer; all but ``ids``, ``delete``
    and ``drop`` raise ``IndexEncoderChanged`` when the workspace was indexed with another encoder.
    """

    async def upsert(
        self,
        workspace: WorkspaceId,
        ids: Sequence[PassageId],
        *,
        embeddings: Matrix,
        metadata: Sequence[Mapping[str, str]],
    ) -> None:
        """Add or replace vectors: ``embeddings`` (number of ids, dimensions), unit rows.

        ``metadata`` holds for each id the facts that ``query`` may filter by.
        """
        ...

    async def delete(self, workspace: WorkspaceId, ids: Sequence[PassageId]) -> None:
        """Remove vectors; ids that are not there are ignored."""
        ...

    async def query(
        self, workspace: WorkspaceId, vectors: Matrix, *, limit: int, where: Filter | None = None
    ) -> list[list[VectorHit]]:
        """For each row of ``vectors`` its ``limit`` nearest passages, nearest first.

        ``where`` keeps passages whose metadata has, for every key, that value (or one of those values).
        """
        ...

    async def ids(self, workspace: WorkspaceId) -> set[PassageId]:
        """Every id the index holds for ``workspace``: what reconciliation compares with the database."""
        ...

    async def drop(self, workspace: WorkspaceId) -> None:
        """Forget everything of ``workspace``, its encoder included."""
        ...


@dataclass
class _Shelf:
    """One workspace in memory."""

    rows: dict[PassageId, int] = field(default_factory=dict)
    vectors: Matrix = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    metadata: list[Mapping[str, str]] = field(default_factory=list)


class MemoryIndex:
    """Exact search over arrays in memory: for one process, tests, and evaluation of small corpora.

    A query costs one matrix product: about 0.5 ms over 10,000 passages of 384 dimensions.
    """

    def __init__(self) -> None:
        self._shelves: dict[WorkspaceId, _Shelf] = {}

    async def upsert(
        self,
        workspace: WorkspaceId,
        ids: Sequence[PassageId],
        *,
        embeddings: Matrix,
        metadata: Sequence[Mapping[str, str]],
    ) -> None:
        """See ``VectorIndex``."""
        if not ids:
            return
        shelf = self._shelves.setdefault(workspace, _Shelf())
        replaced = set(ids)
        kept = [(key, row) for key, row in shelf.rows.items() if key not in replaced]
        old = (
            shelf.vectors[[row for _, row in kept]]
            if kept
            else np.zeros((0, embeddings.shape[1]), np.float32)
        )
        self._shelves[workspace] = _Shelf(
            rows={key: row for row, key in enumerate([*(key for key, _ in kept), *ids])},
            vectors=np.concatenate([old, np.asarray(embeddings, np.float32)]),
            metadata=[*(shelf.metadata[row] for _, row in kept), *metadata],
        )

    async def delete(self, workspace: WorkspaceId, ids: Sequence[PassageId]) -> None:
        """See ``VectorIndex``."""
        shelf = self._shelves.get(workspace)
        gone = set(ids)
        if shelf is None or not gone & shelf.rows.keys():
            return
        kept = [(key, row) for key, row in shelf.rows.items() if key not in gone]
        rows = [row for _, row in kept]
        self._shelves[workspace] = _Shelf(
            rows={key: row for row, (key, _) in enumerate(kept)},
            vectors=shelf.vectors[rows],
            metadata=[shelf.metadata[row] for row in rows],
        )

    async def query(
        self, workspace: WorkspaceId, vectors: Matrix, *, limit: int, where: Filter | None = None
    ) -> list[list[VectorHit]]:
        """See ``VectorIndex``."""
        shelf = self._shelves.get(workspace)
        if shelf is None or not shelf.rows:
            return [[] for _ in vectors]
        keys = np.array(list(shelf.rows), dtype=np.int64)
        similarities = np.asarray(vectors, np.float32) @ shelf.vectors.T
        if where:
            allowed = np.array([_matches(facts, where) for facts in shelf.metadata])
            keys, similarities = keys[allowed], similarities[:, allowed]
        order = _best(similarities, limit)
        return [
            [VectorHit(PassageId(int(keys[column])), float(row[column])) for column in columns]
            for row, columns in zip(similarities, order, strict=True)
        ]

    async def ids(self, workspace: WorkspaceId) -> set[PassageId]:
        """See ``VectorIndex``."""
        shelf = self._shelves.get(workspace)
        return set(shelf.rows) if shelf else set()

    async def drop(self, workspace: WorkspaceId) -> None:
        """See ``VectorIndex``."""
        self._shelves.pop(workspace, None)


class UnclosedMark:
    """A file that is in the index's ``folder`` from the first change until the index is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / ".unclosed"

    def set(self) -> None:
        """From now on the index must be closed before it can be trusted."""
        self._file.touch()

    def clear(self) -> None:
        """It was closed."""
        self._file.unlink(missing_ok=True)

    def left_behind(self) -> bool:
        """Whether a former process changed the index and died."""
        return self._file.exists()

    def start_over(self) -> None:
        """Empty the folder; what is hidden, such as its lock, stays, and the mark goes last."""
        for entry in self._folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif not entry.name.startswith("."):
                entry.unlink()
        self.clear()


class ChromaIndex:
    """Vectors in Chroma, one collection per workspace, cosine space, always our own embeddings.

    ``encoder`` is the identity written into each collection when it is made; a collection that carries
    another one is not searched. Blocking calls run in threads. ``mark`` says that files are being changed.
    """

    def __init__(self, client: ClientAPI, *, encoder: str, mark: UnclosedMark | None = None) -> None:
        self._client = client
        self._encoder = encoder
        self._mark = mark
        self._changed = False
        self._change = threading.Lock()
        self._collections: dict[WorkspaceId, Collection] = {}
        self._lock = threading.Lock()

    @classmethod
    def embedded(cls, folder: Path, *, encoder: str) -> ChromaIndex:
        """An index in ``folder``, which this process alone may open. Raises ``IndexUnavailable``.

        One that was changed and never closed is thrown away, for whoever reconciles it with the database
        to fill again: Chroma 1.5 writes its files some time after a change, and where a kill tore them it
        takes the next process down (chroma-core/chroma#7238).
        """
        mark = UnclosedMark(folder)
        with _translated_errors():
            if mark.left_behind():
                _log.warning("index_torn", folder=folder.name)
                mark.start_over()
            client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
        return cls(client, encoder=encoder, mark=mark)

    @classmethod
    def server(cls, url: str, *, encoder: str, token: str | None = None) -> ChromaIndex:
        """An index on the Chroma server at ``url``, shared by several processes.

        Raises ``IndexUnavailable`` when it does not answer.
        """
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        with _translated_errors():
            client = chromadb.HttpClient(
                parts.hostname or "localhost",
                parts.port or (443 if tls else 8000),
                ssl=tls,
                headers={"Authorization": f"Bearer {token}"} if token else None,
                settings=Settings(anonymized_telemetry=False),
            )
        return cls(client, encoder=encoder)

    async def upsert(
        self,
        workspace: WorkspaceId,
        ids: Sequence[PassageId],
        *,
        embeddings: Matrix,
        metadata: Sequence[Mapping[str, str]],
    ) -> None:
        """See ``VectorIndex``."""
        if ids:
            await asyncio.to_thread(self._upsert, workspace, ids, embeddings, metadata)

    def _upsert(
        self,
        workspace: WorkspaceId,
        ids: Sequence[PassageId],
        embeddings: Matrix,
        metadata: Sequence[Mapping[str, str]],
    ) -> None:
        def work(collection: Collection) -> None:
            for part in self._batches(len(ids)):
                facts: list[Any] = [dict(facts) or None for facts in metadata[part]]
                collection.upsert(
                    ids=[str(key) for key in ids[part]],
                    embeddings=np.asarray(embeddings[part], np.float32),
                    metadatas=facts if any(facts) else None,
                )

        with self._changing():
            self._with_collection(workspace, work, create=True)

    async def delete(self, workspace: WorkspaceId, ids: Sequence[PassageId]) -> None:
        """See ``VectorIndex``."""
        if ids:
            await asyncio.to_thread(self._delete, workspace, ids)

    def _delete(self, workspace: WorkspaceId, ids: Sequence[PassageId]) -> None:
        def work(collection: Collection) -> None:
            for part in self._batches(len(ids)):
                collection.delete(ids=[str(key) for key in ids[part]])

        with self._changing():
            self._with_collection(workspace, work, checked=False)

    async def query(
        self, workspace: WorkspaceId, vectors: Matrix, *, limit: int, where: Filter | None = None
    ) -> list[list[VectorHit]]:
        """See ``VectorIndex``."""
        return await asyncio.to_thread(self._query, workspace, vectors, limit, where)

    def _query(
        self, workspace: WorkspaceId, vectors: Matrix, limit: int, where: Filter | None
    ) -> list[list[VectorHit]]:
        def work(collection: Collection) -> list[list[VectorHit]]:
            found = collection.query(
                query_embeddings=np.asarray(vectors, np.float32),
                n_results=limit,
                where=_chroma_filter(where),
                include=["distances"],
            )
            return [
                [
                    VectorHit(PassageId(int(key)), 1.0 - distance)
                    for key, distance in zip(keys, distances, strict=True)
                ]
                for keys, distances in zip(found["ids"], found["distances"] or [], strict=True)
            ]

        hits = self._with_collection(workspace, work)
        return [[] for _ in vectors] if hits is None else hits

    async def ids(self, workspace: WorkspaceId) -> set[PassageId]:
        """See ``VectorIndex``."""
        return await asyncio.to_thread(self._ids, workspace)

    def _ids(self, workspace: WorkspaceId) -> set[PassageId]:
        def work(collection: Collection) -> set[PassageId]:
            return {PassageId(int(key)) for key in collection.get(include=[])["ids"]}

        return self._with_collection(workspace, work, checked=False) or set()

    async def drop(self, workspace: WorkspaceId) -> None:
        """See ``VectorIndex``."""
        await asyncio.to_thread(self._drop, workspace)

    def _drop(self, workspace: WorkspaceId) -> None:
        with self._changing(), _translated_errors(), self._lock:
            self._collections.pop(workspace, None)
            try:
                self._client.delete_collection(_collection_name(workspace))
            except NotFoundError:
                return

    def close(self) -> None:
        """Let a change under way and Chroma finish what they still have to write; let go of the files."""
        with self._change, _translated_errors():
            if self._changed and self._mark is not None:
                for collection in self._client.list_collections():
                    collection.count()  # answers only once what is pending has been written
                if isinstance(self._client, Client):
                    self._client.close()
                self._mark.clear()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._change:
            if self._mark is not None and not self._changed:
                self._changed = True
                self._mark.set()
            yield

    def _batches(self, count: int) -> Iterator[slice]:
        step = self._client.get_max_batch_size()
        return (slice(first, first + step) for first in range(0, count, step))

    def _with_collection(
        self,
        workspace: WorkspaceId,
        work: Callable[[Collection], T],
        *,
        create: bool = False,
        checked: bool = True,
    ) -> T | None:
        """What ``work`` returns; none without a collection.

        Another process may drop and rebuild a collection whose handle we hold, so one that is gone is
        looked up once more.
        """
        with _translated_errors():
            collection = self._collection(workspace, create=create, checked=checked)
            if collection is None:
                return None
            try:
                return work(collection)
            except NotFoundError:
                self._collections.pop(workspace, None)
                collection = self._collection(workspace, create=create, checked=checked)
                return None if collection is None else work(collection)

    def _collection(
        self, workspace: WorkspaceId, *, create: bool = False, checked: bool = True
    ) -> Collection | None:
        with self._lock:
            collection = self._collections.get(workspace) or self._open(workspace, create=create)
            if collection is None:
                return None
            if checked:
                self._check_encoder(collection)
                self._collections[workspace] = collection
        return collection

    def _open(self, workspace: WorkspaceId, *, create: bool) -> Collection | None:
        name = _collection_name(workspace)
        if create:
            return self._client.get_or_create_collection(
                name,
                embedding_function=None,
                metadata={"encoder": self._encoder},
                configuration={"hnsw": {"space": "cosine", "ef_search": _EF_SEARCH}},
            )
        try:
            return self._client.get_collection(name, embedding_function=None)
        except NotFoundError:
            return None

    def _check_encoder(self, collection: Collection) -> None:
        made_by = (collection.metadata or {}).get("encoder")
        if made_by != self._encoder:
            raise IndexEncoderChanged(
                f"The index was built with the encoder {made_by}, but {self._encoder} is configured: their "
                "vectors cannot be compared. Run `careloop knowledge reindex`, or configure the former one."
            )


def _best(similarities: Matrix, limit: int) -> NDArray[np.intp]:
    """Columns of the ``limit`` largest values of each row, largest first."""
    if similarities.shape[1] > limit:
        nearest = np.argpartition(-similarities, limit - 1, axis=1)[:, :limit]
        within = np.argsort(-np.take_along_axis(similarities, nearest, axis=1), axis=1, kind="stable")
        return np.take_along_axis(nearest, within, axis=1)
    return np.argsort(-similarities, axis=1, kind="stable")


def _collection_name(workspace: WorkspaceId) -> str:
    return f"passages-{workspace}"


def _matches(facts: Mapping[str, str], where: Filter) -> bool:
    return all(
        facts.get(key) == value if isinstance(value, str) else facts.get(key) in value
        for key, value in where.items()
    )


def _chroma_filter(where: Filter | None) -> Any:  # noqa: ANN401 (Chroma's nested literal types)
    clauses = [
        {key: value if isinstance(value, str) else {"$in": list(value)}}
        for key, value in (where or {}).items()
    ]
    return {"$and": clauses} if len(clauses) > 1 else clauses[0] if clauses else None


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        raise IndexUnavailable(f"The vector index does not answer: {error}") from error
