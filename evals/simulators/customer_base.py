"""A customer base of which is known how probable it is that each leaves.

A hidden mood, drawn for each customer, moves sentiment, contacts, usage and ratings together, so that the
features are as entangled as real ones. The logit of leaving is a function of the features *as they are seen*:
a missing value has an effect of its own, so that the true probability is that of an observer who knows
the generator, and no observer can rank better (the Bayes limit). It is not of the form that the model has: it
has a curve in tenure, thresholds, a saturation, and two products of features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NO_PAYMENTS, _NO_USAGE, _NO_CSAT = 0.10, 0.12, 0.45  # shares of customers of whom it is not known


@dataclass(frozen=True, slots=True)
class CustomerBase:
    """Columns of features by name (NaN: missing), the true ``probability`` to leave, and who ``left``."""

    features: Mapping[str, Floats]
    probability: Floats
    left: NDArray[np.bool_]

    def rows(self) -> list[dict[str, float | None]]:
        """Features of each customer."""
        names = list(self.features)
        table = np.column_stack([self.features[name] for name in names])
        return [
            {name: None if np.isnan(value) else float(value) for name, value in zip(names, row, strict=True)}
            for row in table
        ]


def draw_customers(number: int, *, seed: int) -> CustomerBase:
    """``number`` customers; about one in four leaves."""
    random = np.random.default_rng(seed)
    mood = random.normal(size=number)
    contacts = random.poisson(np.exp(0.5 - 0.35 * mood)).astype(float)
    recent = random.binomial(contacts.astype(int), 0.4).astype(float)
    sentiment = np.where(contacts > 0, np.tanh(0.5 * mood + random.normal(0, 0.5, number)), np.nan)
    lately = np.where(recent > 0, random.normal(0, 0.3, number), np.nan)
    usage = np.clip(np.exp(random.normal(0.08 * mood, 0.4)), 0, 2)
    used = random.exponential(np.exp(1.5 - 0.4 * mood))
    csat = np.clip(0.6 + 0.2 * mood + random.normal(0, 0.2, number), 0, 1)
    unused = random.random(number) < _NO_USAGE
    features: dict[str, Floats] = {
        "tenure_days": random.gamma(1.3, 400, number),
        "log_value": random.normal(6, 1.2, number),
        "contacts_30d": recent,
        "contacts_90d": contacts,
        "sentiment_90d": sentiment,
        "sentiment_change": lately,
        "usage_share": np.where(unused, np.nan, usage),
        "days_since_use": np.where(unused, np.nan, used),
        "failed_payments_90d": np.where(
            random.random(number) < _NO_PAYMENTS, np.nan, random.poisson(0.25, number)
        ),
        "csat": np.where(random.random(number) < _NO_CSAT, np.nan, csat),
    }
    probability = 1 / (1 + np.exp(-_logit(features)))
    return CustomerBase(features, probability, random.random(number) < probability)


def _logit(features: Mapping[str, Floats]) -> Floats:
    tenure, failed = features["tenure_days"], features["failed_payments_90d"]
    usage, contacts = features["usage_share"], features["contacts_90d"]
    young = np.exp(-tenure / 200)
    failures = np.minimum(np.nan_to_num(failed), 3)
    dropped = np.where(np.isnan(usage), 0.25, np.maximum(0.0, 0.8 - usage))
    bad = np.where(np.isnan(features["sentiment_90d"]), 0.0, -features["sentiment_90d"])
    rating = features["csat"]
    logit: Floats = (
        -3.1
        + 1.5 * young
        + 0.9 * failures
        + 2.4 * dropped
        + 0.9 * bad
        - 0.8 * np.nan_to_num(features["sentiment_change"])
        + 0.5 * np.log1p(contacts)
        + np.where(np.isnan(rating), 0.3, 1.2 * (rating < 0.4))
        + 0.8 / (1 + np.exp(-(np.nan_to_num(features["days_since_use"], nan=5.0) - 12) / 2))
        - 0.12 * (features["log_value"] - 6)
        + 0.5 * failures * young
        + 0.4 * bad * (contacts >= 3)
    )
    return logit
