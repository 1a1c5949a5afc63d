"""Where a poll stands that goes round several kinds of records, page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from kit.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Round:
    """``since`` is the time of the newest record seen, by kind, as the target wrote it (ISO 8601).

    While pages of ``kind`` are left, ``page`` is the target's word for the next of them, and ``latest`` the
    newest time so far in this round.
    """

    since: Mapping[str, str]
    kind: str
    page: str | None = None
    latest: str | None = None

    @classmethod
    def read(cls, text: str | None, kinds: Sequence[str], *, of: str) -> Round:
        """The round that ``text`` is, or the first of all. Raises ``InvalidInput`` for a foreign cursor."""
        if text is None:
            return cls({}, kinds[0])
        try:
            found = cls(**json.loads(text))
            known = found.kind in kinds and set(found.since) <= set(kinds)
            for when in (*found.since.values(), *([found.latest] if found.latest else [])):
                datetime.fromisoformat(when)
        except (ValueError, TypeError, AttributeError):
            known = False
        if not known:
            raise InvalidInput(f"This is no cursor of the {of} connector.")
        return found

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self))

    def moved(self, kinds: Sequence[str], *, latest: str | None, page: str | None) -> tuple[Round, bool]:
        """The round after a page, and whether more is there at once."""
        latest = latest or self.latest
        if page:
            return replace(self, page=page, latest=latest), True
        since = {**self.since, **({self.kind: latest} if latest else {})}
        following = (kinds.index(self.kind) + 1) % len(kinds)
        return Round(since, kinds[following]), following != 0
