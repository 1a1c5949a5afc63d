"""Vectors of single words, read off the encoder's own input layer: no pass, a table look-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from inference.encoder import bundled_model
from inference.errors import ModelMissing

_LAYER = "word_embeddings.weight"
_REMEMBERED = 8192  # words; 6 MB of half-precision vectors of 384 dimensions


class WordVectors:
    """Word vectors of a BERT-like model; safe to call from several threads.

    ``layer``: (pieces, dimensions), the input embeddings. A word is the mean of its pieces, each less
    the mean of all, at unit length. They know that "refund" is near "payment", and nothing of context.
    """

    def __init__(self, tokenizer: Tokenizer, layer: NDArray[np.floating]) -> None:
        self._tokenizer = tokenizer
        self._layer = (layer - layer.mean(axis=0)).astype(np.float16)
        self._vector: Callable[[str], NDArray[np.float16]] = lru_cache(_REMEMBERED)(self._look_up)

    def nearness(self, asked: Sequence[str], said: Sequence[str]) -> NDArray[np.float32]:
        """For each word of ``asked`` its largest cosine with any of ``said``, in [-1, 1]; 0 without any."""
        if not asked or not said:
            return np.zeros(len(asked), np.float32)
        known = np.array([self._vector(word) for word in said], np.float32)
        wanted = np.array([self._vector(word) for word in asked], np.float32)
        nearest: NDArray[np.float32] = (wanted @ known.T).max(axis=1)
        return nearest

    def _look_up(self, word: str) -> NDArray[np.float16]:
        pieces = self._tokenizer.encode(word, add_special_tokens=False).ids
        if not pieces:
            return np.zeros(self._layer.shape[1], np.float16)
        mean: NDArray[np.float32] = self._layer[pieces].astype(np.float32).mean(axis=0)
        mean /= max(float(np.linalg.norm(mean)), 1e-9)
        return mean.astype(np.float16)


def load_word_vectors(model: Path | None = None) -> WordVectors:
    """The word vectors of the model in folder ``model``, or of the one that comes with Careloop.

    Raises ``ModelMissing`` when there is no such model or it has no layer of word embeddings.
    """
    model = model or bundled_model()
    try:
        with safe_open(str(model / "model.safetensors"), "numpy") as weights:
            layer = next(weights.get_tensor(name) for name in weights.keys() if name.endswith(_LAYER))  # noqa: SIM118
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    except (OSError, SafetensorError, StopIteration) as error:
        raise ModelMissing(f"There are no word embeddings in {model}: {error!r}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return WordVectors(tokenizer, layer)
