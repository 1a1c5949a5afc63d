"""Where a ticket goes, how soon it is due and who takes it: rules over triage, each step explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Self

from triage.assignment import Needed, Roster
from triage.calendars import BusinessCalendar, as_utc
from triage.labels import Certainty, Priority, Triage
from triage.plan import Explanation, Hint, Plan
from triage.rules import GENERAL, Agent, RoutingSettings, Rule, Team
from triage.sla import Duration, SlaTarget, SlaTargets
from triage.verdicts import Circumstances, Note

UNDETERMINED = "und"  # ISO 639-2 for a language that cannot be told
_LIKELY = 0.5  # a language less likely than this is nobody's reason to wait
_NO_LOAD: Mapping[str, int] = MappingProxyType({})
_NO_FACTS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Routing:
    """What becomes of a ticket.

    ``first_response_due`` and ``resolution_due`` are in UTC, None where nothing was promised or a ticket is
    closed at once. ``queue_rule``, ``priority_rule`` and ``sla_rule`` name the rules that decided them;
    None where none did. ``why`` is in the order in which things were decided.
    """

    queue: str
    priority: Priority
    tags: tuple[str, ...]
    skills: tuple[str, ...]
    agent: str | None
    escalate_to: tuple[str, ...]
    auto_reply: str | None
    close: bool
    first_response_due: datetime | None
    resolution_due: datetime | None
    sla: SlaTarget | None
    why: tuple[Explanation, ...]
    hints: tuple[Hint, ...]
    queue_rule: str | None
    priority_rule: str | None
    sla_rule: str | None


class Router:
    """Rules, in their order, over all they need to know. The same question always has the same answer.

    The first rule that names a queue decides it, and so with the agent, the reply and the promise; tags,
    skills and escalations add up. Of priorities that are set the first counts; raising and lowering apply
    one after the other. Where no rule names a queue it is triage's, and ``default_queue`` unless triage is
    sure.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        calendars: Mapping[str, BusinessCalendar] = MappingProxyType({}),
        sla: SlaTargets | None = None,
        teams: Mapping[str, Team] = MappingProxyType({}),
        agents: Sequence[Agent] = (),
        default_queue: str = GENERAL,
    ) -> None:
        self.rules = tuple(rules)
        self._calendars = calendars
        self._sla = sla
        self._teams = teams
        self._roster = Roster(tuple(agents), teams, calendars)
        self._default_queue = default_queue

    @classmethod
    def of(cls, settings: RoutingSettings) -> Self:
        """The router that ``settings`` describe."""
        return cls(
            settings.rules,
            calendars={name: written.calendar() for name, written in settings.calendars.items()},
            sla=settings.sla,
            teams=settings.teams,
            agents=settings.agents,
            default_queue=settings.default_queue,
        )

    def route(
        self,
        triage: Triage,
        *,
        at: datetime,
        facts: Mapping[str, object] = _NO_FACTS,
        channel: str | None = None,
        load: Mapping[str, int] = _NO_LOAD,
    ) -> Routing:
        """Where what arrived ``at`` goes; ``facts`` about the customer, ``load`` tickets by agent.

        ``ValueError`` for a moment without a time zone.
        """
        at = as_utc(at)
        case = Circumstances(triage, at, facts=facts, channel=channel, calendars=self._calendars)
        plan = self._plan(case)
        queue = self._queue(plan, case)
        target = self._target(plan, queue, case)
        first_response_due, resolution_due = self._due(plan, target, at=at)
        return Routing(
            queue=queue,
            priority=plan.priority,
            tags=tuple(plan.tags),
            skills=tuple(plan.skills),
            agent=None if plan.close else self._agent(plan, queue, case, load=load),
            escalate_to=tuple(plan.escalate_to),
            auto_reply=plan.auto_reply,
            close=plan.close,
            first_response_due=first_response_due,
            resolution_due=resolution_due,
            sla=target,
            why=tuple(plan.why),
            hints=tuple(plan.hints),
            queue_rule=plan.queue_rule,
            priority_rule=plan.priority_rule,
            sla_rule=plan.sla_rule,
        )

    def _plan(self, case: Circumstances) -> Plan:
        given = case.triage.priority
        plan = Plan(given.name)
        spans = tuple(span for reason in given.reasons for span in reason.evidence)
        plan.note(Note(f"triage: priority {given.name} {given.probability:.2f}", spans))
        for rule in self.rules:
            verdict = rule.when.judge(case)
            if verdict.holds:
                plan.follow(rule, verdict.notes)
                if rule.then.stop:
                    break
            elif verdict.nearly:
                plan.hints.append(Hint(rule.name, verdict.notes))
        return plan

    def _queue(self, plan: Plan, case: Circumstances) -> str:
        queue, given = plan.queue, case.triage.queue
        if queue is None and case.triage.certainty is Certainty.SURE:
            queue = given.name
            note = Note(f"triage: queue {given.name} {given.probability:.2f}", given.evidence)
            plan.note(note, changed=[f"queue {queue}"])
        elif queue is None:
            queue = self._default_queue
            plan.note(Note(f"certainty {case.triage.certainty}"), changed=[f"queue {queue}"])
        team = self._teams.get(queue)
        if (
            plan.close
            or team is None
            or team.calendar is None
            or self._calendars[team.calendar].is_open(case.at)
        ):
            return queue
        opening = self._calendars[team.calendar].next_opening(case.at)
        closed = Note(f"queue {queue} is closed until {opening.isoformat()}")
        if team.out_of_hours is None or plan.priority.value > team.out_of_hours.at_least.value:
            plan.note(closed)
            return queue
        urgent = Note(f"priority {plan.priority} (at least {team.out_of_hours.at_least})")
        plan.note(closed, urgent, changed=[f"queue {team.out_of_hours.queue}"])
        return team.out_of_hours.queue

    def _target(self, plan: Plan, queue: str, case: Circumstances) -> SlaTarget | None:
        if self._sla is None or plan.close:
            return None
        target = self._sla.target(plan.priority, queue=queue, tier=case.facts.get(self._sla.tier_fact))
        return plan.sla.over(target) if plan.sla is not None else target

    def _due(
        self, plan: Plan, target: SlaTarget | None, *, at: datetime
    ) -> tuple[datetime | None, datetime | None]:
        if target is None or target.calendar is None:
            return None, None
        calendar = self._calendars[target.calendar]

        def due(promised: Duration | None) -> datetime | None:
            return None if promised is None else calendar.due(at, promised.in_hours_of(calendar))

        dues = due(target.first_response), due(target.resolution)
        named = zip(("first response", "resolution"), dues, strict=True)
        plan.note(
            Note(f"promise of {plan.priority} by calendar {target.calendar}"),
            changed=[f"{what} due {moment.isoformat()}" for what, moment in named if moment is not None],
        )
        return dues

    def _agent(self, plan: Plan, queue: str, case: Circumstances, *, load: Mapping[str, int]) -> str | None:
        if not self._roster.agents:
            return None
        spoken = case.triage.language
        language = spoken.name if spoken.name != UNDETERMINED and spoken.probability >= _LIKELY else ""
        needed = Needed(queue, language=language, skills=tuple(plan.skills), wished=plan.assign_to)
        assignment = self._roster.assign(needed, at=case.at, load=load)
        plan.note(
            Note(assignment.reason),
            changed=[f"agent {assignment.agent}"] if assignment.agent is not None else [],
        )
        return assignment.agent
