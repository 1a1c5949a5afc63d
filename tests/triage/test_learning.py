from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from inference.fakes import HashEncoder
from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from tests.triage.shop import START, corrected, messages, renamed
from triage.corrections import Correction, CorrectionSource, LabelKind
from triage.errors import ModelUnreadable, UnknownTriageModel
from triage.learning import Learner
from triage.learning_report import LearningReport, Outcome
from triage.model import load_model, train
from triage.models import load_points
from triage.registry import ModelRegistry, ModelState, ModelVersion
from triage.risk import OperatingPoints
from triage.study import StudyLimits
from triage.text_hash import TextHash
from triage.tickets import NewTicket, TicketStore

KEY = bytes(range(32))
KIND = LabelKind.INTENT
ENCODER = HashEncoder(dimensions=128)
SHOTS = messages(5, seed=1)
HONEST = corrected(messages(20, seed=2), first_id=0)
JUDGING = messages(50, seed=3)


@dataclass(frozen=True)
class Desk:
    """A workspace with a live five-shot model and a learner."""

    database: Database
    store: TicketStore
    registry: ModelRegistry
    learner: Learner
    clock: ManualClock
    workspace: WorkspaceId

    async def say(self, corrections: Sequence[Correction]) -> list[Correction]:
        async with self.database.write() as connection:
            return [
                await self.store.corrections.append(connection, self.workspace, each) for each in corrections
            ]

    async def night(self) -> LearningReport:
        self.clock.advance(timedelta(days=1))
        return await self.learner.learn(self.workspace, SHOTS, at=self.clock.now())

    async def live(self) -> ModelVersion:
        found = await self.registry.live(self.workspace, KIND)
        assert found is not None
        return found

    async def points(self) -> OperatingPoints:
        """Those of the live model."""
        return load_points(self.registry.path(await self.live()))

    async def accuracy(self) -> float:
        model = load_model(self.registry.path(await self.live()))
        said = model.predict([example.text for example in JUDGING], ENCODER)
        return float(np.mean([found.label == each.label for found, each in zip(said, JUDGING, strict=True)]))


async def opened(database: Database, folder: Path, clock: ManualClock, workspace: WorkspaceId) -> Desk:
    store = TicketStore(Cipher(KEY), TextHash(KEY))
    registry = ModelRegistry(database, folder, clock=clock)
    model, _ = train(SHOTS, ENCODER)
    first = await registry.add(workspace, KIND, model, metrics={}, provenance=model.provenance)
    await registry.promote(workspace, KIND, first.version)
    learner = Learner(database, store.corrections, registry, ENCODER, intents={}, limits=StudyLimits(folds=3))
    return Desk(database, store, registry, learner, clock, workspace)


@pytest.fixture
async def desk(database: Database, tmp_path: Path, clock: ManualClock, workspace: WorkspaceId) -> Desk:
    return await opened(database, tmp_path / "models", clock, workspace)


async def test_a_night_promotes_what_is_better_and_it_can_be_rolled_back(
    each_database: Database, tmp_path: Path, clock: ManualClock, workspace: WorkspaceId
) -> None:
    desk = await opened(each_database, tmp_path / "models", clock, workspace)
    first, before = await desk.live(), await desk.accuracy()
    stored = await desk.say(HONEST)
    report = await desk.night()
    live = await desk.live()
    assert (report.outcome, report.live, report.tried) == (Outcome.PROMOTED, live.version, live.version)
    assert live.promoted_from == first.version
    assert await desk.accuracy() > before + 0.1
    assert sorted(live.provenance["corrections"]) == [each.id for each in stored]
    assert live.metrics["hold_out"]["n"] == 48
    assert (await desk.points()).messages == len(SHOTS) + len(HONEST)
    assert report.text.startswith(f"Promoted: {live.version} answers.\nOn the youngest corrections")

    again = await desk.night()
    assert (again.outcome, again.live, again.study.new) == (Outcome.WAITING, live.version, 0)

    await desk.registry.roll_back(workspace, KIND)
    assert await desk.accuracy() == before
    kept_back = await desk.night()
    assert (kept_back.outcome, kept_back.live) == (Outcome.WAITING, first.version)
    assert kept_back.study.reasons == (f"Nothing was corrected since {live.version} was tried.",)


async def test_what_is_refused_is_kept_beside_and_not_tried_again(desk: Desk) -> None:
    first = await desk.live()
    await desk.say(renamed(HONEST, "refund", "delivery"))
    report = await desk.night()
    assert (report.outcome, report.live) == (Outcome.REJECTED, first.version)
    assert report.tried is not None
    tried = await desk.registry.get(desk.workspace, KIND, report.tried)
    assert tried.state is ModelState.REJECTED
    assert [loss["label"] for loss in tried.metrics["losses"]] == ["refund"]
    assert load_model(desk.registry.path(tried)).labels == load_model(desk.registry.path(first)).labels
    assert load_points(desk.registry.path(tried)).messages == len(SHOTS) + 72
    assert "Trusted messages of refund are known worse" in report.text
    again = await desk.night()
    assert (again.outcome, len(await desk.registry.history(desk.workspace, KIND))) == (Outcome.WAITING, 2)


