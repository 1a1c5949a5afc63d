from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from store.migrate import newest_revision, revision_of, sync_url
from store.tables import metadata


def _is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    of_lexical_search = (name or "").startswith(("passages_fts", "ix_passages_search_vector"))
    return not (of_lexical_search or (kind == "column" and name == "search_vector"))


def test_migrations_make_exactly_the_tables_that_the_code_uses(database_url: str) -> None:
    engine = create_engine(sync_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _is_ours})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_new_database_is_at_the_newest_revision(database_url: str) -> None:
    engine = create_engine(sync_url(database_url))
    with engine.connect() as connection:
        assert revision_of(connection) == newest_revision()
    engine.dispose()


def test_every_table_belongs_to_a_workspace() -> None:
    without = {table.name for table in metadata.sorted_tables if "workspace_id" not in table.c}
    assert without == {"workspaces"}
