"""What a conversation asks for: the last turn, and what it takes from the turns before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HistoryTurn:
    """One earlier turn, redacted; ``by_customer`` is false for what the bot or an agent said."""

    text: str
    by_customer: bool = True
