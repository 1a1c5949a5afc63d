"""Alembic's entry: runs migrations on the connection that ``store.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from store.tables import metadata


def _is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    return not (kind == "table" and (name or "").startswith("passages_fts"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    include_object=_is_ours,
)
with context.begin_transaction():
    context.run_migrations()
