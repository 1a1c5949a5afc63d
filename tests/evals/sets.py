"""Makes small data sets on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CORPUS: Sequence[Mapping[str, Any]] = (
    {
        "_id": "router",
        "title": "Restart the router",
        "text": "Hold the power button of the router for ten seconds. Wait until the light turns green.",
    },
    {
        "_id": "bill",
        "title": "When the bill arrives",
        "text": "Your bill arrives on the third working day of each month. Paper bills cost two pounds.",
    },
    {
        "_id": "roaming",
        "title": "Roaming in Europe",
        "text": "Roaming in Europe is included up to twenty gigabytes a month.",
    },
)
QUERIES: Sequence[Mapping[str, Any]] = (
    {
        "_id": "c1_1",
        "text": "How long do I hold the power button of the router?",
        "history": [],
        "answer": "Hold the power button for ten seconds.",
        "answerable": True,
        "split": "dev",
        "gold_passages": [{"document": "router", "quote": "power button of the router for ten seconds"}],
    },
    {
        "_id": "c1_2",
        "text": "When does my bill arrive?",
        "history": [{"role": "user", "text": "Hello"}, {"role": "agent", "text": "Hello, how can I help?"}],
        "answer": "On the third working day of each month.",
        "answerable": "ANSWERABLE",
        "split": "test",
        "gold_spans": [[0, 57]],
        "gold_passages": [{"document": "bill", "quote": "third working day\nof each month"}],
    },
    {"_id": "c2_1", "text": "Do you sell umbrellas?", "answerable": False, "split": "test"},
)
QRELS = (("c1_1", "router", 1), ("c1_2", "bill", 2), ("c1_2", "roaming", 0))


def write_dataset(
    folder: Path,
    *,
    corpus: Sequence[Mapping[str, Any]] = CORPUS,
    queries: Sequence[Mapping[str, Any]] = QUERIES,
    qrels: Sequence[tuple[str, str, object]] = QRELS,
) -> Path:
    """A data set in BEIR's layout in ``folder``, which is made."""
    folder.mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus))
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    rows = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in qrels)]
    (folder / "qrels.tsv").write_text("\n".join(rows) + "\n")
    return folder
