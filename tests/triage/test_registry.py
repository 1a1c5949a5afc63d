import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.engine import Database
from store.tables import triage_models
from triage.errors import ModelSuperseded, ModelUnreadable, NothingToRollBackTo, UnknownTriageModel
from triage.live_model import LiveModels
from triage.registry import ModelRegistry, ModelState, ModelVersion

KIND = "intent"


@dataclass(frozen=True)
class Note:
    """The smallest model: a word in a file."""

    word: str

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "note.txt").write_text(self.word)


class Unsaveable:
    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "note.txt").write_text("half")
        raise OSError("the disk is full")


def load_note(folder: Path) -> Note:
    return Note((folder / "note.txt").read_text())


@pytest.fixture
def registry(each_database: Database, tmp_path: Path, clock: ManualClock) -> ModelRegistry:
    return ModelRegistry(each_database, tmp_path / "models", clock=clock)


async def added(registry: ModelRegistry, workspace: WorkspaceId, word: str) -> ModelVersion:
    return await registry.add(workspace, KIND, Note(word), metrics={"n": 1}, provenance={"word": word})


async def promoted(registry: ModelRegistry, workspace: WorkspaceId, *said: str) -> list[str]:
    versions = []
    for word in said:
        version = (await added(registry, workspace, word)).version
        await registry.promote(workspace, KIND, version)
        versions.append(version)
    return versions


async def live(registry: ModelRegistry, workspace: WorkspaceId) -> str | None:
    found = await registry.live(workspace, KIND)
    assert (found.version if found else None) == await registry.live_version(workspace, KIND)
    return found.version if found else None


