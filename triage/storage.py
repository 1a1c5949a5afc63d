"""Models on disk: JSON and plain arrays, nothing that runs when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from triage.errors import ModelUnreadable
from triage.heads import Heads
from triage.ngrams import Ngrams

FORMAT = 3
_MODEL, _ARRAYS = "model.json", "arrays.npz"
_HALVED = ("ngrams", "neighbours")  # stored at half precision: the large ones
_HEADS = ("sentence", "sentence_bias", "ngrams", "ngram_bias", "neighbours", "members")

Arrays = Mapping[str, NDArray[Any]]  # name to array


def write_model(folder: Path, described: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write what ``read_model`` reads into ``folder``, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _ARRAYS).open("wb") as file:
        np.savez(file, **arrays)
    text = json.dumps({"format": FORMAT, **described}, ensure_ascii=False)
    (folder / _MODEL).write_text(text + "\n", encoding="utf-8")


def read_model(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Description and arrays of the model in ``folder``. Raises ``ModelUnreadable`` when there is none."""
    try:
        described = json.loads((folder / _MODEL).read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise ModelUnreadable(
                f"The model in {folder} has format {described['format']}, this version reads {FORMAT}. "
                "Train it again."
            )
        with (folder / _ARRAYS).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return described, {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise unreadable(folder, error) from error


def unreadable(folder: Path, error: Exception) -> ModelUnreadable:
    """What to raise where ``folder`` holds something else than a model."""
    return ModelUnreadable(f"{folder} holds no model that `careloop train` wrote: {error!r}")


def arrays_of(ngrams: Ngrams, heads: Heads) -> dict[str, NDArray[Any]]:
    """What ``heads_of`` makes n-grams and heads from."""
    arrays = {name: getattr(heads, name) for name in _HEADS}
    halved = {name: arrays[name].astype(np.float16) for name in _HALVED}
    counted = {"ngram_keys": ngrams.keys, "ngram_idf": ngrams.idf, "ngram_is_word": ngrams.word}
    return {**arrays, **halved, **counted}


def heads_of(arrays: Arrays) -> tuple[Ngrams, Heads]:
    """N-grams and heads from ``arrays_of`` them. Raises ``KeyError`` where one is missing."""
    whole = {name: arrays[name].astype(np.float32) for name in _HALVED}
    heads = Heads(**{**{name: arrays[name] for name in _HEADS}, **whole})
    return Ngrams(arrays["ngram_keys"], arrays["ngram_idf"], arrays["ngram_is_word"]), heads
