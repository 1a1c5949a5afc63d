"""Which field of a target holds what of ours: data of the operator, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signals.connectors.answer import Json
from signals.connectors.connector import DeliveryRefused, Dispatch
from signals.connectors.formats import FORMATS, plain, shortened
from signals.connectors.sources import filled, holes, known, source
from signals.connectors.yaml_place import Place, read_places

SHIPPED = Path(__file__).parent / "mappings"

_ORIGINS = ("from", "constant", "text")
_KEYS = frozenset({*_ORIGINS, "format", "longest", "default", "values", "once"})


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What one field of a target holds: the first of ``sources`` that says something, else ``default``.

    ``values`` puts the target's own words for ours (``churn_risk: At risk``); a word it lacks is taken as it
    is. ``text`` has paths in braces. ``longest`` is in characters. ``once`` is for what belongs to the people
    who use the target from then on: it is sent with a new record only.
    """

    sources: tuple[str, ...] = ()
    constant: Any = None
    format: str | None = None
    longest: int | None = None
    default: Any = None
    values: Mapping[str, Any] | None = None
    text: str | None = None
    once: bool = False

    def value(self, dispatch: Dispatch) -> Json:
        """The field's value, or none where there is nothing to say. Raises ``ValueError``, ``TypeError``."""
        if self.constant is not None:
            return self.constant
        written = self._written(dispatch)
        if written in (None, ""):
            return self.default
        if self.values is not None and isinstance(written, str):
            written = self.values.get(written, written)
        return shortened(written, self.longest) if self.longest and isinstance(written, str) else written

    def _written(self, dispatch: Dispatch) -> Json:
        if self.text is not None:
            return plain(filled(self.text, dispatch))
        said = (source(path, dispatch) for path in self.sources)
        found = next((value for value in said if value not in (None, "", ())), None)
        return plain(found if found is None or self.format is None else FORMATS[self.format](found))


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """The fields of each object of a target, by object and field."""

    objects: Mapping[str, Mapping[str, FieldRule]]

    def fields(self, name: str) -> tuple[str, ...]:
        """The fields of object ``name`` that may be sent."""
        return tuple(self.objects.get(name, {}))

    def render(self, name: str, dispatch: Dispatch, *, new: bool = True) -> dict[str, Any]:
        """The fields of object ``name`` for ``dispatch``; those without a value are left out.

        With ``new`` false, so are those that are sent once.

        Raises ``DeliveryRefused`` where a value cannot be written as its rule says.
        """
        written: dict[str, Any] = {}
        for field, rule in self.objects.get(name, {}).items():
            if rule.once and not new:
                continue
            try:
                value = rule.value(dispatch)
            except (ValueError, TypeError) as error:
                raise DeliveryRefused(
                    f"The mapping of {name}.{field} cannot be applied ({type(error).__name__}): "
                    f"{', '.join(rule.sources) or 'its text'} is no value for the format {rule.format}."
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
    origins = [name for name in _ORIGINS if name in parts]
    if len(origins) != 1:
        raise place.wrong("one of from, constant and text is needed.")
    return FieldRule(
        _sources(value["from"], parts["from"]) if "from" in parts else (),
        constant=_constant(value, parts),
        format=_format(value, parts),
        longest=_longest(value, parts),
        default=value.get("default"),
        values=_values(value, parts),
        text=_text(value, parts),
        once=_once(value, parts),
    )


def _constant(value: Mapping[str, Any], parts: Mapping[str, Place]) -> Json:
    if "constant" in parts and (value["constant"] is None or len(parts) > 1 + ("once" in parts)):
        raise parts["constant"].wrong("a constant says something, and stands alone or with once.")
    return plain(value.get("constant"))


def _text(value: Mapping[str, Any], parts: Mapping[str, Place]) -> str | None:
    text = value.get("text")
    if "text" not in parts:
        return None
    if not isinstance(text, str):
        raise parts["text"].wrong("a text is expected.")
    for path, written in holes(text):
        if not known(path) or written not in FORMATS:
            raise parts["text"].wrong(f"there is no source {path!r} with a format {written!r}.")
    return text


def _once(value: Mapping[str, Any], parts: Mapping[str, Place]) -> bool:
    once = value.get("once", False)
    if not isinstance(once, bool):
        raise parts["once"].wrong("true or false is expected.")
    return once


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
        if not isinstance(path, str) or not known(path):
            raise place.wrong(
                f"there is no source {path!r}; a source is contact.…, contact.crm_ids.SYSTEM, "
                "attributes.NAME, signal.…, dispatch.key or dispatch.at."
            )
    return tuple(paths)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
