"""Turns a sentence-transformers model into OpenVINO's format: once, in a process of its own.

Run as ``python -m inference.conversion MODEL TARGET``. Torch is needed here and only here, so that a
server neither waits for it nor holds it in memory.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import openvino
import torch
from sentence_transformers import SentenceTransformer


class _Traceable(torch.nn.Module):
    """Every module of the model (transformer, pooling, normalisation, ...) as one traceable graph."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Any, attention_mask: Any) -> tuple[Any, Any]:  # noqa: ANN401 (torch tensors)
        """Sentence embeddings (batch, dimensions) and token states (batch, tokens, hidden)."""
        features = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
        return features["sentence_embedding"], features["token_embeddings"]


def convert(model_path: Path, target: Path) -> None:
    """Write ``model.xml``, ``model.bin`` and ``tokenizer.json`` into the new folder ``target``.

    The folder appears whole or not at all: it is written beside its place and then renamed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SentenceTransformer(str(model_path), device="cpu", local_files_only=True).eval()
        example = {
            "input_ids": torch.ones(2, 8, dtype=torch.long),
            "attention_mask": torch.ones(2, 8, dtype=torch.long),
        }
        with torch.no_grad():
            converted = openvino.convert_model(_Traceable(model), example_input=example)
    converted.reshape({0: [-1, -1], 1: [-1, -1]})
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    openvino.save_model(converted, unfinished / "model.xml", compress_to_fp16=False)
    shutil.copyfile(model_path / "tokenizer.json", unfinished / "tokenizer.json")
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
