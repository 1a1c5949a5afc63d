"""Which labels there are, so that a slip of the pen does not become one more."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from triage.correction_store import CorrectionStore
from triage.corrections import LabelKind
from triage.errors import CorrectionsInvalid
from triage.examples import OUT_OF_SCOPE
from triage.rules import RoutingSettings
from triage.taxonomy import Taxonomy

_CAN_BE_NEW = frozenset({LabelKind.INTENT, LabelKind.QUEUE})
# ISO 639-1, and "und" of ISO 639-2 for what cannot be told.
_LANGUAGES = (
    "und aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de "
    "dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id "
    "ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu "
    "lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu "
    "rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr "
    "ts tt tw ty ug uk und ur uz ve vi vo wa wo xh yi yo za zh zu"
)


class KnownLabels:
    """The labels of a taxonomy and its rules, and what people introduced by their corrections."""

    def __init__(self, taxonomy: Taxonomy, routing: RoutingSettings | None, store: CorrectionStore) -> None:
        self._store = store
        self._groups = {parent.name for parent in taxonomy.intents}
        self._known: Mapping[LabelKind, frozenset[str]] = {
            LabelKind.INTENT: frozenset({*taxonomy.leaves, OUT_OF_SCOPE}),
            LabelKind.QUEUE: frozenset({*(queue.name for queue in taxonomy.queues), *_queues(routing)}),
            LabelKind.LANGUAGE: frozenset(_LANGUAGES.split()),
        }

    async def check(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        kind: LabelKind,
        label: str,
        *,
        new: bool = False,
    ) -> None:
        """Raise ``CorrectionsInvalid``, which lists what is possible, unless there is such a ``label``.

        Where it is meant to be ``new``, an intent or a queue may be anything but the name of a group of
        intents. Labels of the other kinds are the same everywhere; ``check_correction`` knows them.
        """
        known = self._known.get(kind)
        if known is None or label in known:
            return
        if kind in _CAN_BE_NEW and label not in self._groups:
            if new:
                return
            known |= await self._store.labels(connection, workspace, kind)
            if label in known:
                return
        raise CorrectionsInvalid(self._why(kind, label, known))

    def _why(self, kind: LabelKind, label: str, known: frozenset[str]) -> str:
        if kind is LabelKind.INTENT and label in self._groups:
            own = sorted(name for name in known if name.startswith(f"{label}."))
            return f"{label!r} is a group of intents. Choose one of it: {', '.join(own)}."
        alike = difflib.get_close_matches(label, known, n=1)
        meant = f" {alike[0]!r} was meant?" if alike else ""
        bring = ' Send "new": true to introduce another one.' if kind in _CAN_BE_NEW else ""
        return f"There is no {kind} {label!r}.{meant} Possible are: {', '.join(sorted(known))}.{bring}"


def _queues(routing: RoutingSettings | None) -> Iterable[str]:
    """Every queue that rules can send a ticket to."""
    if routing is None:
        return
    yield routing.default_queue
    yield from routing.teams
    for rule in routing.rules:
        if rule.then.queue is not None:
            yield rule.then.queue
    for team in routing.teams.values():
        if team.out_of_hours is not None:
            yield team.out_of_hours.queue
    for agent in routing.agents:
        yield from agent.queues
