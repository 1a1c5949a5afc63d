"""Tickets, what people correct in them, and the models that learn from it"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("customer", store.columns.Json, nullable=False),
        sa.Column("labels", store.columns.Json, nullable=False),
        sa.Column("model", sa.String(length=80), nullable=True),
        sa.Column("final_labels", store.columns.Json, nullable=False),
        sa.Column("intent", sa.String(length=200), nullable=True),
        sa.Column("queue", sa.String(length=200), nullable=True),
        sa.Column("certainty", sa.String(length=20), nullable=True),
        sa.Column("created_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_tickets_workspace_id_workspaces", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.UniqueConstraint(
            "workspace_id", "source", "external_id", name="uq_tickets_workspace_id_source_external_id"
        ),
    )
    op.create_index(
        "ix_tickets_workspace_id_queue_id", "tickets", ["workspace_id", "queue", "id"], unique=False
    )
    op.create_table(
        "triage_models",
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("metrics", store.columns.Json, nullable=False),
        sa.Column("provenance", store.columns.Json, nullable=False),
        sa.Column("folder", sa.String(length=80), nullable=True),
        sa.Column("created_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("promoted_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("promoted_from", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_triage_models_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "version", name="pk_triage_models"),
    )
    op.create_index(
        "uq_triage_models_live",
        "triage_models",
        ["workspace_id", "kind"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("ticket_id", sa.String(length=40), nullable=True),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("was", sa.String(length=200), nullable=True),
        sa.Column("became", sa.String(length=200), nullable=True),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("made_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_corrections_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_corrections_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_corrections_ticket_id", "corrections", ["ticket_id"], unique=False)
    op.create_index(
        "ix_corrections_workspace_id_kind_made_at",
        "corrections",
        ["workspace_id", "kind", "made_at"],
        unique=False,
    )
    op.create_index(
        "ix_corrections_workspace_id_text_hash", "corrections", ["workspace_id", "text_hash"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_corrections_workspace_id_text_hash", table_name="corrections")
    op.drop_index("ix_corrections_workspace_id_kind_made_at", table_name="corrections")
    op.drop_index("ix_corrections_ticket_id", table_name="corrections")
    op.drop_table("corrections")
    op.drop_index(
        "uq_triage_models_live",
        table_name="triage_models",
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )
    op.drop_table("triage_models")
    op.drop_index("ix_tickets_workspace_id_queue_id", table_name="tickets")
    op.drop_table("tickets")
