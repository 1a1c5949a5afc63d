"""A digest as it is sent: every form of it, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

from insights import words
from insights.digest import Digest
from insights.document import DigestDocument
from insights.html import html, inlined
from insights.markdown import markdown
from insights.picture import Picture
from kit.ids import WorkspaceId

_PLOTS = "insights.plots"
Source = Callable[[Picture], str]


@dataclass(frozen=True)
class Edition:
    """The digest of one week of a workspace; ``key`` is the same however often it is sent."""

    workspace: WorkspaceId
    digest: Digest

    @property
    def key(self) -> str:
        """By which a receiver knows a repeated delivery."""
        return f"digest:{self.workspace}:{self.digest.week.name}"

    @property
    def subject(self) -> str:
        """Of a mail."""
        return words.subject(self.digest)

    @cached_property
    def pictures(self) -> Mapping[str, Picture]:
        """Its pictures by name.

        What draws them is imported here by name: matplotlib would cost every command a second of its start.
        """
        found: Mapping[str, Picture] = import_module(_PLOTS).pictures(self.digest)
        return found

    @cached_property
    def json(self) -> str:
        """It as the API gives it."""
        return DigestDocument.of(self.digest).model_dump_json()

    def html(self, source: Source = inlined) -> str:
        """It as one document; ``source`` says where pictures are, in it unless given."""
        return html(self.digest, self.pictures, source=source)

    def markdown(self, source: Source | None = None) -> str:
        """It as Markdown; without ``source`` it has no pictures."""
        if source is None:
            return markdown(self.digest)
        return markdown(self.digest, self.pictures.values(), source=source)