async def test_a_version_is_the_day_and_what_was_saved(
    registry: ModelRegistry, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    first, again = await added(registry, workspace, "a"), await added(registry, workspace, "a")
    elsewhere = await added(registry, other_workspace, "a")
    clock.advance(timedelta(days=1))
    later = await added(registry, workspace, "a")
    assert first == again
    assert first.version.startswith("20260101-")
    assert first.version[9:] == later.version[9:] != elsewhere.version[9:]
    assert (first.state, first.provenance, first.metrics) == (ModelState.SHADOW, {"word": "a"}, {"n": 1})
    assert load_note(registry.path(first)) == Note("a")
    assert await registry.history(workspace, KIND) == [later, first]


async def test_one_version_is_live_and_the_one_before_retires(
    registry: ModelRegistry, workspace: WorkspaceId, other_workspace: WorkspaceId
) -> None:
    assert await live(registry, workspace) is None
    first, second = await promoted(registry, workspace, "a", "b")
    assert await live(registry, workspace) == second
    assert (await registry.get(workspace, KIND, first)).state is ModelState.RETIRED
    assert (await registry.get(workspace, KIND, second)).promoted_from == first
    assert await registry.promote(workspace, KIND, second) == await registry.get(workspace, KIND, second)
    assert await live(registry, other_workspace) is None
    with pytest.raises(UnknownTriageModel):
        await registry.promote(other_workspace, KIND, second)


async def test_the_database_refuses_a_second_live_model(
    registry: ModelRegistry, each_database: Database, workspace: WorkspaceId
) -> None:
    await promoted(registry, workspace, "a", "b")
    with pytest.raises(IntegrityError):
        async with each_database.write() as connection:
            await connection.execute(update(triage_models).values(state="live"))


async def test_rolling_back_goes_one_step_and_again_one_further(
    registry: ModelRegistry, workspace: WorkspaceId
) -> None:
    first, second, third = await promoted(registry, workspace, "a", "b", "c")
    assert (await registry.roll_back(workspace, KIND)).version == second
    assert (await registry.roll_back(workspace, KIND)).version == first
    with pytest.raises(NothingToRollBackTo):
        await registry.roll_back(workspace, KIND)
    await registry.promote(workspace, KIND, third)
    assert (await registry.roll_back(workspace, KIND)).version == first


async def test_promoting_an_old_version_and_rolling_back_does_not_go_in_circles(
    registry: ModelRegistry, workspace: WorkspaceId
) -> None:
    first, _, third = await promoted(registry, workspace, "a", "b", "c")
    await registry.promote(workspace, KIND, first)
    with pytest.raises(NothingToRollBackTo):
        await registry.roll_back(workspace, KIND)
    await registry.promote(workspace, KIND, third)
    assert (await registry.roll_back(workspace, KIND)).version == first


async def test_without_files_nothing_is_promoted_or_rolled_back_to(
    registry: ModelRegistry, workspace: WorkspaceId
) -> None:
    first, second = await promoted(registry, workspace, "a", "b")
    await registry.discard(workspace, KIND, [first, second])
    assert await live(registry, workspace) == second
    assert load_note(registry.path(await registry.get(workspace, KIND, second))) == Note("b")
    with pytest.raises(ModelUnreadable):
        await registry.promote(workspace, KIND, first)
    with pytest.raises(NothingToRollBackTo):
        await registry.roll_back(workspace, KIND)
    assert await live(registry, workspace) == second
    restored = await added(registry, workspace, "a")
    assert (restored.version, load_note(registry.path(restored))) == (first, Note("a"))


async def test_a_model_takes_the_place_of_the_one_it_was_compared_with_only(
    registry: ModelRegistry, workspace: WorkspaceId
) -> None:
    first, second = await promoted(registry, workspace, "a", "b")
    third = (await added(registry, workspace, "c")).version
    with pytest.raises(ModelSuperseded):
        await registry.promote(workspace, KIND, third, instead_of=first)
    assert (await registry.promote(workspace, KIND, third, instead_of=second)).state is ModelState.LIVE


async def test_of_promotions_at_once_one_is_live(registry: ModelRegistry, workspace: WorkspaceId) -> None:
    await promoted(registry, workspace, "a")
    versions = [(await added(registry, workspace, word)).version for word in "bcdef"]
    await asyncio.gather(*(registry.promote(workspace, KIND, version) for version in versions))
    states = [model.state for model in await registry.history(workspace, KIND)]
    assert sorted(states) == ["live", *["retired"] * 5]


async def test_a_model_that_cannot_be_saved_leaves_nothing(
    registry: ModelRegistry, workspace: WorkspaceId, tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="disk is full"):
        await registry.add(workspace, KIND, Unsaveable(), metrics={}, provenance={})
    assert await registry.history(workspace, KIND) == []
    assert list((tmp_path / "models").iterdir()) == []


async def test_what_a_crash_left_is_removed_at_start_once_it_is_old(
    registry: ModelRegistry, workspace: WorkspaceId, tmp_path: Path, clock: ManualClock
) -> None:
    assert await registry.clean() == []
    model = await added(registry, workspace, "a")
    folder = tmp_path / "models"
    for name in (".half-mdl_1", "20260101-0123456789ab", "20260101-fresh"):
        Note("left").save(folder / name)
    for path in folder.iterdir():
        moment = clock.now() - timedelta(minutes=5 if path.name.endswith("fresh") else 90)
        os.utime(path, (moment.timestamp(), moment.timestamp()))
    assert await registry.clean() == [".half-mdl_1", "20260101-0123456789ab"]
    assert load_note(registry.path(model)) == Note("a")
    assert (folder / "20260101-fresh").is_dir()


async def test_another_process_notices_a_promotion(
    registry: ModelRegistry,
    each_database: Database,
    workspace: WorkspaceId,
    tmp_path: Path,
    clock: ManualClock,
) -> None:
    database = Database(each_database.url)
    elsewhere = ModelRegistry(database, tmp_path / "models", clock=clock)
    models = LiveModels(elsewhere, load_note, kind=KIND, clock=clock)
    try:
        assert await models.get(workspace) is None
        await promoted(registry, workspace, "a")
        assert await models.get(workspace) is None
        clock.advance(timedelta(seconds=5))
        first = await models.get(workspace)
        assert first is not None
        assert first.model == Note("a")
        clock.advance(timedelta(seconds=5))
        assert await models.get(workspace) is first
        await promoted(registry, workspace, "b")
        assert await models.get(workspace) is first
        clock.advance(timedelta(seconds=5))
        found = await asyncio.gather(*(models.get(workspace) for _ in range(5)))
        assert found[0] is not None
        assert found[0].model == Note("b")
        await registry.roll_back(workspace, KIND)
        clock.advance(timedelta(seconds=5))
        back = await models.get(workspace)
        assert back is not None
        assert back.model == Note("a")
    finally:
        await database.close()
