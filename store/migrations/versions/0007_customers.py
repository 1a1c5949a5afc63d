"""Customers: identities, one timeline, consent, merges that can be undone"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_tombstones",
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("value_hash", sa.String(length=64), nullable=False),
        sa.Column("erased_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_customer_tombstones_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "value_hash", name="pk_customer_tombstones"),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("survivor_id", sa.String(length=40), nullable=True),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.Column("value_amount", sa.Float(), nullable=True),
        sa.Column("value_currency", sa.String(length=3), nullable=True),
        sa.Column("do_not_sell", sa.Boolean(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("stage_since", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("stage_event_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["survivor_id"], ["customers.id"], name="fk_customers_survivor_id_customers", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_customers_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
    )
    op.create_index("ix_customers_survivor_id", "customers", ["survivor_id"], unique=False)
    op.create_index(
        "ix_customers_workspace_id_stage_id", "customers", ["workspace_id", "stage", "id"], unique=False
    )
    op.create_table(
        "customer_consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("origin_id", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("given_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_customer_consents_customer_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"],
            ["customers.id"],
            name="fk_customer_consents_origin_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_customer_consents_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customer_consents"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_customer_consents_customer_id_id", "customer_consents", ["customer_id", "id"], unique=False
    )
    op.create_index("ix_customer_consents_origin_id", "customer_consents", ["origin_id"], unique=False)
    op.create_table(
        "customer_events",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("origin_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("occurred_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_customer_events_customer_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"], ["customers.id"], name="fk_customer_events_origin_id_customers", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_customer_events_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customer_events"),
        sa.UniqueConstraint(
            "workspace_id", "source", "external_id", name="uq_customer_events_workspace_id_source_external_id"
        ),
    )
    op.create_index(
        "ix_customer_events_customer_id_occurred_at_id",
        "customer_events",
        ["customer_id", "occurred_at", "id"],
        unique=False,
    )
    op.create_index("ix_customer_events_origin_id", "customer_events", ["origin_id"], unique=False)
    op.create_table(
        "customer_identities",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("origin_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("value_hash", sa.String(length=64), nullable=False),
        sa.Column("added_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_customer_identities_customer_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"],
            ["customers.id"],
            name="fk_customer_identities_origin_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_customer_identities_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customer_identities"),
        sa.UniqueConstraint(
            "workspace_id", "value_hash", name="uq_customer_identities_workspace_id_value_hash"
        ),
    )
    op.create_index(
        "ix_customer_identities_customer_id", "customer_identities", ["customer_id"], unique=False
    )
    op.create_index("ix_customer_identities_origin_id", "customer_identities", ["origin_id"], unique=False)
    op.create_table(
        "customer_merges",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("survivor_id", sa.String(length=40), nullable=False),
        sa.Column("absorbed_id", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("after_consent", sa.Integer(), nullable=False),
        sa.Column("merged_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("undone_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["absorbed_id"],
            ["customers.id"],
            name="fk_customer_merges_absorbed_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["survivor_id"],
            ["customers.id"],
            name="fk_customer_merges_survivor_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_customer_merges_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customer_merges"),
    )
    op.create_index("ix_customer_merges_absorbed_id", "customer_merges", ["absorbed_id"], unique=False)
    op.create_index("ix_customer_merges_survivor_id", "customer_merges", ["survivor_id"], unique=False)
    op.create_table(
        "customer_stages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("was", sa.String(length=20), nullable=False),
        sa.Column("became", sa.String(length=20), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("moved_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_customer_stages_customer_id_customers",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["customer_events.id"],
            name="fk_customer_stages_event_id_customer_events",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_customer_stages_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customer_stages"),
    )
    op.create_index(
        "ix_customer_stages_customer_id_id", "customer_stages", ["customer_id", "id"], unique=False
    )
    op.create_index("ix_customer_stages_event_id", "customer_stages", ["event_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_customer_stages_event_id", table_name="customer_stages")
    op.drop_index("ix_customer_stages_customer_id_id", table_name="customer_stages")
    op.drop_table("customer_stages")
    op.drop_index("ix_customer_merges_survivor_id", table_name="customer_merges")
    op.drop_index("ix_customer_merges_absorbed_id", table_name="customer_merges")
    op.drop_table("customer_merges")
    op.drop_index("ix_customer_identities_origin_id", table_name="customer_identities")
    op.drop_index("ix_customer_identities_customer_id", table_name="customer_identities")
    op.drop_table("customer_identities")
    op.drop_index("ix_customer_events_origin_id", table_name="customer_events")
    op.drop_index("ix_customer_events_customer_id_occurred_at_id", table_name="customer_events")
    op.drop_table("customer_events")
    op.drop_index("ix_customer_consents_origin_id", table_name="customer_consents")
    op.drop_index("ix_customer_consents_customer_id_id", table_name="customer_consents")
    op.drop_table("customer_consents")
    op.drop_index("ix_customers_workspace_id_stage_id", table_name="customers")
    op.drop_index("ix_customers_survivor_id", table_name="customers")
    op.drop_table("customers")
    op.drop_table("customer_tombstones")
