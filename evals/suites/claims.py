"""How many texts that are not approved are caught, and how many that are approved are taken for such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evals.errors import DatasetInvalid
from evals.measures import Measures
from evals.report import Report, Stopwatch
from signals.brand.claim_checker import Finding, FindingKind

Check = Callable[[str, date], Sequence[Finding]]


class Wrong(BaseModel):
    """Words of a text that are not approved, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FindingKind
    text: Annotated[str, Field(min_length=1)]


class LabelledText(BaseModel):
    """A text that is said ``on`` a day, and what of it is not approved then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    split: str
    on: date
    text: str
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A text with what was found in it."""

    labelled: LabelledText
    found: tuple[Finding, ...]

    @property
    def is_caught(self) -> bool:
        """Whether something of a kind that is wrong with it was found."""
        kinds = {one.kind for one in self.found}
        return any(one.kind in kinds for one in self.labelled.wrong)

    @property
    def is_placed(self) -> bool:
        """Whether each wrong part was found in its own words."""
        found = {(one.kind, one.text) for one in self.found}
        return all((one.kind, one.text) in found for one in self.labelled.wrong)


def load_texts(file: Path, *, split: str = "all") -> list[LabelledText]:
    """The texts of a file of JSON lines. Raises ``DatasetInvalid``, naming the line."""
    rows = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetInvalid(f"{file} cannot be read: {error.strerror}.") from None
    for number, line in enumerate(lines, start=1):
        try:
            row = _ROW.validate_json(line)
        except ValidationError as error:
            raise DatasetInvalid(f"{file} line {number}: {error.errors()[0]['msg']}.") from None
        if any(one.text not in row.text for one in row.wrong):
            raise DatasetInvalid(f"{file} line {number}: what is wrong is not in the text.")
        if split in {"all", row.split}:
            rows.append(row)
    if not rows:
        raise DatasetInvalid(f"{file} has no texts of the split {split}.")
    return rows


def evaluate_claims(name: str, texts: Sequence[LabelledText], check: Check) -> Report:
    """Recall over texts that are not approved, by kind too, and the share of the others that is flagged."""
    stopwatch = Stopwatch()
    judged = [Judged(one, tuple(check(one.text, one.on))) for one in texts]
    return stopwatch.report("claims", name, len(judged), measure(judged))


def measure(judged: Sequence[Judged]) -> Measures:
    """``recall``, ``placed`` (each wrong part in its own words), ``false_alarm_rate``, and recall by kind."""
    measures = Measures()
    wrong = [one for one in judged if one.labelled.wrong]
    right = [one for one in judged if not one.labelled.wrong]
    measures.share("recall", sum(one.is_caught for one in wrong), len(wrong))
    measures.share("placed", sum(one.is_placed for one in wrong), len(wrong))
    measures.share("false_alarm_rate", sum(bool(one.found) for one in right), len(right))
    for kind in FindingKind:
        own = [one for one in wrong if any(part.kind is kind for part in one.labelled.wrong)]
        measures.share(f"recall.{kind}", sum(one.is_caught for one in own), len(own))
    return measures


_ROW = TypeAdapter(LabelledText)
