"""Whether churn is seen, and toward whom; and how customers feel: both without training on the set."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.errors import DatasetInvalid
from evals.measures import Measures
from evals.metrics import auroc, ece, macro_f1
from evals.report import Report, Stopwatch
from inference.embeddings import Encoder
from triage.brands import Brands
from triage.labelled import GROUPS, MARKS
from triage.labels import Sentiment, Signal
from triage.marks import MarkModel, groups

NO_BRAND = "no_brand"
_LEVELS = ("negative", "neutral", "positive")
_LEVEL_OF = {
    Sentiment.VERY_NEGATIVE: 0,
    Sentiment.NEGATIVE: 0,
    Sentiment.NEUTRAL: 1,
    Sentiment.POSITIVE: 2,
    Sentiment.VERY_POSITIVE: 2,
}


@dataclass(frozen=True, slots=True)
class ChurnMessage:
    """A message and whether its writer may leave ``brand``, which is empty where none is meant."""

    text: str
    brand: str
    churn: bool


@dataclass(frozen=True, slots=True)
class FeltMessage:
    """A message and how its writer feels: 0 negative, 1 neutral, 2 positive."""

    text: str
    level: int


def evaluate_signals(
    name: str, messages: Sequence[ChurnMessage], model: MarkModel, encoder: Encoder
) -> Report:
    """Macro-F1, AUROC and calibration of ``churn_risk`` at one half, as the API reports it.

    Each message is read as one to its brand; the other brands of the set are competitors, as a company would
    name them in its settings.
    """
    stopwatch = Stopwatch()
    known = sorted({message.brand.casefold() for message in messages} - {""})
    texts = [_as_read(message, known) for message in messages]
    column = MARKS.index(f"signal.{Signal.CHURN_RISK}")
    probability = model.probabilities(texts, encoder.encode(texts))[:, column]
    truth = np.array([message.churn for message in messages])
    measures = Measures()
    measures.statistic(
        "macro_f1", len(truth), _f1(truth.astype(np.intp), (probability >= 0.5).astype(np.intp))
    )
    measures.pairs("auroc", probability.tolist(), truth.tolist(), auroc)
    measures.pairs("ece", probability.tolist(), truth.tolist(), ece)
    return stopwatch.report("signals", name, len(messages), measures)


def evaluate_sentiment(
    name: str, messages: Sequence[FeltMessage], model: MarkModel, encoder: Encoder
) -> Report:
    """Macro-F1, accuracy and calibration of three levels, which the five of the model fall into."""
    stopwatch = Stopwatch()
    columns = dict(groups())["sentiment"]
    texts = [message.text for message in messages]
    five = model.probabilities(texts, encoder.encode(texts))[:, columns]
    three = np.zeros((len(messages), len(_LEVELS)))
    for place, level in enumerate(GROUPS["sentiment"]):
        three[:, _LEVEL_OF[Sentiment(level)]] += five[:, place]
    truth = np.array([message.level for message in messages])
    predicted: NDArray[np.intp] = three.argmax(axis=1)
    measures = Measures()
    measures.statistic("macro_f1", len(truth), _f1(truth, predicted))
    measures.mean("accuracy", (truth == predicted).tolist())
    measures.pairs("ece", three.max(axis=1).tolist(), (truth == predicted).tolist(), ece)
    return stopwatch.report("sentiment", name, len(messages), measures)


def load_churn(file: Path) -> list[ChurnMessage]:
    """Rows of text, brand and churn (0 or 1). Raises ``DatasetInvalid``."""
    return [
        ChurnMessage(row["text"], "" if row["brand"] == NO_BRAND else row["brand"], row["churn"] == "1")
        for row in _rows(file, ("text", "brand", "churn"), churn=("0", "1"))
    ]


def load_felt(file: Path) -> list[FeltMessage]:
    """Rows of text and label (negative, neutral, positive). Raises ``DatasetInvalid``."""
    return [
        FeltMessage(row["text"], _LEVELS.index(row["label"]))
        for row in _rows(file, ("text", "label"), label=_LEVELS)
    ]


def _rows(file: Path, columns: Sequence[str], **allowed: Sequence[str]) -> Iterator[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            if not set(columns) <= set(rows.fieldnames or ()):
                raise DatasetInvalid(f"{file} needs the columns {', '.join(columns)}.")
            for number, row in enumerate(rows, start=2):
                for column, values in allowed.items():
                    if row[column] not in values:
                        raise DatasetInvalid(
                            f"{file}, row {number}: {column} is none of {', '.join(values)}."
                        )
                yield row
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetInvalid(f"{file} cannot be read: {error}.") from None


def _f1(truth: NDArray[np.intp], predicted: NDArray[np.intp]) -> Callable[[NDArray[np.intp]], float]:
    number = int(max(truth.max(), predicted.max())) + 1
    return lambda places: macro_f1(truth[places], predicted[places], number)


def _as_read(message: ChurnMessage, known: Sequence[str]) -> str:
    own = message.brand.casefold()
    brands = Brands([own] if own else [], [name for name in known if name != own])
    return brands.name(message.text).text
