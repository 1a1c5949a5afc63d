"""Which field of a target holds what of ours: data of the operator, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from signals.connectors.answer import Json
from signals.connectors.connector import Contact, DeliveryRefused, Dispatch
from signals.connectors.formats import FORMATS, plain, shortened
from signals.connectors.yaml_place import Place, read_places
from signals.signal import Signal

SHIPPED = Path(__file__).parent / "mappings"

_CONTACT = frozenset(field.name for field in fields(Contact)) - {"attributes", "crm_ids"}
_SIGNAL = frozenset(field.name for field in fields(Signal))
_DISPATCH = frozenset({"key", "at"})
_KEYS = frozenset({"from", "constant", "format", "longest", "default", "values"})


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What one field of a target holds: the first of ``sources`` that says something, else ``default``.

    ``values`` puts the target's own words for ours (``churn_risk: At risk``); a word it lacks is taken as it
    is. ``longest`` is in characters.
    """

    sources: tuple[str, ...] = ()
    constant: Any = None
    format: str | None = None
    longest: int | None = None
    default: Any = None
    values: Mapping[str, Any] | None = None

    def value(self, dispatch: Dispatch) -> Json:
        """The field's value, or none where there is nothing to say. Raises ``ValueError``, ``TypeError``."""
        if self.constant is not None:
            return self.constant
        found = next(
            (v for v in (_source(path, dispatch) for path in self.sources) if v not in (None, "")), None
        )
        if found is None:
            return self.default
        if self.format is not None:
            found = FORMATS[self.format](found)
        written = plain(found)
        if self.values is not None and isinstance(written, str):
            written = self.values.get(written, written)
        return shortened(written, self.longest) if self.longest and isinstance(written, str) else written


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """The fields of each object of a target, by object and field."""

    objects: Mapping[str, Mapping[str, FieldRule]]

    def fields(self, name: str) -> tuple[str, ...]:
        """The fields of object ``name`` that may be sent."""
        return tuple(self.objects.get(name, {}))

    def render(self, name: str, dispatch: Dispatch) -> dict[str, Any]:
        """The fields of object ``name`` for ``dispatch``; those without a value are left out.

        Raises ``DeliveryRefused`` where a value cannot be written as its rule says.
        """
        written: dict[str, Any] = {}
        for field, rule in self.objects.get(name, {}).items():
            try:
                value = rule.value(dispatch)
            except (ValueError, TypeError) as error:
                raise DeliveryRefused(
                    f"The mapping of {name}.{field} cannot be applied ({type(error).__name__}): "
                    f"{', '.join(rule.sources)} is no value for the format {rule.format}."
                ) from None
            if value not in (None, ""):
                written[field] = value
        return written


def shipped_mapping(connector: str, *, objects: Collection[str]) -> FieldMapping:
    """The mapping that comes with Careloop for ``connector``."""
    return load_mapping(SHIPPED / f"{connector}.yaml", objects=objects)


def load_mapping(path: Path, *, objects: Collection[str]) -> FieldMapping:
    """The mapping in file ``path``. Raises ``MappingInvalid``."""
    return read_mapping(path.read_text(encoding="utf-8"), source=path.name, objects=objects)


def read_mapping(text: str, *, source: str, objects: Collection[str]) -> FieldMapping:
    """The mapping that ``text`` is, for a target with ``objects``.

    Raises ``MappingInvalid``, which names ``source``, line and place of what is wrong.
    """
    read: dict[str, dict[str, FieldRule]] = {}
    for name, place in read_places(text, source).items():
        if name not in objects:
            raise place.wrong(f"there is no such object; there are {_listed(objects)}.")
        read[name] = {field: _rule(part) for field, part in place.parts().items()}
    return FieldMapping(read)


def _rule(place: Place) -> FieldRule:
    value = place.value()
    if isinstance(value, str | list):
        return FieldRule(_sources(value, place))
    parts = place.parts()
    for name, part in parts.items():
        if name not in _KEYS:
            raise part.wrong(f"unknown; known are {_listed(_KEYS)}.")
    if ("from" in parts) == ("constant" in parts):
        raise place.wrong("either from or constant is needed.")
    if "constant" in parts:
        return _constant(value, parts)
    return FieldRule(
        _sources(value["from"], parts["from"]),
        format=_format(value, parts),
        longest=_longest(value, parts),
        default=value.get("default"),
        values=_values(value, parts),
    )


def _constant(value: Mapping[str, Any], parts: Mapping[str, Place]) -> FieldRule:
    if len(parts) > 1 or value["constant"] is None:
        raise parts["constant"].wrong("a constant stands alone and says something.")
    return FieldRule(constant=plain(value["constant"]))


def _format(value: Mapping[str, Any], parts: Mapping[str, Place]) -> str | None:
    name = value.get("format")
    if "format" in parts and (not isinstance(name, str) or name not in FORMATS):
        raise parts["format"].wrong(f"no such format; there are {_listed(FORMATS)}.")
    return name


def _longest(value: Mapping[str, Any], parts: Mapping[str, Place]) -> int | None:
    longest = value.get("longest")
    if "longest" in parts and (type(longest) is not int or longest < 2):
        raise parts["longest"].wrong("a whole number of characters is expected, 2 at least.")
    return longest


def _values(value: Mapping[str, Any], parts: Mapping[str, Place]) -> Mapping[str, Any] | None:
    words = value.get("values")
    if "values" in parts and not isinstance(words, dict):
        raise parts["values"].wrong("a mapping from our words to the target's is expected.")
    return None if words is None else {str(ours): theirs for ours, theirs in words.items()}


def _sources(value: object, place: Place) -> tuple[str, ...]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not paths:
        raise place.wrong("a source such as contact.email is expected, or a list of them.")
    for path in paths:
        if not isinstance(path, str) or not _known(path):
            raise place.wrong(
                f"there is no source {path!r}; a source is contact.…, contact.crm_ids.NAME, attributes.NAME, "
                "signal.…, dispatch.key or dispatch.at."
            )
    return tuple(paths)


def _known(path: str) -> bool:
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


def _source(path: str, dispatch: Dispatch) -> Json:
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


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
