"""Signals, what became of them, and from which probability on they are told"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signal_thresholds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("previous", sa.Float(), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("because", store.columns.Json, nullable=False),
        sa.Column("made_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_signal_thresholds_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signal_thresholds"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_signal_thresholds_workspace_id_kind_id",
        "signal_thresholds",
        ["workspace_id", "kind", "id"],
        unique=False,
    )
    op.create_table(
        "signals",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=True),
        sa.Column("ticket_id", sa.String(length=40), nullable=True),
        sa.Column("link", sa.String(length=500), nullable=True),
        sa.Column("team", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("next_action", sa.String(length=500), nullable=True),
        sa.Column("priority", sa.String(length=2), nullable=False),
        sa.Column("targets", store.columns.Json, nullable=True),
        sa.Column("why", store.columns.Json, nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("stated", sa.LargeBinary(), nullable=False),
        sa.Column("qualification", sa.String(length=20), nullable=True),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_signals_customer_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_signals_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_signals_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_signals_workspace_id_workspaces", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signals"),
    )
    op.create_index("ix_signals_conversation_id", "signals", ["conversation_id"], unique=False)
    op.create_index("ix_signals_ticket_id", "signals", ["ticket_id"], unique=False)
    op.create_index("ix_signals_customer_id", "signals", ["customer_id"], unique=False)
    op.create_index("ix_signals_workspace_id_id", "signals", ["workspace_id", "id"], unique=False)
    op.create_index(
        "uq_signals_open",
        "signals",
        ["workspace_id", "customer_id", "kind"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "signal_outcomes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("signal_id", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.Float(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("who", sa.String(length=200), nullable=True),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("disputed_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("disputed_by", sa.String(length=200), nullable=True),
        sa.Column("dispute", sa.LargeBinary(), nullable=True),
        sa.Column("verdict", sa.String(length=20), nullable=True),
        sa.Column("reviewed_by", sa.String(length=200), nullable=True),
        sa.Column("reviewed_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["signal_id"], ["signals.id"], name="fk_signal_outcomes_signal_id_signals", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_signal_outcomes_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signal_outcomes"),
        sa.UniqueConstraint(
            "workspace_id", "source", "external_id", name="uq_signal_outcomes_workspace_id_source_external_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_signal_outcomes_signal_id", "signal_outcomes", ["signal_id"], unique=False)
    op.create_index(
        "ix_signal_outcomes_workspace_id_recorded_at",
        "signal_outcomes",
        ["workspace_id", "recorded_at"],
        unique=False,
    )
    op.create_table(
        "signal_sightings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("origin", sa.String(length=120), nullable=False),
        sa.Column("signal_id", sa.String(length=40), nullable=True),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("seen_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["signal_id"], ["signals.id"], name="fk_signal_sightings_signal_id_signals", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_signal_sightings_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signal_sightings"),
        sa.UniqueConstraint(
            "workspace_id", "origin", "kind", name="uq_signal_sightings_workspace_id_origin_kind"
        ),
    )
    op.create_index("ix_signal_sightings_signal_id", "signal_sightings", ["signal_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_signal_sightings_signal_id", table_name="signal_sightings")
    op.drop_table("signal_sightings")
    op.drop_index("ix_signal_outcomes_workspace_id_recorded_at", table_name="signal_outcomes")
    op.drop_index("ix_signal_outcomes_signal_id", table_name="signal_outcomes")
    op.drop_table("signal_outcomes")
    op.drop_index(
        "uq_signals_open",
        table_name="signals",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index("ix_signals_workspace_id_id", table_name="signals")
    op.drop_index("ix_signals_ticket_id", table_name="signals")
    op.drop_index("ix_signals_customer_id", table_name="signals")
    op.drop_index("ix_signals_conversation_id", table_name="signals")
    op.drop_table("signals")
    op.drop_index("ix_signal_thresholds_workspace_id_kind_id", table_name="signal_thresholds")
    op.drop_table("signal_thresholds")
