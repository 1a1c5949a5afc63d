"""What a company's messages are about, as data: intents with examples, queues, what signals mean to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kit.yaml_text import parse_yaml
from triage.brands import fill
from triage.errors import TaxonomyInvalid
from triage.examples import OUT_OF_SCOPE, Example
from triage.labelled import Marked
from triage.labels import Priority, Signal

FOLDER = Path(__file__).with_name("taxonomies")
Texts = dict[str, tuple[str, ...]]  # by language, ISO 639-1
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    title: str
    description: str = ""


class Queue(_Part):
    """A team's inbox."""


class NotExample(BaseModel):
    """A message that looks like an intent and is another one, by its full name, or out of scope."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    what: str = Field(alias="is")


class Leaf(_Part):
    """An intent. ``queue`` and ``priority`` are its parent's unless given; ``signals`` all examples carry."""

    queue: str | None = None
    priority: Priority | None = None
    signals: tuple[Signal, ...] = ()
    examples: Texts
    not_examples: tuple[NotExample, ...] = ()


class Parent(_Part):
    """A group of intents."""

    queue: str
    priority: Priority
    intents: tuple[Leaf, ...]


class SignalMeaning(_Part):
    """What a signal is at this company, who owns it and what that person should do."""

    name: Signal
    next_action: str
    owner: str
    examples: Texts
    not_examples: Texts = {}


class Intent(BaseModel):
    """A leaf as the classifier knows it: ``name`` is "parent.leaf"."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    description: str
    queue: str
    priority: Priority


class Taxonomy(_Part):
    """The intents, queues and signals of one company. ``brands`` are its own names, ``rivals`` others'."""

    languages: tuple[str, ...] = ("en",)
    brands: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    queues: tuple[Queue, ...]
    intents: tuple[Parent, ...]
    out_of_scope: Texts = {}
    signals: tuple[SignalMeaning, ...] = ()

    @cached_property
    def leaves(self) -> dict[str, Intent]:
        """Every intent that a message can have, by its full name."""
        return {
            f"{parent.name}.{leaf.name}": Intent(
                name=f"{parent.name}.{leaf.name}",
                title=leaf.title,
                description=leaf.description,
                queue=leaf.queue or parent.queue,
                priority=leaf.priority or parent.priority,
            )
            for parent in self.intents
            for leaf in parent.intents
        }

    @property
    def intent_names(self) -> tuple[str, ...]:
        """The full names that rules may ask for: every intent, and every group of intents."""
        return (*self.leaves, *(parent.name for parent in self.intents))

    def examples(self) -> list[Example]:
        """What an intent model learns from: every example of every leaf, and what is out of scope."""
        found = [
            Example(text, f"{parent.name}.{leaf.name}")
            for parent in self.intents
            for leaf in parent.intents
            for text in _texts(leaf.examples)
        ]
        found += [
            Example(fill(other.text), other.what)
            for parent in self.intents
            for leaf in parent.intents
            for other in leaf.not_examples
        ]
        return found + [Example(text, OUT_OF_SCOPE) for text in _texts(self.out_of_scope)]

    def marked(self) -> list[Marked]:
        """What a mark model learns from: examples of each signal and of what only looks like it."""
        found: list[Marked] = []
        for signal in self.signals:
            mark = frozenset({f"signal.{signal.name}"})
            found += [Marked(text, mark, frozenset()) for text in _texts(signal.examples)]
            found += [Marked(text, frozenset(), mark) for text in _texts(signal.not_examples)]
        for parent in self.intents:
            for leaf in parent.intents:
                marks = frozenset(f"signal.{name}" for name in leaf.signals)
                found += [Marked(text, marks, frozenset()) for text in _texts(leaf.examples) if marks]
        return found


def read_taxonomy(file: Path) -> Taxonomy:
    """The taxonomy in a YAML file. Raises ``TaxonomyInvalid``, which names the place and what is wrong."""
    try:
        taxonomy = Taxonomy.model_validate(parse_yaml(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:10]]
        raise TaxonomyInvalid(f"{file}: {'; '.join(problems)}.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise TaxonomyInvalid(f"{file} cannot be read: {error}.") from None
    problems = list(_contradictions(taxonomy))
    if problems:
        raise TaxonomyInvalid(f"{file}: {'; '.join(problems[:10])}.")
    return taxonomy


def shipped() -> dict[str, Path]:
    """The taxonomies that come with Careloop, by name."""
    files = sorted(FOLDER.glob("*.yaml"))
    return {file.stem: file for file in files if "." not in file.stem}


def _contradictions(taxonomy: Taxonomy) -> Iterator[str]:
    queues = {queue.name for queue in taxonomy.queues}
    whose: dict[str, str] = {}
    for name, intent in taxonomy.leaves.items():
        if intent.queue not in queues:
            yield f"{name}: there is no queue {intent.queue}"
    if len(taxonomy.leaves) < sum(len(parent.intents) for parent in taxonomy.intents):
        yield "two intents have the same name"
    for parent in taxonomy.intents:
        for leaf in parent.intents:
            name = f"{parent.name}.{leaf.name}"
            for text in _texts(leaf.examples):
                if whose.setdefault(text.casefold(), name) != name:
                    yield f"{text!r} is an example of {whose[text.casefold()]} and of {name}"
            for other in leaf.not_examples:
                if other.what != OUT_OF_SCOPE and other.what not in taxonomy.leaves:
                    yield f"{name}: {other.text!r} is said to be {other.what}, which there is not"


def _texts(texts: Texts) -> Iterator[str]:
    for of_language in texts.values():
        yield from map(fill, of_language)
