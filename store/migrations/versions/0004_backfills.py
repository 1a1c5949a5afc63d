"""Bulk triage of stored tickets that can go on where it was cut off, and can be taken back"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("options", store.columns.Json, nullable=False),
        sa.Column("counts", store.columns.Json, nullable=False),
        sa.Column("cursor", sa.String(length=40), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("beat_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_backfills_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_backfills"),
    )
    op.create_index("ix_backfills_workspace_id_id", "backfills", ["workspace_id", "id"], unique=False)
    op.create_index(
        "uq_backfills_open",
        "backfills",
        ["workspace_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "backfill_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("backfill_id", sa.String(length=40), nullable=False),
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("before", store.columns.Json, nullable=False),
        sa.Column("before_model", sa.String(length=80), nullable=True),
        sa.Column("after_hash", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["backfill_id"],
            ["backfills.id"],
            name="fk_backfill_entries_backfill_id_backfills",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name="fk_backfill_entries_ticket_id_tickets",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_backfill_entries_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_backfill_entries"),
    )
    op.create_index(
        "ix_backfill_entries_backfill_id_id", "backfill_entries", ["backfill_id", "id"], unique=False
    )
    op.create_index("ix_backfill_entries_ticket_id", "backfill_entries", ["ticket_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_backfill_entries_ticket_id", table_name="backfill_entries")
    op.drop_index("ix_backfill_entries_backfill_id_id", table_name="backfill_entries")
    op.drop_table("backfill_entries")
    op.drop_index(
        "uq_backfills_open",
        table_name="backfills",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index("ix_backfills_workspace_id_id", table_name="backfills")
    op.drop_table("backfills")
