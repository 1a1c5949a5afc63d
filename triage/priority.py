"""How soon a message must be dealt with, from what it is about and from what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from triage.labels import Label, Priority, PriorityLabel, Signal, Urgency

# The priority that each reason calls for, whatever the message is about.
CALLED_FOR: Mapping[str, Priority] = {
    Urgency.SAFETY_OR_SECURITY: Priority.P1,
    Urgency.MANY_AFFECTED: Priority.P1,
    Urgency.OUTAGE: Priority.P2,
    Urgency.VULNERABLE: Priority.P2,
    Urgency.DEADLINE: Priority.P2,
    Urgency.MONEY_AT_RISK: Priority.P2,
    Urgency.BLOCKED: Priority.P2,
    Urgency.REPEATED_CONTACT: Priority.P2,
    Signal.LEGAL_OR_PRIVACY: Priority.P2,
    Signal.ESCALATION_RISK: Priority.P2,
}
_LEVELS = tuple(Priority)
_CALLING = tuple(
    [reason for reason, called_for in CALLED_FOR.items() if called_for is level] for level in _LEVELS
)


def prioritise(
    usual: Mapping[Priority, float], probabilities: Mapping[str, float], raised: Sequence[Label]
) -> PriorityLabel:
    """The priority of a message.

    ``usual`` is how likely each priority is by what the message is about; ``probabilities`` how likely each
    reason holds. Reasons are taken to be independent (a noisy or): a message is no more urgent than P3 only
    if neither its intent nor any reason makes it so. ``raised`` are the reasons that are likelier than not;
    those that call for more than the usual priority are given, strongest first.
    """
    calmer: list[float] = []  # probability of each level that the message is calmer than it
    free = 1.0  # of any reason to be at this level or above
    for place, calling in enumerate(_CALLING):
        for reason in calling:
            free *= 1 - probabilities.get(reason, 0.0)
        calmer.append(free * sum(usual.get(level, 0.0) for level in _LEVELS[place + 1 :]))
    calmer[-1] = 0.0
    shares = [1 - calmer[0], *(before - after for before, after in pairwise(calmer))]
    found = dict(zip(_LEVELS, shares, strict=True))
    # The median, not the likeliest: two levels of .3 above one of .4 are a reason to hurry.
    name = next(level for level, left in zip(_LEVELS, calmer, strict=True) if left < 0.5)
    usually = max(_LEVELS, key=lambda level: usual.get(level, 0.0))
    reasons = tuple(label for label in raised if CALLED_FOR.get(label.name, Priority.P4) < usually)
    return PriorityLabel(name, found[name], tuple(found.items()), reasons)
