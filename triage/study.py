"""Whether corrections make a better model: the experiment that a night's learning rests on."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from threadpoolctl import threadpool_limits  # it ships no types

from inference.embeddings import Encoder
from triage.comparison import Judgement, LabelLoss, Paired, compare, judge, label_losses
from triage.corrections import Conflict, Correction, as_examples, lessons
from triage.examples import OUT_OF_SCOPE, Example
from triage.model import HeldOut, IntentModel, train
from triage.objections import Losses, better, crowded_labels, not_better, objections, remarks
from triage.quarantine import Batch, suspicious
from triage.similar_texts import RememberingEncoder, groups
from triage.text_hash import normalised
from triage.upheld import uphold

_FEWEST = 2  # examples of a label that a model can be trained on


class Verdict(StrEnum):
    """What came of the experiment; ``wait`` when there is too little to tell."""

    PROMOTE = "promote"
    REJECT = "reject"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class StudyLimits:
    """``hold_out`` is the youngest share of what is new that judges, and ``fewest`` how many at least.

    Of texts that are nearly the same ``most_alike`` are learned. Trusted examples are judged in ``folds``
    until ``most_trusted`` of them were. ``margin`` is the accuracy that trusted and youngest together may
    lose, at the lower end of the interval.
    """

    hold_out: float = 0.4
    fewest: int = 20
    most_alike: int = 5
    folds: int = 4
    most_trusted: int = 1000
    margin: float = 0.02


@dataclass(frozen=True, slots=True)
class Study:
    """The outcome, with ``reasons`` in words that hold no message text.

    ``learned`` is what the ``final`` model, trained on everything, learned from the corrections: there is
    one when the verdict is to promote, while ``candidate`` is what was tried, from the older corrections
    ``tried``; ``unseen`` is how the heads of the one that came of it did on messages unlike any that they
    had seen. ``new`` different messages of the ``usable`` ones were unknown to the live model, ``held_out``
    of them judged. ``losses`` speak against the candidate, ``watched`` labels are as much worse and do not
    (``triage.objections``).
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    usable: int
    new: int
    held_out: int = 0
    conflicts: tuple[Conflict, ...] = ()
    repeated: int = 0
    quarantined: tuple[Batch, ...] = ()
    unlearnable: tuple[str, ...] = ()
    hold_out: Paired | None = None
    trusted: Paired | None = None
    together: Paired | None = None
    losses: tuple[LabelLoss, ...] = ()
    watched: tuple[LabelLoss, ...] = ()
    candidate: IntentModel | None = field(default=None, repr=False)
    final: IntentModel | None = field(default=None, repr=False)
    unseen: HeldOut | None = field(default=None, repr=False)
    tried: tuple[Correction, ...] = field(default=(), repr=False)
    learned: tuple[Correction, ...] = field(default=(), repr=False)


def study(
    base: Sequence[Example],
    corrections: Sequence[Correction],
    live: IntentModel,
    encoder: Encoder,
    *,
    known: Collection[Correction] = (),
    limits: StudyLimits | None = None,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> Study:
    """Train on the trusted ``base`` and the older corrections, and compare with ``live`` on the youngest.

    ``known`` are the corrections that the live model learned from: they cannot judge it. Promoting needs a
    paired 95 % interval above 0 on the youngest part of what is new; that together with trusted examples that
    neither of two models saw must not be worse by ``limits.margin``; trusted examples must not be known
    worse, and no label of them drained, or worse without an innocent reason (``triage.objections``). That
    last is what stops corrections whose youngest part agrees with a mistake in the rest: there, one model
    learned from ``base`` and ``known``, the other from all corrections besides, just as the final model will.
    The same input and seed give the same outcome. Raises ``Stopped`` soon after ``stop``
    is set.
    """
    remembering, limits = RememberingEncoder(encoder, stop=stop), limits or StudyLimits()
    with threadpool_limits(1):  # learning runs beside what answers customers, and small matrices gain nothing
        return _Experiment(base, live, remembering, known, limits, seed, stop).run(corrections)


def train_with_unseen(
    examples: Sequence[Example], encoder: Encoder, *, seed: int, stop: threading.Event | None = None
) -> tuple[IntentModel, HeldOut]:
    """A model, and how its heads did on examples that they had not seen, nor any that is nearly the same.

    Corrections come in swarms: of ten alike, each fold has seen some, and would promise too much.
    """
    model, held_out = train(examples, encoder, seed=seed, stop=stop)
    inside = [example for example in examples if example.label != OUT_OF_SCOPE]
    place = groups([each.text for each in inside], [each.label for each in inside], encoder)
    alone = np.bincount(place)[place] == 1
    return model, HeldOut(held_out.labels[alone], held_out.by_label[alone])


def trainable(examples: Sequence[Example]) -> tuple[list[Example], tuple[str, ...]]:
    """``examples`` of labels that have two or more, and the labels that have not."""
    counts = Counter(example.label for example in examples if example.label != OUT_OF_SCOPE)
    rare = tuple(sorted(label for label, count in counts.items() if count < _FEWEST))
    return [example for example in examples if example.label not in rare], rare


def training_set(base: Sequence[Example], corrections: Sequence[Correction]) -> list[Example]:
    """``base`` with what was corrected in it, and everything else that was corrected."""
    corrected = {normalised(correction.text) for correction in corrections}
    kept = [example for example in base if normalised(example.text) not in corrected]
    return [*kept, *as_examples(corrections)]


@dataclass(frozen=True, slots=True)
class _Split:
    """``learned``: all that is learned from; ``older``: without the groups that ``judges`` are of.

    ``new``: the youngest of each group that the live model has learned nothing of.
    """

    learned: list[Correction]
    older: list[Correction]
    judges: list[Correction]
    new: list[Correction]


@dataclass(frozen=True, slots=True)
class _Experiment:
    base: Sequence[Example]
    live: IntentModel
    encoder: Encoder
    known: Collection[Correction]
    limits: StudyLimits
    seed: int
    stop: threading.Event | None

    def run(self, corrections: Sequence[Correction]) -> Study:
        everything = lessons(corrections)
        batches = tuple(suspicious(everything.corrections, self.live, self.encoder))
        held_back = {(batch.source, batch.who) for batch in batches}
        found = lessons(each for each in corrections if (each.source, each.who) not in held_back)
        split = self._split(found.corrections)
        study = Study(
            Verdict.WAIT,
            tuple(_held_back(batch) for batch in batches),
            usable=len(found.corrections),
            new=len(split.new),
            held_out=len(split.judges),
            conflicts=found.conflicts,
            repeated=found.repeated,
            quarantined=batches,
        )
        if not split.judges:
            needed = 2 * self.limits.fewest
            return _decided(
                study,
                Verdict.WAIT,
                f"{len(split.new)} different messages are new; {needed} are needed to judge.",
            )
        return self._compare(study, split)

    def _compare(self, study: Study, split: _Split) -> Study:
        older, _ = trainable(training_set(self.base, split.older))
        candidate, unseen = train_with_unseen(older, self.encoder, seed=self.seed, stop=self.stop)
        youngest = as_examples(split.judges)
        before, after = (judge(model, youngest, self.encoder) for model in (self.live, candidate))
        hold_out = compare(before, after, seed=self.seed)
        study = replace(
            study, candidate=candidate, unseen=unseen, tried=tuple(split.older), hold_out=hold_out
        )
        if hold_out.low <= 0:
            return _decided(study, Verdict.REJECT, f"On the youngest corrections {not_better(hold_out)}.")
        trusted_before, trusted_after = self._judge_trusted(split.learned)
        trusted = compare(trusted_before, trusted_after, seed=self.seed)
        together = compare(before + trusted_before, after + trusted_after, seed=self.seed)
        held = uphold(split.new, self.live, self.encoder)
        crowded = crowded_labels(*self._learned_from(split.learned))
        losses = Losses.of(label_losses(trusted_before, trusted_after), held, crowded)
        study = replace(
            study, trusted=trusted, together=together, losses=losses.against, watched=losses.watched
        )
        against = tuple(objections(trusted, together, losses, held, margin=self.limits.margin))
        if against:
            return _decided(study, Verdict.REJECT, *against)
        everything, rare = trainable(training_set(self.base, split.learned))
        final, unseen = train_with_unseen(everything, self.encoder, seed=self.seed, stop=self.stop)
        study = replace(study, final=final, unseen=unseen, learned=tuple(split.learned), unlearnable=rare)
        return _decided(
            study, Verdict.PROMOTE, f"On the youngest corrections {better(hold_out)}.", *remarks(losses, held)
        )

    def _split(self, found: Sequence[Correction]) -> _Split:
        """By groups of texts that are nearly the same: a group is as old as its first, and judges once."""
        place = groups(
            [correction.text for correction in found],
            [correction.became for correction in found],
            self.encoder,
        )
        members: dict[int, list[Correction]] = {}
        for group, correction in zip(place, found, strict=True):
            members.setdefault(group, []).append(correction)
        known = {_lesson(correction) for correction in self.known}
        new = [group for group, own in members.items() if not any(_lesson(each) in known for each in own)]
        count = max(self.limits.fewest, math.ceil(self.limits.hold_out * len(new)))
        judging = set(new[-count:] if len(new) >= 2 * self.limits.fewest else ())
        most = self.limits.most_alike
        return _Split(
            learned=[each for own in members.values() for each in own[-most:]],
            older=[each for group, own in members.items() if group not in judging for each in own[-most:]],
            judges=[members[group][-1] for group in sorted(judging)],
            new=[members[group][-1] for group in new],
        )

    def _learned_from(self, learned: Sequence[Correction]) -> tuple[list[Example], list[Example]]:
        """Examples without what is new, and with all of it."""
        return training_set(self.base, self._known_of(learned)), training_set(self.base, learned)

    def _known_of(self, learned: Sequence[Correction]) -> list[Correction]:
        known = {_lesson(correction) for correction in self.known}
        return [correction for correction in learned if _lesson(correction) in known]

    def _judge_trusted(self, learned: Sequence[Correction]) -> tuple[Judgement, Judgement]:
        """Trusted examples by models that did not see them: without what is new, and with all of it."""
        known = self._known_of(learned)
        before = after = Judgement((), np.zeros(0, bool), np.zeros(0))
        for rest, judging in self._folds():
            texts = {normalised(example.text) for example in judging}
            models = []
            for corrections in (known, learned):
                unseen = [each for each in corrections if normalised(each.text) not in texts]
                examples, _ = trainable(training_set(rest, unseen))
                models.append(train(examples, self.encoder, seed=self.seed, stop=self.stop)[0])
            before += judge(models[0], judging, self.encoder)
            after += judge(models[1], judging, self.encoder)
            if len(before.right) >= self.limits.most_trusted:
                break
        return before, after

    def _folds(self) -> Iterator[tuple[list[Example], list[Example]]]:
        """Trusted examples to train on, and to judge with; stratified, two of each label left to train on."""
        random = np.random.default_rng(self.seed)
        by_label: dict[str, list[int]] = {}
        for row, example in enumerate(self.base):
            by_label.setdefault(example.label, []).append(row)
        fold = np.full(len(self.base), -1)
        for number, label in enumerate(sorted(by_label)):
            rows = random.permutation(by_label[label])
            if len(rows) > _FEWEST:
                folds = min(self.limits.folds, len(rows))
                # Labels begin at different folds, so that folds are of one size.
                fold[rows] = (np.arange(len(rows)) % folds + number) % self.limits.folds
        for place in range(self.limits.folds):
            judging = [self.base[row] for row in np.flatnonzero(fold == place).tolist()]
            if judging:
                yield [self.base[row] for row in np.flatnonzero(fold != place).tolist()], judging


def _decided(study: Study, verdict: Verdict, *reasons: str) -> Study:
    return replace(study, verdict=verdict, reasons=(*study.reasons, *reasons))


def _lesson(correction: Correction) -> tuple[str, str | None]:
    """What a correction teaches, whoever said it when."""
    return normalised(correction.text), correction.became


def _held_back(batch: Batch) -> str:
    return (
        f"{batch.corrections} corrections by {batch.who} ({batch.source}) are held back: where the live "
        f"model was sure, {batch.contradicted} of {batch.confident} contradict it, against "
        f"{batch.others_rate:.0%} of everybody else's. Let a second person look at them."
    )
