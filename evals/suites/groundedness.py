"""Whether the groundedness score tells responses that the knowledge supports from those it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.grounding import support
from evals.measures import Measures
from evals.metrics import auroc
from evals.report import Report, Stopwatch
from evals.rows import RowReader
from kit.text import sentences

# The labels of BEGIN (arXiv:2105.00071); what says nothing ("Generic") is not supported either.
_LABELS = {
    "Fully attributable": True,
    "Not fully attributable": False,
    "Partially attributable": False,
    "Not attributable": False,
    "Generic": False,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A response to judge against ``knowledge``; ``attributable`` is what people said of it."""

    knowledge: str
    response: str
    attributable: bool


def load_pairs(file: Path) -> list[Pair]:
    """Lines of ``knowledge``, ``response`` and ``label``. Raises ``DatasetInvalid`` naming broken lines."""
    rows = RowReader(file.parent)
    pairs = []
    for line in rows.json_lines(file.name):
        knowledge, response, label = line.text("knowledge"), line.text("response"), line.text("label")
        if label is not None and label not in _LABELS:
            line.broken(f"the label {label!r} is not one of {', '.join(_LABELS)}")
        elif knowledge is not None and response is not None and label is not None:
            pairs.append(Pair(knowledge, response, _LABELS[label]))
    rows.check_usable(len(pairs))
    return pairs


def score(pair: Pair) -> float:
    """Groundedness of a whole response, in [0, 1]: that of its least supported sentence.

    An answer is checked sentence by sentence, and one unsupported sentence makes it wrong. (Measured on
    the 430 responses of begin_dev_wow: AUROC .959 with the least supported, .908 with their mean.)
    """
    found = [support(span.text, [pair.knowledge]).score for span in sentences(pair.response)]
    return min(found, default=0.0)


def evaluate_groundedness(name: str, pairs: Sequence[Pair]) -> Report:
    """AUROC of the score, fully attributable against the rest."""
    stopwatch = Stopwatch()
    measures = Measures()
    measures.pairs("auroc", [score(pair) for pair in pairs], [pair.attributable for pair in pairs], auroc)
    return stopwatch.report("groundedness", name, len(pairs), measures)
