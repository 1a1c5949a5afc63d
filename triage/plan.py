"""What the rules have decided so far, and why: the first has the say, all of them add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from triage.labels import Priority
from triage.rules import Actions, Rule
from triage.sla import SlaTarget
from triage.verdicts import Note


@dataclass(frozen=True, slots=True)
class Explanation:
    """One step: the rule that took it (None: no rule but the way things are), why, and what it changed."""

    rule: str | None
    because: tuple[Note, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hint:
    """A rule that nearly held, and what it lacked."""

    rule: str
    lacked: tuple[Note, ...]


@dataclass(slots=True)
class Plan:
    """Begins with the priority that triage gave, and follows one rule after the other."""

    priority: Priority
    queue: str | None = None
    tags: dict[str, None] = field(default_factory=dict)
    skills: dict[str, None] = field(default_factory=dict)
    escalate_to: dict[str, None] = field(default_factory=dict)
    assign_to: str | None = None
    auto_reply: str | None = None
    close: bool = False
    sla: SlaTarget | None = None
    priority_is_set: bool = False
    queue_rule: str | None = None
    priority_rule: str | None = None
    sla_rule: str | None = None
    why: list[Explanation] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)

    def follow(self, rule: Rule, because: tuple[Note, ...]) -> None:
        """Do what ``rule`` says as far as no rule before it has the say."""
        changed = [
            *self._place(rule),
            *self._change_priority(rule),
            *self._promise(rule),
            *self._add(rule.then),
        ]
        if rule.then.stop:
            changed.append("no further rules")
        self.why.append(Explanation(rule.name, because, tuple(changed)))

    def _place(self, rule: Rule) -> Iterable[str]:
        then = rule.then
        if then.queue is not None and self.queue is None:
            self.queue, self.queue_rule = then.queue, rule.name
            yield f"queue {then.queue}"
        if then.assign_to is not None and self.assign_to is None:
            self.assign_to = then.assign_to
            yield f"asked for {then.assign_to}"
        if then.auto_reply is not None and self.auto_reply is None:
            self.auto_reply = then.auto_reply
            yield f"reply {then.auto_reply}"
        if then.close and not self.close:
            self.close = True
            yield "closed"

    def _change_priority(self, rule: Rule) -> Iterable[str]:
        change, before = rule.then.priority, self.priority
        if change is None or (change.set is not None and self.priority_is_set):
            return
        self.priority = change.of(before)
        self.priority_is_set |= change.set is not None
        if self.priority is not before:
            self.priority_rule = rule.name
            yield f"priority {before} -> {self.priority}"

    def _promise(self, rule: Rule) -> Iterable[str]:
        if rule.then.sla is not None and self.sla is None:
            self.sla, self.sla_rule = rule.then.sla, rule.name
            yield "promise"

    def _add(self, then: Actions) -> Iterable[str]:
        for what, names, to in (
            ("tag", then.tags, self.tags),
            ("skill", then.skills, self.skills),
            ("escalated to", then.escalate_to, self.escalate_to),
        ):
            for name in names:
                if name not in to:
                    to[name] = None
                    yield f"{what} {name}"

    def note(self, *because: Note, changed: Iterable[str] = ()) -> None:
        """Explain a step that no rule took."""
        self.why.append(Explanation(None, because, tuple(changed)))
