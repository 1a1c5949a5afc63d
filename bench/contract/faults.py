"""The bad days of a vendor, drawn with a seed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One way in which a call goes wrong."""

    RATE_LIMITED = "rate_limited"  # 429 with Retry-After, nothing done
    SERVER_ERROR = "server_error"  # 503, nothing done
    RESET = "reset"  # the connection is reset, nothing done
    TIMEOUT_AFTER_SUCCESS = "timeout_after_success"  # all done, no answer
    CUT = "cut"  # all done, half an answer
    EXPIRED_TOKEN = "expired_token"  # the token that came with the call is over


@dataclass(slots=True)
class Faults:
    """The share of calls, each in [0, 1], that go wrong in each way; ``retry_after`` in seconds.

    ``script`` comes first: one entry a call, none for a good one; for tests that need a certain order.
    ``happened`` counts what was drawn.
    """

    shares: dict[Fault, float] = field(default_factory=dict)
    seed: int = 0
    retry_after: int = 1
    script: list[Fault | None] = field(default_factory=list)
    happened: Counter[Fault] = field(default_factory=Counter)
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @classmethod
    def evenly(cls, share: float, *, seed: int = 0, retry_after: int = 1) -> Faults:
        """``share`` of all calls go wrong, each way equally often."""
        return cls({fault: share / len(Fault) for fault in Fault}, seed, retry_after)

    def draw(self) -> Fault | None:
        """What goes wrong with the next call."""
        fault = self.script.pop(0) if self.script else self._drawn()
        if fault is not None:
            self.happened[fault] += 1
        return fault

    def _drawn(self) -> Fault | None:
        left = self._random.random()
        for fault, share in self.shares.items():
            left -= share
            if left < 0:
                return fault
        return None
