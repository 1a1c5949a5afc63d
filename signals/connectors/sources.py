"""Where a value of ours comes from: a path such as ``contact.email``, or a text with such paths in it."""

from __future__ import annotations

import re
from dataclasses import fields

from signals.connectors.answer import Json
from signals.connectors.connector import Contact, Dispatch
from signals.connectors.formats import FORMATS
from signals.signal import Signal

_CONTACT = frozenset(field.name for field in fields(Contact)) - {"attributes", "crm_ids"}
_SIGNAL = frozenset(field.name for field in fields(Signal))
_DISPATCH = frozenset({"key", "at"})
_HOLE = re.compile(r"\{([^{}|]+)(?:\|([^{}|]+))?\}")


def known(path: str) -> bool:
    """Whether there is such a source."""
    match path.split("."):
        case ["attributes" | "crm_ids", name] | ["contact", "attributes" | "crm_ids", name]:
            return bool(name)
        case ["contact", name]:
            return name in _CONTACT
        case ["signal", name]:
            return name in _SIGNAL
        case ["dispatch", name]:
            return name in _DISPATCH
        case _:
            return False


def source(path: str, dispatch: Dispatch) -> Json:
    """What ``path`` says of ``dispatch``, or none."""
    match path.split("."):
        case ["contact", ("attributes" | "crm_ids") as bag, name] | [("attributes" | "crm_ids") as bag, name]:
            return getattr(dispatch.contact, bag).get(name)
        case ["contact", name]:
            return getattr(dispatch.contact, name)
        case ["signal", name]:
            return getattr(dispatch.signal, name)
        case [_, name]:
            return getattr(dispatch, name)
        case _:
            return None


def holes(text: str) -> list[tuple[str, str]]:
    """The paths in ``text`` such as ``{signal.evidence|quotes}``, each with its format or nothing."""
    return [(path, written or "text") for path, written in _HOLE.findall(text)]


def filled(text: str, dispatch: Dispatch) -> str:
    """``text`` with its paths filled in; a line all of whose paths say nothing is left out."""
    return "\n".join(
        line for line in (_line(line, dispatch) for line in text.splitlines()) if line is not None
    )


def _line(line: str, dispatch: Dispatch) -> str | None:
    said = [(source(path, dispatch), written) for path, written in holes(line)]
    if said and all(value in (None, "", ()) for value, _ in said):
        return None
    words = iter("" if value is None else str(FORMATS[written](value)) for value, written in said)
    return _HOLE.sub(lambda _: next(words), line).rstrip()
