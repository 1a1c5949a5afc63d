"""Churn probabilities: reasons that add up, what is missing, and one file to keep them in."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from customers import Customer, Event, EventId, EventKind, Money, Profile, Stage
from evals.simulators.customer_base import draw_customers
from kit.ids import CustomerId, WorkspaceId
from signals.errors import ChurnModelUnreadable, ChurnRowsInvalid
from signals.predictions.churn import LEAST_EACH, ChurnModel, ChurnRow, fit_churn
from signals.predictions.churn_calibration import choose_calibration, fit_isotonic, fit_sigmoid
from signals.predictions.churn_features import churn_features
from signals.predictions.churn_storage import read_churn, write_churn
from signals.predictions.churn_terms import Term

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def base_rows(number: int, seed: int) -> list[ChurnRow]:
    base = draw_customers(number, seed=seed)
    return [ChurnRow(row, bool(left)) for row, left in zip(base.rows(), base.left, strict=True)]


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    return fit_churn(base_rows(1200, 7))


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_contributions_and_base_add_up_to_the_logit(model: ChurnModel) -> None:
    method = model.calibration.method
    for row in base_rows(20, 8):
        score = model.score(row.features)
        total = score.base + sum(part.logit for part in score.contributions)
        if method == "sigmoid":
            assert total == pytest.approx(logit(score.probability), abs=1e-9)
        else:
            assert model.calibration.probabilities(np.array([total]))[0] == pytest.approx(score.probability)


def test_reasons_come_with_the_strongest_first_and_name_the_value(model: ChurnModel) -> None:
    score = model.score({"failed_payments_90d": 3.0, "tenure_days": 20.0})
    strengths = [abs(part.logit) for part in score.contributions]
    assert strengths == sorted(strengths, reverse=True)
    failed = next(part for part in score.contributions if part.feature == "failed_payments_90d")
    assert (failed.value, failed.logit > 0) == (3.0, True)
    assert {part.feature for part in score.contributions} == set(model.features)


def test_none_nan_and_absence_are_the_same_missing_value(model: ChurnModel) -> None:
    known = {"tenure_days": 300.0}
    absent, none, nan = model.probabilities([known, known | {"csat": None}, known | {"csat": math.nan}])
    assert absent == none == nan
    assert all(part.value is None for part in model.score({}).contributions)


def test_a_feature_nobody_has_says_nothing() -> None:
    rows = [ChurnRow({"sure": float(place % 3), "void": None}, place % 3 == 0) for place in range(150)]
    void = next(part for part in fit_churn(rows).score({"sure": 1.0}).contributions if part.feature == "void")
    assert void.logit == pytest.approx(0, abs=0.05)


def test_an_extreme_value_counts_as_the_most_extreme_seen(model: ChurnModel) -> None:
    far, farther = model.probabilities([{"tenure_days": 1e5}, {"tenure_days": 1e12}])
    assert far == farther


def test_the_same_rows_and_seed_make_the_same_model(model: ChurnModel) -> None:
    assert fit_churn(base_rows(1200, 7)) == model


@pytest.mark.parametrize("leavers", [0, LEAST_EACH - 1])
def test_too_few_of_either_kind_are_refused(leavers: int) -> None:
    rows = [ChurnRow({"x": float(place)}, place < leavers) for place in range(200)]
    with pytest.raises(ChurnRowsInvalid, match=f"^{leavers} of 200 customers left"):
        fit_churn(rows)


def test_an_infinite_value_is_refused_by_name(model: ChurnModel) -> None:
    with pytest.raises(ChurnRowsInvalid, match="infinite tenure_days"):
        model.probabilities([{"tenure_days": math.inf}])


def test_columns_are_zero_for_an_average_customer() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0, math.nan])
    columns = Term.fit("x", values).columns(values)
    assert columns[:-1].mean(axis=0) == pytest.approx(np.zeros(columns.shape[1]))
    assert columns[-1].tolist() == [0.0] * (columns.shape[1] - 1) + [1.0]


def test_the_calibration_that_held_out_customers_prefer_is_chosen() -> None:
    random = np.random.default_rng(3)
    sums = random.uniform(-4, 4, 4000)
    sigmoid_truth = (random.random(4000) < 1 / (1 + np.exp(-sums))).astype(np.intp)
    step_truth = (random.random(4000) < np.where(sums > 2, 0.9, 0.1)).astype(np.intp)
    smooth, losses = choose_calibration(sums, sigmoid_truth, seed=0)
    stepped, _ = choose_calibration(sums, step_truth, seed=0)
    assert (smooth.method, stepped.method) == ("sigmoid", "isotonic")
    assert losses["sigmoid"] < losses["isotonic"]


def test_calibrations_rise_and_never_say_never() -> None:
    sums, left = np.linspace(-3, 3, 200), (np.arange(200) >= 100).astype(np.intp)
    for calibration in (fit_sigmoid(sums, left), fit_isotonic(sums, left)):
        given = calibration.probabilities(np.array([-1000.0, -1.0, 1.0, 1000.0]))
        assert np.all(np.diff(given) >= 0)
        assert np.all(given > 0)
        assert np.all(given < 1)


def test_a_model_is_read_as_it_was_written(model: ChurnModel, tmp_path: Path) -> None:
    file = tmp_path / "models" / "churn.json"
    write_churn(model, file)
    assert read_churn(file) == model
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 99),
        ("weights", [1.0]),
        ("intercept", "NaN"),
        ("calibration", {"method": "guess", "sums": [0, 1], "values": [0, 1]}),
        ("calibration", {"method": "sigmoid", "sums": [0], "values": [0]}),
        ("terms", [{"name": "x"}]),
        ("losses", None),
    ],
)
def test_what_is_no_model_is_refused(model: ChurnModel, tmp_path: Path, key: str, value: object) -> None:
    file = tmp_path / "churn.json"
    write_churn(model, file)
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(ChurnModelUnreadable, match="churn"):
        read_churn(file)


def test_a_file_that_is_not_there_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ChurnModelUnreadable):
        read_churn(tmp_path / "none.json")


def customer(value: Money | None = None) -> Customer:
    return Customer(
        id=CustomerId("cus_1"),
        workspace_id=WorkspaceId("default"),
        profile=Profile(value=value),
        identities=(),
        absorbed=(),
        do_not_sell=False,
        stage=Stage.RETENTION,
        stage_since=None,
        stage_event=None,
        created_at=AT - timedelta(days=100),
        updated_at=AT,
    )


def event(kind: EventKind, days_ago: float, *, name: str = "x", score: float | None = None) -> Event:
    occurred, owner = AT - timedelta(days=days_ago), CustomerId("cus_1")
    return Event(
        id=EventId(f"evt_{kind}_{days_ago}"),
        customer=owner,
        origin=owner,
        kind=kind,
        name=name,
        source="test",
        external_id=f"{kind}{days_ago}",
        score=score,
        payload={},
        occurred_at=occurred,
        recorded_at=occurred,
    )


def test_features_are_counted_from_history() -> None:
    features = churn_features(
        customer(),
        [
            event(EventKind.CHAT, 5, score=-0.8),
            event(EventKind.EMAIL, 60, score=0.4),
            event(EventKind.TICKET, 120, score=1.0),
            event(EventKind.USAGE, 10, score=30),
            event(EventKind.USAGE, 40, score=120),
            event(EventKind.PAYMENT, 20, name="payment_failed"),
            event(EventKind.SURVEY, 30, name="csat", score=5),
            event(EventKind.SURVEY, 3, name="csat", score=1),
        ],
        at=AT,
    )
    assert features == {
        "tenure_days": 120.0,
        "log_value": None,
        "contacts_30d": 1.0,
        "contacts_90d": 2.0,
        "sentiment_90d": pytest.approx(-0.2),
        "sentiment_change": pytest.approx(-0.6),
        "usage_share": 0.25,
        "days_since_use": 10.0,
        "failed_payments_90d": 1.0,
        "csat": 0.0,
        "nps": None,
    }


def test_nothing_of_later_is_looked_at() -> None:
    later = [event(EventKind.CHAT, -1, score=-1), event(EventKind.PAYMENT, -2, name="payment_failed")]
    assert churn_features(customer(), later, at=AT) == churn_features(customer(), [], at=AT)


def test_what_nobody_tells_us_of_is_missing_and_not_zero() -> None:
    features = churn_features(customer(), [], at=AT)
    assert (features["contacts_90d"], features["tenure_days"]) == (0.0, 100.0)
    unknown = {"failed_payments_90d", "usage_share", "days_since_use", "csat", "nps", "sentiment_90d"}
    assert all(features[name] is None for name in unknown)
    paid = churn_features(customer(), [event(EventKind.PAYMENT, 3, name="payment_succeeded")], at=AT)
    assert paid["failed_payments_90d"] == 0.0
