"""Models on disk: what is written is read, and what is no model says so."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest

from inference.fakes import HashEncoder
from triage.errors import ModelUnreadable
from triage.heads import Heads, fit_heads
from triage.ngrams import Ngrams, find_ngrams
from triage.storage import FORMAT, arrays_of, heads_of, read_model, unreadable, write_model

TEXTS = ["refund me", "my money back", "parcel late", "where is the parcel"]
NUMBERS = {"numbers": np.arange(3)}


@pytest.fixture
def fitted() -> tuple[Ngrams, Heads]:
    ngrams = Ngrams.fit(TEXTS)
    counted = ngrams.matrix(find_ngrams(TEXTS))
    labels = np.array([0, 0, 1, 1])
    vectors = HashEncoder(dimensions=16).encode(TEXTS)
    return ngrams, fit_heads(vectors, counted, labels, number=2, seed=0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "model"
    write_model(folder, {"labels": ["b", "ä"]}, NUMBERS | {"flags": np.array([True])})
    described, arrays = read_model(folder)
    assert described == {"format": FORMAT, "labels": ["b", "ä"]}
    assert arrays["numbers"].tolist() == [0, 1, 2]
    assert arrays["flags"].dtype == np.bool_
    assert sorted(arrays) == ["flags", "numbers"]


def test_writing_again_replaces_all_that_was_there(tmp_path: Path) -> None:
    write_model(tmp_path, {"old": 1}, NUMBERS | {"more": np.zeros(2)})
    write_model(tmp_path, {"new": 1}, NUMBERS)
    described, arrays = read_model(tmp_path)
    assert described == {"format": FORMAT, "new": 1}
    assert list(arrays) == ["numbers"]


def test_heads_come_back_the_large_ones_at_half_precision(
    tmp_path: Path, fitted: tuple[Ngrams, Heads]
) -> None:
    ngrams, heads = fitted
    write_model(tmp_path, {}, arrays_of(ngrams, heads))
    read_ngrams, read_heads = heads_of(read_model(tmp_path)[1])
    for part in fields(ngrams):
        np.testing.assert_array_equal(getattr(read_ngrams, part.name), getattr(ngrams, part.name))
    for part in fields(heads):
        before, after = getattr(heads, part.name), getattr(read_heads, part.name)
        assert after.dtype == before.dtype
        np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(read_heads.sentence, heads.sentence)
    vectors, counted = HashEncoder(dimensions=16).encode(TEXTS), ngrams.matrix(find_ngrams(TEXTS))
    again = read_heads.scores(vectors, counted)
    np.testing.assert_allclose(again, heads.scores(vectors, counted), atol=0.02)


def test_heads_without_one_of_their_arrays_are_none(fitted: tuple[Ngrams, Heads]) -> None:
    arrays = arrays_of(*fitted)
    for name in arrays:
        with pytest.raises(KeyError, match=name):
            heads_of({other: array for other, array in arrays.items() if other != name})


@dataclass(frozen=True)
class Broken:
    name: str
    file: str
    content: bytes
    says: str = "holds no model"


@pytest.mark.parametrize(
    "case",
    [
        Broken("nothing", "model.json", b""),
        Broken("no JSON", "model.json", b"{"),
        Broken("a list", "model.json", b"[]"),
        Broken("a number", "model.json", b"7"),
        Broken("no UTF-8", "model.json", b"\xff\xfe"),
        Broken("no format", "model.json", b"{}"),
        Broken("a later format", "model.json", json.dumps({"format": FORMAT + 1}).encode(), "Train it again"),
        Broken("no arrays", "arrays.npz", b"PK\x05\x06 cut"),
        Broken("arrays of nothing", "arrays.npz", b""),
    ],
    ids=lambda case: case.name,
)
def test_what_is_no_model_says_so(tmp_path: Path, case: Broken) -> None:
    write_model(tmp_path, {}, NUMBERS)
    (tmp_path / case.file).write_bytes(case.content)
    with pytest.raises(ModelUnreadable, match=case.says):
        read_model(tmp_path)


@pytest.mark.parametrize("missing", ["model.json", "arrays.npz"])
def test_half_a_model_is_none(tmp_path: Path, missing: str) -> None:
    write_model(tmp_path, {}, NUMBERS)
    (tmp_path / missing).unlink()
    with pytest.raises(ModelUnreadable, match="holds no model"):
        read_model(tmp_path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_arrays_cut_short_are_none(tmp_path: Path, fitted: tuple[Ngrams, Heads], kept: float) -> None:
    write_model(tmp_path, {}, arrays_of(*fitted))
    whole = (tmp_path / "arrays.npz").read_bytes()
    (tmp_path / "arrays.npz").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ModelUnreadable, match="holds no model"):
        read_model(tmp_path)


def test_arrays_that_would_run_code_are_not_read(tmp_path: Path) -> None:
    write_model(tmp_path, {}, {"numbers": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ModelUnreadable):
        read_model(tmp_path)


def test_the_error_names_the_folder_and_the_reason(tmp_path: Path) -> None:
    assert "labels" in str(unreadable(tmp_path, KeyError("labels")))
    assert str(tmp_path) in str(unreadable(tmp_path, KeyError("labels")))
