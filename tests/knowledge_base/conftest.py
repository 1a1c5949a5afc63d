"""A splitter by blank lines, and shorthand for a synchroniser over the shared databases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inference.embeddings import Encoder, EncoderEmbeddings
from inference.fakes import HashEncoder
from kit.clock import ManualClock
from knowledge_base import Document, FolderSource, PassageDraft, PassageKind, Synchroniser
from store.engine import Database


def split_by_blank_lines(document: Document) -> list[PassageDraft]:
    """One passage per block of text."""
    blocks = re.finditer(r"\S(?:.|\n(?!\n))*", document.text)
    return [
        PassageDraft(ordinal, block.start(), block.end(), block.group(), PassageKind.PROSE)
        for ordinal, block in enumerate(blocks)
    ]


def embeddings_of(encoder: Encoder | None = None) -> EncoderEmbeddings:
    return EncoderEmbeddings(encoder or HashEncoder())


def synchroniser(
    database: Database, clock: ManualClock, *, embeddings: EncoderEmbeddings | None = None
) -> Synchroniser:
    return Synchroniser(database, embeddings or embeddings_of(), clock=clock, split=split_by_blank_lines)


def write(folder: Path, **files: str) -> FolderSource:
    """Write files into ``folder`` (``__`` in a name stands for its dot) and return the folder as a source."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return FolderSource(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "help-centre"
    path.mkdir()
    return path
