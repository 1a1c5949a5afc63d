"""Routing rules as text: what YAML says, and in which line it says it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import yaml

from kit.yaml_text import parse_yaml
from triage.errors import RoutingInvalid

_MOST_PARTS = 100_000  # a handful of anchors can stand for billions
_STEP = re.compile(r"\[(\d+)\]|([^.\[]+)")


def mapping_of(text: str, *, source: str, keys: Collection[str]) -> dict[str, Any]:
    """The mapping that ``text`` is, of which ``keys`` are known.

    Raises ``RoutingInvalid``, which names ``source`` and the reason.
    """
    try:
        data = parse_yaml(text)
    except yaml.YAMLError as error:
        raise RoutingInvalid(f"{source} is not YAML: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise RoutingInvalid(f"{source} is not YAML: it is nested too deeply.") from None
    except ValueError as error:  # a number or a date that Python has none for, such as 2026-13-45
        raise RoutingInvalid(f"{source} is not YAML: {error}.") from None
    if not isinstance(data, dict):
        raise RoutingInvalid(f"{source} holds no mapping with {', '.join(sorted(keys))}.")
    check_size(data, source=source)
    return data


def check_size(data: object, *, source: str) -> None:
    """Raise ``RoutingInvalid`` where ``data`` has too many parts, anchors spelt out."""
    parts, left = 0, [data]
    while left:
        parts += 1
        if parts > _MOST_PARTS:
            raise RoutingInvalid(f"{source} has more than {_MOST_PARTS:,} parts.")
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list | tuple | set):
            left += value


def line_of(text: str, place: str) -> int | None:
    """The line, from 1, in which ``place`` such as "rules[2].when.any[0].at_least" begins.

    Of what is missing it is the line of what it is missing from; None where ``text`` is no YAML.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    line = None if node is None else node.start_mark.line
    for number, name in _STEP.findall(place):
        found = _within(node, number, name)
        if found is None:
            break
        node, line = found
    return None if line is None else line + 1


def _within(node: yaml.Node | None, number: str, name: str) -> tuple[yaml.Node, int] | None:
    """The part of ``node`` of that place, and the line in which it is named."""
    if isinstance(node, yaml.SequenceNode) and number and int(number) < len(node.value):
        item: yaml.Node = node.value[int(number)]
        return item, item.start_mark.line
    if isinstance(node, yaml.MappingNode) and name:
        for key, value in node.value:
            if key.value == name:
                return value, key.start_mark.line
    return None
