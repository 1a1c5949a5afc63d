"""YAML whose every part knows its line, so that an error can say where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from kit.errors import Misconfigured
from signals.connectors.answer import Json


class MappingInvalid(Misconfigured):
    """A field mapping cannot be used; the detail names file, line and place."""

    code = "mapping_invalid"
    title = "A field mapping cannot be used"


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a YAML file: ``path`` such as ``contact.Email``, ``line`` from 1."""

    source: str
    path: str
    line: int
    node: yaml.Node

    def wrong(self, what: str) -> MappingInvalid:
        """The error that says what is wrong here."""
        where = f", {self.path}" if self.path else ""
        return MappingInvalid(f"{self.source}, line {self.line}{where}: {what}")

    def parts(self) -> dict[str, Place]:
        """The parts of a mapping, by name. Raises ``MappingInvalid`` where it is none, or names one twice."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("a mapping of names is expected here.")
        parts: dict[str, Place] = {}
        for key, value in self.node.value:
            name = str(key.value)
            path = f"{self.path}.{name}" if self.path else name
            part = Place(self.source, path, key.start_mark.line + 1, value)
            if name in parts:
                raise part.wrong("named twice.")
            parts[name] = part
        return parts

    def value(self) -> Json:
        """The plain value: text, number, truth, list or mapping."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self.node)
        except (yaml.YAMLError, ValueError) as error:
            raise self.wrong(f"not a value of YAML ({' '.join(str(error).split())}).") from None
        finally:
            loader.dispose()


def read_places(text: str, source: str) -> Mapping[str, Place]:
    """The top-level parts of ``text``. Raises ``MappingInvalid``."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise MappingInvalid(f"{source} is not YAML: {' '.join(str(error).split())}") from None
    if node is None:
        raise MappingInvalid(f"{source} is empty.")
    return Place(source, "", node.start_mark.line + 1, node).parts()
