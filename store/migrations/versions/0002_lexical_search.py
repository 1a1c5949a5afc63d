"""Lexical search over passages: FTS5 on SQLite, tsvector on PostgreSQL, each kept in step by the database.

SQLite: `passages_fts` is an external-content FTS5 table over `passages` (rowid = passages.id), columns
title, headings, context, body; triggers keep it in step. PostgreSQL: `passages.search_vector` is a
generated column with weights A (title), B (headings), C (context), D (text).
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQLITE = (
    """CREATE VIRTUAL TABLE passages_fts USING fts5(
        title, headings, context, text,
        content='passages', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
    )""",
    """CREATE TRIGGER passages_fts_insert AFTER INSERT ON passages BEGIN
        INSERT INTO passages_fts(rowid, title, headings, context, text)
        VALUES (new.id, new.title, new.headings, new.context, new.text);
    END""",
    """CREATE TRIGGER passages_fts_delete AFTER DELETE ON passages BEGIN
        INSERT INTO passages_fts(passages_fts, rowid, title, headings, context, text)
        VALUES ('delete', old.id, old.title, old.headings, old.context, old.text);
    END""",
)
_POSTGRESQL = (
    """ALTER TABLE passages ADD COLUMN search_vector tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', title), 'A') ||
        setweight(to_tsvector('english', headings), 'B') ||
        setweight(to_tsvector('english', context), 'C') ||
        setweight(to_tsvector('english', text), 'D')
    ) STORED""",
    "CREATE INDEX ix_passages_search_vector ON passages USING gin (search_vector)",
)


def upgrade() -> None:
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER passages_fts_delete")
        op.execute("DROP TRIGGER passages_fts_insert")
        op.execute("DROP TABLE passages_fts")
    else:
        op.drop_column("passages", "search_vector")
