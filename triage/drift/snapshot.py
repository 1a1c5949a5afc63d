"""What is kept of the messages of a time, to hold later ones against it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np

from inference.embeddings import Matrix
from kit.errors import InvalidInput
from triage.discovery import telling_words
from triage.errors import SnapshotUnreadable
from triage.labels import Certainty, Triage
from triage.model import Prediction

FORMAT = 1
VECTORS = 500  # kept in a snapshot: 375 kB, and a thousand by a thousand kernel to compare two
WORDS = 2000  # kept in a snapshot, the most frequent
_IN_SCOPE = 0.5
_SNAPSHOT, _VECTORS_FILE = "snapshot.json", "vectors.npz"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is kept of a time: counts, and a bounded sample of vectors; no text.

    ``labels`` counts messages in scope; ``confidence`` and ``deviation`` are the mean and the standard
    deviation of the label's probability. ``words`` are in how many messages each is. ``vectors`` (up to 500,
    dimensions) are made by ``encoder``.
    """

    count: int
    labels: Mapping[str, int]
    out_of_scope: int
    confidence: float
    deviation: float
    words: Mapping[str, int]
    vectors: Matrix
    encoder: str = ""

    @classmethod
    def of(
        cls,
        found: Sequence[Triage | Prediction],
        vectors: Matrix,
        texts: Sequence[str],
        *,
        encoder: str = "",
        seed: int = 0,
    ) -> Self:
        """Of messages, what was found of them and their vectors (messages, dimensions).

        Words are kept that two messages or more have, without those that personal data is made of. Raises
        ``InvalidInput`` when there are no messages.
        """
        if not len(found) == len(vectors) == len(texts):
            raise ValueError(f"{len(found)} findings, {len(vectors)} vectors and {len(texts)} texts")
        if not found:
            raise InvalidInput("There are no messages to take a snapshot of.")
        read = [_read(one) for one in found]
        confidence = np.array([probability for _, probability, _ in read])
        rows = np.arange(len(found))
        if len(rows) > VECTORS:
            rows = np.sort(np.random.default_rng(seed).choice(rows, VECTORS, replace=False))
        return cls(
            count=len(found),
            labels=dict(sorted(Counter(label for label, _, inside in read if inside).items())),
            out_of_scope=sum(not inside for _, _, inside in read),
            confidence=float(confidence.mean()),
            deviation=float(confidence.std(ddof=1)) if len(found) > 1 else 0.0,
            words=_frequent_words(texts),
            vectors=np.asarray(vectors, np.float32)[rows].astype(np.float16).astype(np.float32),
            encoder=encoder,
        )

    def save(self, folder: Path) -> None:
        """Write it into ``folder`` as ``load_snapshot`` reads it: JSON and a plain array, no code."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _VECTORS_FILE).open("wb") as file:
            np.savez_compressed(file, vectors=self.vectors.astype(np.float16))
        names = [name for name in self.__slots__ if name != "vectors"]
        described: dict[str, Any] = {"format": FORMAT, **{name: getattr(self, name) for name in names}}
        (folder / _SNAPSHOT).write_text(json.dumps(described, ensure_ascii=False) + "\n", encoding="utf-8")


def load_snapshot(folder: Path) -> Snapshot:
    """The snapshot in ``folder``. Raises ``SnapshotUnreadable`` when there is none."""
    try:
        described = json.loads((folder / _SNAPSHOT).read_text(encoding="utf-8"))
        if described.pop("format") != FORMAT:
            raise SnapshotUnreadable(f"The snapshot in {folder} has another format. Take it again.")
        with (folder / _VECTORS_FILE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Snapshot(**described, vectors=arrays["vectors"].astype(np.float32))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile) as error:
        raise SnapshotUnreadable(f"{folder} holds no snapshot: {error!r}") from error


def _read(found: Triage | Prediction) -> tuple[str, float, bool]:
    """Label, its probability, whether any label fits."""
    if isinstance(found, Triage):
        return found.intent.name, found.intent.probability, found.certainty is not Certainty.OUT_OF_SCOPE
    return found.label, found.probability, found.in_scope >= _IN_SCOPE


def _frequent_words(texts: Sequence[str]) -> dict[str, int]:
    counts = Counter(word for said in telling_words(texts) for word in set(said))
    kept = sorted(
        ((word, count) for word, count in counts.items() if count > 1), key=lambda item: (-item[1], item[0])
    )
    return dict(kept[:WORDS])
