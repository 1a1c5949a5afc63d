"""The models that triage works with, kept together: one version of all heads."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.embeddings import Encoder
from triage.errors import ModelUnreadable
from triage.examples import content_hash
from triage.labelled import marked, read_labelled
from triage.marks import MarkModel, load_marks, marks_hash, train_marks
from triage.model import HeldOut, IntentModel, load_model, train
from triage.risk import OperatingPoints, fit_operating_points
from triage.storage import FORMAT
from triage.taxonomy import Intent, Taxonomy, read_taxonomy, shipped

POINTS = "operating_points.json"
_DIGITS = 12


@dataclass(frozen=True)
class TriageModels:
    """``intents`` with the operating points of its own held-out messages, and ``marks``."""

    intents: IntentModel
    marks: MarkModel
    points: OperatingPoints

    @cached_property
    def version(self) -> str:
        """Changes with whatever any of the heads learnt from."""
        made_of = [*self.intents.provenance.items(), *self.marks.provenance.items(), ("format", FORMAT)]
        return hashlib.sha256(repr(made_of).encode()).hexdigest()[:_DIGITS]


def routes(
    labels: Sequence[str], intents: Mapping[str, Intent]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The queues that ``labels`` lead to, sorted, and a matrix (labels, queues) of ones and zeros.

    A label that is no intent of the taxonomy is a queue itself: a model of old tickets often says just that.
    """
    queue_of = [intents[label].queue if label in intents else label for label in labels]
    queues = tuple(sorted(set(queue_of)))
    return queues, np.array([[queue == own for queue in queues] for own in queue_of], np.float64)


def points_of(labels: Sequence[str], held_out: HeldOut, intents: Mapping[str, Intent]) -> OperatingPoints:
    """How far each share of wrong routings reaches, on messages that the heads had not seen.

    A routing is wrong when the queue is: two intents of one queue may be taken for one another.
    """
    _, to_queue = routes(labels, intents)
    by_queue = held_out.by_label @ to_queue
    right = by_queue.argmax(axis=1) == to_queue[held_out.labels].argmax(axis=1)
    return fit_operating_points(by_queue.max(axis=1), right)


def prepare_models(
    taxonomy: Taxonomy, encoder: Encoder, cache: Path, *, told: Callable[[str], None] = lambda _: None
) -> TriageModels:
    """The models of a taxonomy, from ``cache`` or trained now (some ten seconds each) and kept there.

    What was trained on something else, by another version or for another encoder, has another name there.
    ``told`` hears when training begins.
    """
    examples = taxonomy.examples()

    def train_intents(folder: Path) -> None:
        told(f"Training intents on {len(examples)} messages ...")
        model, held_out = train(examples, encoder)
        model.save(folder)
        points = points_of(model.labels, held_out, taxonomy.leaves)
        (folder / POINTS).write_text(points.to_json(), encoding="utf-8")

    # Which queue an intent leads to is in the operating points too.
    queues = repr([(name, intent.queue) for name, intent in taxonomy.leaves.items()])
    folder = _kept(cache, "intents", [encoder.identity, content_hash(examples), queues], train_intents)
    marks = prepare_marks(encoder, cache, taxonomy, told=told)
    return TriageModels(load_model(folder), marks, load_points(folder))


def prepare_marks(
    encoder: Encoder,
    cache: Path,
    taxonomy: Taxonomy | None = None,
    *,
    told: Callable[[str], None] = lambda _: None,
) -> MarkModel:
    """The model of signals, urgency, sentiment and origin, as ``prepare_models`` has it.

    It learns from the messages that ship, from the signals of every taxonomy that ships, and from those of
    ``taxonomy``.
    """
    known = [read_taxonomy(file) for file in shipped().values()]
    known += [taxonomy] if taxonomy is not None and taxonomy not in known else []
    messages = marked(read_labelled()) + [message for one in known for message in one.marked()]

    def train_on(folder: Path) -> None:
        told(f"Training signals and sentiment on {len(messages)} messages ...")
        train_marks(messages, encoder)[0].save(folder)

    return load_marks(_kept(cache, "marks", [encoder.identity, marks_hash(messages)], train_on))


def load_points(folder: Path) -> OperatingPoints:
    """The operating points beside a model. Raises ``ModelUnreadable`` when there are none."""
    try:
        return OperatingPoints.from_json((folder / POINTS).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelUnreadable(f"{folder} holds no operating points: {error.strerror}.") from None


def _kept(cache: Path, kind: str, made_of: Sequence[str], make: Callable[[Path], None]) -> Path:
    """The folder of what is made of ``made_of``; ``make`` fills it the first time, whole or not at all."""
    key = "\n".join([str(FORMAT), *made_of])
    folder = cache / f"triage-{kind}-{hashlib.sha256(key.encode()).hexdigest()[:_DIGITS]}"
    if not folder.is_dir():
        unfinished = Path(f"{folder}.{os.getpid()}")  # two processes may be at it
        shutil.rmtree(unfinished, ignore_errors=True)
        make(unfinished)
        try:
            unfinished.rename(folder)
        except OSError:  # the other was first, and made the same
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder
