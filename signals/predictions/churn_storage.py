"""Churn models on disk: one JSON file, nothing that runs when it is read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from signals.errors import ChurnModelUnreadable
from signals.predictions.churn import ChurnModel
from signals.predictions.churn_calibration import Calibration
from signals.predictions.churn_terms import Term

FORMAT = 1


def write_churn(model: ChurnModel, file: Path) -> None:
    """Write what ``read_churn`` reads; the folder of ``file`` is made where it is missing.

    Numbers are written so that they are read again to the last bit. The file is replaced as a whole.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(churn_record(model), ensure_ascii=False, allow_nan=False)
    partial = file.with_name(file.name + ".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(file)


def read_churn(file: Path) -> ChurnModel:
    """The model of ``file``. Raises ``ChurnModelUnreadable`` when it holds none, or one of another format."""
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ChurnModelUnreadable(f"{file} holds no churn model: {error!r}") from error
    return churn_of(described, where=str(file))


def churn_record(model: ChurnModel) -> dict[str, Any]:
    """``model`` as JSON."""
    return {"format": FORMAT, **asdict(model)}


def churn_of(described: Any, *, where: str) -> ChurnModel:  # noqa: ANN401 (whatever was written there)
    """The model of ``churn_record``. Raises ``ChurnModelUnreadable``, naming ``where`` it was read."""
    try:
        if described["format"] != FORMAT:
            raise ChurnModelUnreadable(
                f"The churn model in {where} has format {described['format']}, this version reads {FORMAT}."
            )
        return _model(described)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChurnModelUnreadable(f"{where} holds no churn model: {error!r}") from error


def _model(described: Mapping[str, Any]) -> ChurnModel:
    terms = tuple(_term(term) for term in described["terms"])
    weights = _numbers(described["weights"])
    if len(weights) != sum(term.width for term in terms):
        raise ValueError("there is not one weight for each column")
    calibration = described["calibration"]
    if calibration["method"] not in {"sigmoid", "isotonic"}:
        raise ValueError(f"{calibration['method']!r} is no calibration")
    sums, values = _numbers(calibration["sums"]), _numbers(calibration["values"])
    if len(sums) != len(values) or len(sums) < 2:
        raise ValueError("the calibration has no value for each sum")
    return ChurnModel(
        terms=terms,
        weights=weights,
        intercept=_number(described["intercept"]),
        calibration=Calibration(calibration["method"], sums, values),
        losses={method: _number(loss) for method, loss in described["losses"].items()},
        trained_on=int(described["trained_on"]),
    )


def _term(described: Mapping[str, Any]) -> Term:
    term = Term(
        name=str(described["name"]),
        low=_number(described["low"]),
        high=_number(described["high"]),
        scale=_number(described["scale"]),
        knots=_numbers(described["knots"]),
        means=_numbers(described["means"]),
    )
    if term.scale <= 0 or len(term.means) != len(term.knots) + 1:
        raise ValueError(f"the columns of {term.name} cannot be")
    return term


def _numbers(values: list[Any]) -> tuple[float, ...]:
    return tuple(_number(value) for value in values)


def _number(value: float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number
