"""Versions of the models of a workspace: which one answers, which one did before, and why."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.ids import WorkspaceId, new_id
from store.engine import Database
from store.tables import triage_models
from triage.errors import ModelSuperseded, ModelUnreadable, NothingToRollBackTo, UnknownTriageModel

_HALF_WRITTEN = ".half"  # in front of a folder that is being written
_HASH_DIGITS = 12
# A folder without a row is another process's that is about to write its row, unless it is older than this.
_ORPHANED_AFTER = timedelta(hours=1)


class ModelState(StrEnum):
    """What became of a version: it was only tried, answers, answered once, or was found wanting."""

    SHADOW = "shadow"
    LIVE = "live"
    RETIRED = "retired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version. ``promoted_from`` was live before it; without ``folder`` its files are gone."""

    workspace_id: WorkspaceId
    kind: str
    version: str
    state: ModelState
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]
    folder: str | None
    created_at: datetime
    promoted_at: datetime | None
    promoted_from: str | None


class Saveable(Protocol):
    """A model that can write itself into a folder."""

    def save(self, folder: Path) -> None:
        """Write everything that is needed to read it back; the same model writes the same bytes."""
        ...


class ModelRegistry:
    """Models in ``folder``, one subfolder each, and rows that say what they are.

    A folder is written under another name and renamed when it is whole and on disk, and only then is its
    row written: a row without files, or half a model, cannot come of a crash. ``clean`` removes what a
    crash before the row leaves. Exactly one version of a workspace and kind is live; the database sees to
    that. Every method is a transaction of its own.
    """

    def __init__(self, database: Database, folder: Path, *, clock: Clock) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    def path(self, model: ModelVersion) -> Path:
        """Where the files are. Raises ``ModelUnreadable`` when they are gone."""
        path = None if model.folder is None else self._folder / model.folder
        if path is None or not path.is_dir():
            raise ModelUnreadable(f"The files of the {model.kind} model {model.version} are gone.")
        return path

    async def add(
        self,
        workspace: WorkspaceId,
        kind: str,
        model: Saveable,
        *,
        metrics: Mapping[str, Any],
        provenance: Mapping[str, Any],
        state: ModelState = ModelState.SHADOW,
    ) -> ModelVersion:
        """Save ``model`` as a version that is not live; one that is there already stays as it is.

        The version is the day and a hash of what was saved, so the same model twice on a day is one.
        """
        now = self._clock.now()
        version = await asyncio.to_thread(self._write, model, f"{workspace}/{kind}", now)
        upsert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        async with self._database.write() as connection:
            await connection.execute(
                upsert(triage_models)
                .values(
                    workspace_id=workspace,
                    kind=kind,
                    version=version,
                    state=state,
                    metrics=dict(metrics),
                    provenance=dict(provenance),
                    folder=version,
                    created_at=now,
                )
                .on_conflict_do_update(
                    index_elements=["workspace_id", "kind", "version"], set_={"folder": version}
                )
            )
            return await _one(connection, workspace, kind, version)

    async def live(self, workspace: WorkspaceId, kind: str) -> ModelVersion | None:
        """The version that answers, if any does."""
        async with self._database.read() as connection:
            return await _live(connection, workspace, kind)

    async def live_version(self, workspace: WorkspaceId, kind: str) -> str | None:
        """Its name alone: one small row from an index, cheap enough to ask every few seconds."""
        query = select(triage_models.c.version).where(_is_live(workspace, kind))
        async with self._database.read() as connection:
            found: str | None = (await connection.execute(query)).scalar_one_or_none()
        return found

    async def get(self, workspace: WorkspaceId, kind: str, version: str) -> ModelVersion:
        """The version. Raises ``UnknownTriageModel``."""
        async with self._database.read() as connection:
            return await _one(connection, workspace, kind, version)

    async def history(self, workspace: WorkspaceId, kind: str) -> list[ModelVersion]:
        """Every version, the newest first."""
        query = (
            select(triage_models)
            .where(triage_models.c.workspace_id == workspace, triage_models.c.kind == kind)
            .order_by(triage_models.c.created_at.desc(), triage_models.c.version)
        )
        async with self._database.read() as connection:
            return [_version(row) for row in await connection.execute(query)]

    async def promote(
        self, workspace: WorkspaceId, kind: str, version: str, *, instead_of: str | None = None
    ) -> ModelVersion:
        """Make ``version`` the live one; it is, if it is already.

        A version that was rejected or retired may be promoted too: people decide. Raises
        ``UnknownTriageModel``, ``ModelUnreadable`` when its files are gone, and ``ModelSuperseded`` when
        ``instead_of`` is given and is not what is live.
        """
        async with self._database.write() as connection:
            versions = await _locked(connection, workspace, kind)
            model = versions.get(version)
            if model is None:
                raise _unknown(kind, version)
            self.path(model)
            live = next((each for each in versions.values() if each.state is ModelState.LIVE), None)
            if instead_of is not None and (live is None or live.version != instead_of):
                raise ModelSuperseded(
                    f"{version} was to take the place of {instead_of}, but "
                    f"{live.version if live else 'none'} is live by now."
                )
            if live is not None and live.version != version:
                await _set(connection, live, state=ModelState.RETIRED)
            if live is None or live.version != version:
                await _set(
                    connection,
                    model,
                    state=ModelState.LIVE,
                    promoted_at=self._clock.now(),
                    promoted_from=_origin(versions, model, live),
                )
            return await _one(connection, workspace, kind, version)

    async def roll_back(self, workspace: WorkspaceId, kind: str) -> ModelVersion:
        """Make the version live that was live before the present one; again goes one further back.

        Raises ``NothingToRollBackTo``.
        """
        async with self._database.write() as connection:
            versions = await _locked(connection, workspace, kind)
            live = next((each for each in versions.values() if each.state is ModelState.LIVE), None)
            before = None if live is None else versions.get(live.promoted_from or "")
            if live is None or before is None:
                raise NothingToRollBackTo(f"No {kind} model was live before the present one.")
            try:
                self.path(before)
            except ModelUnreadable as error:
                raise NothingToRollBackTo(error.detail) from None
            await _set(connection, live, state=ModelState.RETIRED)
            await _set(connection, before, state=ModelState.LIVE)
            return await _one(connection, workspace, kind, before.version)

    async def discard(self, workspace: WorkspaceId, kind: str, versions: Collection[str]) -> None:
        """Remove the files of versions that are not live; their rows stay, for the record."""
        async with self._database.write() as connection:
            known = await _locked(connection, workspace, kind)
            gone = [
                model
                for model in known.values()
                if model.version in versions and model.state is not ModelState.LIVE and model.folder
            ]
            for model in gone:
                await _set(connection, model, folder=None)
        await asyncio.to_thread(_remove, [self._folder / str(model.folder) for model in gone])

    async def clean(self) -> list[str]:
        """Remove folders that a crash left without a row; gives their names. Call it at start."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(triage_models.c.folder))
            known = {row.folder for row in rows}
        return await asyncio.to_thread(self._clean, known)

    def _write(self, model: Saveable, owner: str, now: datetime) -> str:
        half = self._folder / f"{_HALF_WRITTEN}-{new_id('mdl')}"
        try:
            model.save(half)
            digest = _digest(half, owner)
            version = f"{now:%Y%m%d}-{digest[:_HASH_DIGITS]}"
            _move(half, self._folder / version)
        finally:
            shutil.rmtree(half, ignore_errors=True)
        return version

    def _clean(self, known: Collection[str]) -> list[str]:
        if not self._folder.is_dir():
            return []
        latest = (self._clock.now() - _ORPHANED_AFTER).timestamp()
        orphans = [
            path
            for path in sorted(self._folder.iterdir())
            if path.is_dir() and path.name not in known and path.stat().st_mtime < latest
        ]
        _remove(orphans)
        return [path.name for path in orphans]


def _origin(
    versions: Mapping[str, ModelVersion], model: ModelVersion, live: ModelVersion | None
) -> str | None:
    """Where a roll-back from ``model`` goes once it is live: to ``live``.

    Not when ``live`` itself came from ``model``, however many promotions ago: that is going back, and rolling
    back again must go further rather than in a circle.
    """
    if live is None:
        return None
    before = live
    while before.promoted_from is not None:
        if before.promoted_from == model.version:
            return model.promoted_from
        if before.promoted_from not in versions:
            break
        before = versions[before.promoted_from]
    return live.version


def _digest(folder: Path, owner: str) -> str:
    """SHA-256 of every file's name and content, and of whose it is; each file is on disk afterwards."""
    digest = hashlib.sha256(owner.encode())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        for part in (file.relative_to(folder).as_posix().encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
        _sync(file)
    _sync(folder)
    return digest.hexdigest()


def _move(half: Path, whole: Path) -> None:
    """Rename, unless the same model is there already: then it is the same to the byte."""
    try:
        half.rename(whole)
    except OSError:
        if not whole.is_dir():
            raise
    _sync(whole.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _unknown(kind: str, version: str) -> UnknownTriageModel:
    return UnknownTriageModel(f"There is no {kind} model {version}.")


def _is_live(workspace: WorkspaceId, kind: str) -> ColumnElement[bool]:
    return and_(
        triage_models.c.workspace_id == workspace,
        triage_models.c.kind == kind,
        triage_models.c.state == ModelState.LIVE.value,
    )


async def _live(connection: AsyncConnection, workspace: WorkspaceId, kind: str) -> ModelVersion | None:
    row = (await connection.execute(select(triage_models).where(_is_live(workspace, kind)))).one_or_none()
    return None if row is None else _version(row)


async def _one(connection: AsyncConnection, workspace: WorkspaceId, kind: str, version: str) -> ModelVersion:
    query = select(triage_models).where(
        triage_models.c.workspace_id == workspace,
        triage_models.c.kind == kind,
        triage_models.c.version == version,
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise _unknown(kind, version)
    return _version(row)


async def _locked(connection: AsyncConnection, workspace: WorkspaceId, kind: str) -> dict[str, ModelVersion]:
    """Every version by name; nobody else promotes among them until the transaction ends."""
    query = (
        select(triage_models)
        .where(triage_models.c.workspace_id == workspace, triage_models.c.kind == kind)
        .order_by(triage_models.c.version)  # everyone locks in the same order
        .with_for_update()
    )
    return {row.version: _version(row) for row in await connection.execute(query)}


async def _set(connection: AsyncConnection, model: ModelVersion, **values: object) -> None:
    await connection.execute(
        update(triage_models)
        .where(
            triage_models.c.workspace_id == model.workspace_id,
            triage_models.c.kind == model.kind,
            triage_models.c.version == model.version,
        )
        .values(values)
    )


def _version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(
        workspace_id=WorkspaceId(row.workspace_id),
        kind=row.kind,
        version=row.version,
        state=ModelState(row.state),
        metrics=row.metrics,
        provenance=row.provenance,
        folder=row.folder,
        created_at=row.created_at.astimezone(UTC),
        promoted_at=row.promoted_at,
        promoted_from=row.promoted_from,
    )
