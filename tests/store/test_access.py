from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from kit.clock import ManualClock
from kit.errors import Conflict, InvalidInput, NotFound
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from store import access as module
from store.access import Access, Scope
from store.engine import Database
from store.errors import DatabaseUnwritable
from store.tables import api_keys

pytestmark = pytest.mark.anyio


@pytest.fixture
def access(each_database: Database, clock: ManualClock) -> Access:
    return Access(each_database, clock)


async def test_workspaces_are_made_once(access: Access) -> None:
    made = await access.add_workspace(WorkspaceId("brand"), name="Brand")
    assert await access.workspace(WorkspaceId("brand")) == made
    assert await access.ensure_workspace(WorkspaceId("brand"), name="Other name") == made
    assert (await access.ensure_workspace(WorkspaceId("new"), name="New")).name == "New"
    assert [item.id for item in await access.workspaces()] == ["brand", "default", "new", "other"]
    with pytest.raises(Conflict):
        await access.add_workspace(WorkspaceId("brand"), name="Brand")
    with pytest.raises(NotFound):
        await access.workspace(WorkspaceId("none"))


async def test_a_key_opens_its_workspace_and_its_secret_is_stored_nowhere(
    access: Access, each_database: Database
) -> None:
    key, secret = await access.create_key(DEFAULT_WORKSPACE, name="shop", scopes=[Scope.CHAT, Scope.AGENT])
    found = await access.authenticate(secret)
    assert found is not None
    both = frozenset({Scope.CHAT, Scope.AGENT})
    assert (found.id, found.workspace_id, found.scopes) == (key.id, DEFAULT_WORKSPACE, both)
    async with each_database.read() as connection:
        (row,) = (await connection.execute(select(api_keys))).all()
    assert len(row.hash) == 32
    assert secret not in str(row)


@pytest.mark.parametrize("secret", ["", "cl_", "cl_wrong", "sk-other"])
async def test_an_unknown_secret_opens_nothing(access: Access, secret: str) -> None:
    assert await access.authenticate(secret) is None


async def test_a_revoked_key_is_refused_at_once(access: Access, clock: ManualClock) -> None:
    key, secret = await access.create_key(DEFAULT_WORKSPACE, name="shop", scopes=[Scope.CHAT])
    assert await access.authenticate(secret)
    revoked = await access.revoke_key(DEFAULT_WORKSPACE, key.id)
    assert revoked.revoked_at == clock.now()
    assert await access.authenticate(secret) is None
    clock.advance(timedelta(days=1))
    assert await access.revoke_key(DEFAULT_WORKSPACE, key.id) == revoked
    assert [item.id for item in await access.keys(DEFAULT_WORKSPACE)] == [key.id]


async def test_a_key_revoked_by_another_process_is_refused_within_two_seconds(
    access: Access, each_database: Database, clock: ManualClock
) -> None:
    key, secret = await access.create_key(DEFAULT_WORKSPACE, name="shop", scopes=[Scope.CHAT])
    assert await access.authenticate(secret)
    await Access(each_database, clock).revoke_key(DEFAULT_WORKSPACE, key.id)
    clock.advance(timedelta(seconds=2))
    assert await access.authenticate(secret) is None


async def test_a_key_expires(access: Access, clock: ManualClock) -> None:
    end = clock.now() + timedelta(seconds=1)
    _, secret = await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[Scope.CHAT], expires_at=end)
    assert await access.authenticate(secret)
    clock.advance(timedelta(seconds=1))
    assert await access.authenticate(secret) is None


async def test_keys_that_make_no_sense_are_refused(access: Access, clock: ManualClock) -> None:
    with pytest.raises(InvalidInput):
        await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[])
    with pytest.raises(InvalidInput):
        await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[Scope.CHAT], expires_at=clock.now())
    with pytest.raises(NotFound):
        await access.create_key(WorkspaceId("none"), name="a", scopes=[Scope.CHAT])


async def test_a_workspace_cannot_revoke_another_s_key(access: Access, other_workspace: WorkspaceId) -> None:
    key, secret = await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[Scope.CHAT])
    with pytest.raises(NotFound):
        await access.revoke_key(other_workspace, key.id)
    assert await access.authenticate(secret)
    assert await access.keys(other_workspace) == []


async def test_use_is_noted_to_within_five_minutes(access: Access, clock: ManualClock) -> None:
    _, secret = await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[Scope.CHAT])
    first = clock.now()
    for minutes, noted in ((0, first), (3, first), (3, first + timedelta(minutes=6))):
        clock.advance(timedelta(minutes=minutes))
        await access.authenticate(secret)
        (key,) = await access.keys(DEFAULT_WORKSPACE)
        assert key.last_used_at == noted


async def test_a_full_disk_does_not_lock_readers_out(
    access: Access, each_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[Scope.CHAT])

    def full() -> None:
        raise DatabaseUnwritable("disk is full")

    monkeypatch.setattr(each_database, "write", full)
    assert await access.authenticate(secret)


async def test_few_keys_are_remembered(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHE_SIZE", 1)
    secrets = [
        (await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[Scope.CHAT]))[1] for _ in range(2)
    ]
    for secret in secrets * 2:
        assert await access.authenticate(secret)


async def test_a_key_read_before_it_was_revoked_is_not_remembered(
    access: Access, each_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = await access.create_key(DEFAULT_WORKSPACE, name="a", scopes=[Scope.CHAT])
    note = access._note_use

    async def revoked_meanwhile(*arguments: object) -> None:
        await note(*arguments)  # type: ignore[arg-type]  # passed through
        await access.revoke_key(DEFAULT_WORKSPACE, key.id)

    monkeypatch.setattr(access, "_note_use", revoked_meanwhile)
    await access.authenticate(secret)
    assert await access.authenticate(secret) is None
