"""What connectors are told, in which order and with which end, and how each connector fares"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connector_states",
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("connector", sa.String(length=80), nullable=False),
        sa.Column("paused_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.String(length=200), nullable=True),
        sa.Column("poll_cursor", sa.String(length=1000), nullable=True),
        sa.Column("polled_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("healthy", sa.Boolean(), nullable=True),
        sa.Column("health_detail", sa.String(length=1000), nullable=True),
        sa.Column("checked_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_connector_states_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "connector", name=op.f("pk_connector_states")),
    )
    op.create_table(
        "signal_revisions",
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("signal_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("frozen", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["signal_id"],
            ["signals.id"],
            name=op.f("fk_signal_revisions_signal_id_signals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_signal_revisions_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("signal_id", "revision", name=op.f("pk_signal_revisions")),
    )
    op.create_index(
        "ix_signal_revisions_workspace_id_customer_id",
        "signal_revisions",
        ["workspace_id", "customer_id"],
        unique=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("connector", sa.String(length=80), nullable=False),
        sa.Column("signal_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("due_since", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=120), nullable=True),
        sa.Column("claimed_until", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(length=80), nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.Column(
            "receipt",
            store.columns.Json,
            nullable=True,
        ),
        sa.Column("made_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["signal_id", "revision"],
            ["signal_revisions.signal_id", "signal_revisions.revision"],
            name="fk_deliveries_signal_id_signal_revisions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_deliveries_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "workspace_id",
            "connector",
            "customer_id",
            "order_number",
            name=op.f("uq_deliveries_workspace_id_connector_customer_id_order_number"),
        ),
        sa.UniqueConstraint(
            "workspace_id", "connector", "key", name=op.f("uq_deliveries_workspace_id_connector_key")
        ),
    )
    op.create_index(
        "ix_deliveries_claimed",
        "deliveries",
        ["workspace_id", "connector", "claimed_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["workspace_id", "connector", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["workspace_id", "connector", "customer_id", "order_number"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'sending')"),
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_index("ix_deliveries_signal_id_revision", "deliveries", ["signal_id", "revision"], unique=False)
    op.create_index("ix_deliveries_workspace_id_id", "deliveries", ["workspace_id", "id"], unique=False)
    op.create_index(
        "ix_deliveries_workspace_id_state_id", "deliveries", ["workspace_id", "state", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_workspace_id_state_id", table_name="deliveries")
    op.drop_index("ix_deliveries_workspace_id_id", table_name="deliveries")
    op.drop_index("ix_deliveries_signal_id_revision", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_pending",
        table_name="deliveries",
        sqlite_where=sa.text("state IN ('queued', 'sending')"),
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.drop_index(
        "ix_deliveries_due",
        table_name="deliveries",
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.drop_index(
        "ix_deliveries_claimed",
        table_name="deliveries",
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.drop_table("deliveries")
    op.drop_index("ix_signal_revisions_workspace_id_customer_id", table_name="signal_revisions")
    op.drop_table("signal_revisions")
    op.drop_table("connector_states")