async def test_reports_and_rows_hold_no_text_of_a_message(desk: Desk) -> None:
    doubted = [*HONEST[:60], *renamed(HONEST[:30], "refund", "stock")]
    await desk.say(doubted)
    report = await desk.night()
    told = report.text + str([model.metrics for model in await desk.registry.history(desk.workspace, KIND)])
    assert report.study.conflicts
    assert "refund then stock" in report.text
    assert not any(each.text in told for each in doubted)
    assert not any(word in told for word in ("kettle", "courier", "good morning"))


def remembers(folder: Path, text: str) -> bool:
    """Whether a vector of ``text`` is among what was saved."""
    vector = ENCODER.encode([text])[0]
    with np.load(folder / "arrays.npz") as arrays:
        tables = [table for table in arrays.values() if table.ndim == 2 and table.shape[1] == len(vector)]
    units = [table.astype(np.float32) / np.linalg.norm(table, axis=1, keepdims=True) for table in tables]
    return any(float((rows @ vector).max()) > 0.999 for rows in units)


async def test_erased_tickets_are_forgotten_by_every_model(desk: Desk) -> None:
    first = await desk.live()
    tickets = []
    for said in ("my zanzibar lamp, money back", "the zanzibar rug, reimburse me"):
        async with desk.database.write() as connection:
            ticket, _ = await desk.store.create_or_get(
                connection, desk.workspace, NewTicket("desk", said, said), at=START
            )
            await desk.store.correct(
                connection,
                desk.workspace,
                ticket.id,
                kind=KIND,
                became="refund",
                who="ada",
                source=CorrectionSource.API,
                at=START,
            )
        tickets.append(ticket)
    honest = await desk.say(HONEST)
    learned = (await desk.night()).live
    folder = desk.registry.path(await desk.live())
    assert all(remembers(folder, ticket.read) for ticket in tickets)
    async with desk.database.write() as connection:
        for ticket in tickets:
            await desk.store.erase(connection, desk.workspace, ticket.id)

    report = await desk.night()
    live = await desk.live()
    assert (report.forgotten, report.outcome) == (2, Outcome.WAITING)
    assert live.version not in {first.version, learned}
    assert set(live.provenance["corrections"]) == {each.id for each in honest}
    assert not folder.exists()
    kept = desk.registry.path(live)
    assert remembers(kept, HONEST[0].text)
    assert not any(remembers(kept, ticket.read) for ticket in tickets)
    with pytest.raises(ModelUnreadable):
        await desk.registry.promote(desk.workspace, KIND, learned)
    assert (await desk.night()).forgotten == 0


async def test_a_withdrawn_correction_is_unlearned(desk: Desk) -> None:
    stored = await desk.say(HONEST)
    learned = (await desk.night()).live
    assert stored[0].id is not None
    async with desk.database.write() as connection:
        await desk.store.withdraw(connection, desk.workspace, stored[0].id, at=desk.clock.now())
    report = await desk.night()
    assert report.forgotten == 1
    assert (await desk.points()).messages == len(SHOTS) + len(HONEST) - 1
    assert "1 corrections were withdrawn or erased" in report.text
    assert stored[0].id not in (await desk.live()).provenance["corrections"]
    assert (await desk.registry.roll_back(desk.workspace, KIND)).version == learned


async def test_without_a_live_model_there_is_nothing_to_learn_from(
    desk: Desk, other_workspace: WorkspaceId
) -> None:
    with pytest.raises(UnknownTriageModel, match="train one and promote it first"):
        await desk.learner.learn(other_workspace, SHOTS, at=START)


async def test_too_few_corrections_wait_and_leave_no_version(desk: Desk) -> None:
    await desk.say(HONEST[:5])
    report = await desk.night()
    assert report.outcome is Outcome.WAITING
    assert report.study.reasons == ("5 different messages are new; 40 are needed to judge.",)
    assert len(await desk.registry.history(desk.workspace, KIND)) == 1


async def test_what_there_is_to_learn_from_has_a_name_that_changes_with_it(
    desk: Desk, other_workspace: WorkspaceId
) -> None:
    assert await desk.learner.material(desk.workspace, SHOTS) is None
    stored = await desk.say(HONEST[:2])
    first = await desk.learner.material(desk.workspace, SHOTS)
    names = {first, await desk.learner.material(desk.workspace, SHOTS[1:])}
    assert stored[0].id is not None
    async with desk.database.write() as connection:
        await desk.store.withdraw(connection, desk.workspace, stored[0].id, at=desk.clock.now())
    names.add(await desk.learner.material(desk.workspace, SHOTS))
    async with desk.database.write() as connection:
        await desk.store.corrections.erase(connection, desk.workspace, texts=[stored[0].text])
    names.add(await desk.learner.material(desk.workspace, SHOTS))
    elsewhere = HashEncoder(dimensions=128, identity="hash@2")
    moved = Learner(desk.database, desk.store.corrections, desk.registry, elsewhere, intents={})
    names.add(await moved.material(desk.workspace, SHOTS))
    assert len(names) == 5
    assert await desk.learner.material(other_workspace, SHOTS) is None
