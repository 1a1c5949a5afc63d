"""Writes ``.env.example`` from the settings: ``python -m careloop.env_example``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from careloop.settings import Settings

FILE = Path(__file__).parent.parent / ".env.example"


def render() -> str:
    """Every setting, commented out, with what it means and its default."""
    head = "# Every setting there is, with its default. Copy to .env and take the # off what you change.\n"
    return head + "".join(_lines(Settings, "CARELOOP_"))


def _lines(model: type[BaseModel], prefix: str) -> Iterator[str]:
    groups = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            groups.append((field.annotation, f"{prefix}{name.upper()}__"))
        else:
            description = textwrap.fill(
                field.description or "", 108, initial_indent="# ", subsequent_indent="# "
            )
            yield f"\n{description}\n# {prefix}{name.upper()}={_default(field)}\n"
    for group, group_prefix in groups:
        yield f"\n\n# --- {(group.__doc__ or '').splitlines()[0]}\n"
        yield from _lines(group, group_prefix)


def _default(field: FieldInfo) -> str:
    if field.default_factory is dict:
        return "{}"
    value = field.get_default(call_default_factory=False)
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
