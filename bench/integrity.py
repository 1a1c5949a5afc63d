"""Whether a data folder that nobody has open is whole: database, versions, passages, vector index."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import select, text

from careloop.build import Parts, build
from careloop.settings import Settings
from kit.ids import DEFAULT_WORKSPACE, PassageId
from store.tables import document_versions, documents, messages, passages


async def check(data: Path, *, expected: dict[str, str] | None = None) -> list[str]:
    """Everything that is wrong; ``expected`` maps the keys of all documents to a text each must hold."""
    async with build(Settings(data_dir=data, _env_file=None)) as parts:
        found = await _database(parts)
        found += await _passages(parts)
        found += await _turns(parts)
        if expected is not None:
            found += await _documents(parts, expected)
        await parts.follower.apply()
        found += await _index(parts)
    return found


async def _database(parts: Parts) -> list[str]:
    async with parts.database.read() as connection:
        whole = [str(row[0]) for row in await connection.execute(text("PRAGMA integrity_check"))]
        orphans = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
    found = [f"SQLite says: {line}" for line in whole if line != "ok"]
    return found + [f"{len(orphans)} rows without their parent"] * bool(orphans)


async def _passages(parts: Parts) -> list[str]:
    """Passages of current versions only, each the slice of the text that it says; some for every document."""
    found = []
    async with parts.database.read() as connection:
        versions = {row.id: row for row in await connection.execute(select(document_versions))}
        current = {
            row.current_version_id
            for row in await connection.execute(select(documents.c.current_version_id))
            if row.current_version_id is not None
        }
        rows = (await connection.execute(select(passages))).all()
    for row in rows:
        if row.version_id not in current:
            found.append(f"passage {row.id} is of a version that is not current")
        elif versions[row.version_id].text[row.start : row.end] != row.text:
            found.append(f"passage {row.id} is not what stands at its offsets")
    bare = current - {row.version_id for row in rows}
    return found + [
        f"document {versions[key].document_id} has no passage" for key in bare if versions[key].text
    ]


async def _turns(parts: Parts) -> list[str]:
    """Sequences without gaps, and never two replies to one message."""
    async with parts.database.read() as connection:
        query = select(messages.c.conversation_id, messages.c.sequence, messages.c.reply_to)
        rows = (
            await connection.execute(query.order_by(messages.c.conversation_id, messages.c.sequence))
        ).all()
    replies = Counter(row.reply_to for row in rows if row.reply_to)
    found = [f"message {key} has {number} replies" for key, number in replies.items() if number > 1]
    counts = Counter(row.conversation_id for row in rows)
    last = {row.conversation_id: row.sequence for row in rows}
    return found + [f"conversation {key} has gaps" for key, number in counts.items() if last[key] != number]


async def _documents(parts: Parts, expected: dict[str, str]) -> list[str]:
    async with parts.database.read() as connection:
        query = select(documents.c.key, document_versions.c.text).join(
            document_versions, document_versions.c.id == documents.c.current_version_id
        )
        stored = {row.key: row.text for row in await connection.execute(query)}
    found = [f"document {key} is missing" for key in expected.keys() - stored.keys()]
    found += [f"document {key} should be gone" for key in stored.keys() - expected.keys()]
    return found + [
        f"document {key} is not the newest"
        for key in stored.keys() & expected.keys()
        if expected[key] not in stored[key]
    ]


async def _index(parts: Parts) -> list[str]:
    async with parts.database.read() as connection:
        rows = await connection.execute(select(passages.c.id))
        wanted = {PassageId(row.id) for row in rows}
    present = await parts.index.ids(DEFAULT_WORKSPACE)
    if wanted == present:
        return []
    return [f"index and database differ: {len(wanted - present)} missing, {len(present - wanted)} too many"]
