"""Moves the texts of a label together and those of different labels apart: once, in a process of its own.

Run as ``python -m inference.fine_tuning JOB.json``, as ``inference.tuner`` does; torch is needed here and in
``inference.conversion`` and nowhere else. Supervised contrastive loss (arXiv:2004.11362) over the upper half
of the layers; the lower half stays as it is, and what it makes of a text is kept between steps. All sets but
the first are there to regularise: one of them, in turn, joins the first in every step. Settings were chosen
on banking77, five examples a label, on rows of its training part that are not reported (ADR 10).
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

LabelledTexts = Sequence[Sequence[str]]  # the texts of each label

_LABELS, _TEXTS = 24, 3  # of each set in one step
_TEMPERATURE = 0.07
_RATE, _LEAST_RATE = 2e-4, 0.05  # the second is a share of the first
_WARM_UP = 10  # steps
_LONGEST = 128  # tokens
_KEPT = 200_000  # tokens whose states are kept; 300 MB at 384 dimensions
_AT_ONCE = 24  # texts of like length that run together: little padding
_THREADS = 4  # at most: products this small gain nothing from more
_FAR = -1e9


class _Encoder:
    """A BERT-like transformer with mean pooling, cut in two between its layers."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._tokenizer = model.tokenizer
        transformer: Any = model[0].auto_model
        self._embeddings, layers = transformer.embeddings, transformer.encoder.layer
        self._lower, self.upper = layers[: len(layers) // 2], layers[len(layers) // 2 :]
        self._states: dict[str, torch.Tensor] = {}
        self._kept = 0

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors (texts, dimensions) through which the upper half can learn."""
        states = self._after_lower(texts)
        order = sorted(range(len(texts)), key=lambda place: len(states[place]))
        parts = [order[start : start + _AT_ONCE] for start in range(0, len(order), _AT_ONCE)]
        vectors = torch.cat([self._run_upper([states[place] for place in part]) for part in parts])
        return vectors[torch.tensor(order).argsort()]

    def _run_upper(self, states: list[torch.Tensor]) -> torch.Tensor:
        hidden = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)
        real = torch.zeros(hidden.shape[:2])
        for row, own in enumerate(states):
            real[row, : len(own)] = 1
        hidden = _through(self.upper, hidden, real)
        return torch.nn.functional.normalize((hidden * real[..., None]).sum(1), dim=1)

    def _after_lower(self, texts: Sequence[str]) -> list[torch.Tensor]:
        unknown = [text for text in dict.fromkeys(texts) if text not in self._states]
        fresh = dict(zip(unknown, self._run_lower(unknown), strict=True)) if unknown else {}
        found = [fresh[text] if text in fresh else self._states[text] for text in texts]
        for text, states in fresh.items():
            if self._kept + len(states) <= _KEPT:
                self._states[text] = states
                self._kept += len(states)
        return found

    def _run_lower(self, texts: list[str]) -> list[torch.Tensor]:
        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
        )
        real = inputs["attention_mask"].float()
        with torch.no_grad():
            hidden = _through(self._lower, self._embeddings(input_ids=inputs["input_ids"]), real)
        lengths = inputs["attention_mask"].sum(1).tolist()
        return [states[:length].clone() for states, length in zip(hidden, lengths, strict=True)]


def tune(
    model: SentenceTransformer, sets: Sequence[LabelledTexts], *, steps: int, seed: int
) -> Iterator[int]:
    """Tune ``model`` in place; yields the number of each step when it is done.

    A label's texts must differ; labels with one text are left out, for it has nothing to be moved to. The
    first of ``sets`` must have two labels with more. On one machine the same sets and seed give the same
    weights.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(min(torch.get_num_threads(), _THREADS))
    torch.use_deterministic_algorithms(True)
    random = np.random.default_rng(seed)
    usable = [[texts for texts in one if len(texts) > 1] for one in sets]
    first, others = usable[0], [one for one in usable[1:] if len(one) > 1]
    if len(first) < 2:
        raise ValueError("two labels with two texts or more are needed")
    model.requires_grad_(False)
    encoder = _Encoder(model)
    encoder.upper.requires_grad_(True)
    weights = list(encoder.upper.parameters())
    optimizer = torch.optim.AdamW(weights, lr=_RATE, weight_decay=0.01)
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(step / _WARM_UP, 1) * max(_LEAST_RATE, 1 - step / steps)
        drawn = [first, others[step % len(others)]] if others else [first]
        batches = [_draw(one, random) for one in drawn]
        vectors = encoder.encode([text for texts, _ in batches for text in texts])
        parts = torch.split(vectors, [len(texts) for texts, _ in batches])
        losses = [_apart(part, labels) for part, (_, labels) in zip(parts, batches, strict=True)]
        optimizer.zero_grad()
        torch.autograd.backward(losses)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        yield step


def _draw(texts: LabelledTexts, random: np.random.Generator) -> tuple[list[str], torch.Tensor]:
    """Texts of some labels, and the label of each by number (texts,)."""
    labels = random.choice(len(texts), min(_LABELS, len(texts)), replace=False)
    chosen = [
        [texts[label][row] for row in random.permutation(len(texts[label]))[:_TEXTS]] for label in labels
    ]
    numbers = [number for number, own in enumerate(chosen) for _ in own]
    return [text for own in chosen for text in own], torch.tensor(numbers)


def _apart(vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean surprise at which other texts of the batch have a text's label, by their cosines."""
    cosines = (vectors @ vectors.T / _TEMPERATURE).fill_diagonal_(_FAR)
    same = (labels[:, None] == labels[None]).float().fill_diagonal_(0)
    surprise = torch.logsumexp(cosines, 1, keepdim=True) - cosines
    return ((surprise * same).sum(1) / same.sum(1)).mean()


def _through(layers: Any, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 (layers)
    blind = ((1 - real) * _FAR)[:, None, None, :]
    for layer in layers:
        out = layer(hidden, attention_mask=blind)
        hidden = out[0] if isinstance(out, tuple) else out
    return hidden


def _main(job: Path) -> None:
    """Do what ``job`` says; prints a line for each step."""
    told = json.loads(job.read_text(encoding="utf-8"))
    warnings.simplefilter("ignore")
    model = SentenceTransformer(told["model"], device="cpu", local_files_only=True).eval()
    for step in tune(model, told["sets"], steps=told["steps"], seed=told["seed"]):
        sys.stdout.write(f"step {step}\n")
        sys.stdout.flush()
    model.save(told["target"], create_model_card=False)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
