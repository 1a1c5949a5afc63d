"""Who takes a ticket: somebody of the queue who is there, understands it, can do it and has room for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.calendars import BusinessCalendar
from triage.rules import Agent, Team
from triage.verdicts import either


@dataclass(frozen=True, slots=True)
class Assignment:
    """``agent`` is None where nobody can take it; ``reason`` says why, or why this one."""

    agent: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Needed:
    """What an agent must bring. An empty ``language`` is one nobody could tell."""

    queue: str
    language: str = ""
    skills: Collection[str] = ()
    wished: str | None = None  # a rule asked for this agent


@dataclass(frozen=True, slots=True)
class Roster:
    """The agents, and when they work: their own hours, else those of their team, else always."""

    agents: Sequence[Agent]
    teams: Mapping[str, Team]
    calendars: Mapping[str, BusinessCalendar]

    def assign(self, needed: Needed, *, at: datetime, load: Mapping[str, int]) -> Assignment:
        """One of those who can take it: the least loaded for their capacity, by name where they tie.

        ``load`` is how many tickets each has. The agent a rule wished for comes first if there and free;
        their language and skills are the rule's business.
        """
        wished = next((agent for agent in self.agents if agent.name == needed.wished), None)
        if wished is not None and self._works(wished, needed.queue, at=at) and _has_room(wished, load):
            return Assignment(wished.name, f"{wished.name} was asked for, and has room")
        left: Sequence[Agent] = [agent for agent in self.agents if needed.queue in agent.queues]
        if not left:
            return Assignment(None, f"no agents work on {needed.queue}")
        demands: tuple[tuple[str, Callable[[Agent], bool]], ...] = (
            ("is at work", lambda agent: self._works(agent, needed.queue, at=at)),
            (f"speaks {needed.language}", lambda agent: _speaks(agent, needed.language)),
            (f"knows {' and '.join(needed.skills)}", lambda agent: set(needed.skills) <= set(agent.skills)),
            ("has room", lambda agent: _has_room(agent, load)),
        )
        for reason, fits in demands:
            before, left = left, [agent for agent in left if fits(agent)]
            if not left:
                return Assignment(None, f"none of {either(agent.name for agent in before)} {reason}")
        best = min(left, key=lambda agent: (load.get(agent.name, 0) / agent.capacity, agent.name))
        return Assignment(
            best.name, f"{best.name} has {load.get(best.name, 0)} of {best.capacity} tickets, the least share"
        )

    def _works(self, agent: Agent, queue: str, *, at: datetime) -> bool:
        team = self.teams.get(queue)
        calendar = agent.calendar or (team.calendar if team is not None else None)
        return calendar is None or self.calendars[calendar].is_open(at)


def _speaks(agent: Agent, language: str) -> bool:
    return not language or not agent.languages or language in agent.languages


def _has_room(agent: Agent, load: Mapping[str, int]) -> bool:
    return load.get(agent.name, 0) < agent.capacity
