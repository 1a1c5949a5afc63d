"""Texts that say the same in nearly the same words, so that what is said a hundred times counts once."""

from __future__ import annotations

import re
import threading
from collections.abc import Hashable, Sequence

import numpy as np

from inference.embeddings import Encoder, Matrix
from triage.stopping import go_on

_SAME = 0.95  # cosine: another punctuation or case, a word more in a long message; not a paraphrase
_BATCH = 256  # texts, about two seconds of one core
_NUMBER = re.compile(r"\d")


class RememberingEncoder:
    """An encoder that encodes each text once: models are trained on much the same texts again and again.

    Raises ``Stopped`` within a few hundred texts after ``stop`` is set.
    """

    def __init__(self, encoder: Encoder, *, stop: threading.Event | None = None) -> None:
        self._encoder = encoder
        self._stop = stop
        self._known: dict[str, Matrix] = {}
        self.identity = encoder.identity
        self.dimensions = encoder.dimensions
        self.encode_with_spans = encoder.encode_with_spans
        self.encode_with_tokens = encoder.encode_with_tokens

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text: (number of texts, dimensions)."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._known]
        for start in range(0, len(unknown), _BATCH):
            go_on(self._stop)
            batch = unknown[start : start + _BATCH]
            self._known.update(zip(batch, self._encoder.encode(batch), strict=True))
        rows = [self._known[text] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.dimensions), np.float32)


def groups(texts: Sequence[str], kinds: Sequence[Hashable], encoder: Encoder) -> list[int]:
    """The group of each text, numbered as they first appear.

    A text joins the nearest group of its own kind whose first text it is the same as, or opens one. Numbers
    do not count: an order's number makes no other question.
    """
    numberless = [
        " ".join(word for word in text.split() if not _NUMBER.search(word)) or text for text in texts
    ]
    heads = np.zeros((len(texts), encoder.dimensions), np.float32)
    head_kinds: list[Hashable] = []
    found = []
    for vector, kind in zip(encoder.encode(numberless), kinds, strict=True):
        opened = len(head_kinds)
        own = np.array([other == kind for other in head_kinds], bool)
        cosines = np.where(own, heads[:opened] @ vector, -1.0)
        if opened and cosines.max() >= _SAME:
            found.append(int(cosines.argmax()))
        else:
            heads[opened] = vector
            head_kinds.append(kind)
            found.append(opened)
    return found
