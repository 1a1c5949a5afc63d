"""What connectors told and what came of it, who asks them now, and deliveries that carry out sequences"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_POLLING = (
    ("consent_cursor", sa.String(length=1000)),
    ("polling_by", sa.String(length=40)),
    ("polling_until", store.columns.UtcDateTime(timezone=True)),
    ("next_poll_at", store.columns.UtcDateTime(timezone=True)),
    ("poll_failures", sa.Integer()),
    ("poll_error_code", sa.String(length=80)),
    ("poll_error", sa.String(length=1000)),
)


def upgrade() -> None:
    for name, kind in _POLLING:
        op.add_column("connector_states", sa.Column(name, kind, nullable=True))
    op.add_column("deliveries", sa.Column("command", sa.String(length=10), nullable=True))
    op.add_column("deliveries", sa.Column("enrolment_id", sa.String(length=40), nullable=True))
    op.create_index("ix_deliveries_enrolment_id", "deliveries", ["enrolment_id"], unique=False)
    op.create_table(
        "inbound_news",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("connector", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("via", sa.String(length=20), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=True),
        sa.Column("detail", sa.String(length=1000), nullable=True),
        sa.Column("signal_id", sa.String(length=40), nullable=True),
        sa.Column("customer_id", sa.String(length=40), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("received_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_inbound_news_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["signal_id"], ["signals.id"], name=op.f("fk_inbound_news_signal_id_signals"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_inbound_news_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_news")),
        sa.UniqueConstraint(
            "workspace_id",
            "connector",
            "kind",
            "key",
            name=op.f("uq_inbound_news_workspace_id_connector_kind_key"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_inbound_news_workspace_id_connector_id", "inbound_news", ["workspace_id", "connector", "id"]
    )
    op.create_index("ix_inbound_news_signal_id", "inbound_news", ["signal_id"])
    op.create_index("ix_inbound_news_customer_id", "inbound_news", ["customer_id"])


def downgrade() -> None:
    op.drop_index("ix_inbound_news_customer_id", table_name="inbound_news")
    op.drop_index("ix_inbound_news_signal_id", table_name="inbound_news")
    op.drop_index("ix_inbound_news_workspace_id_connector_id", table_name="inbound_news")
    op.drop_table("inbound_news")
    op.drop_index("ix_deliveries_enrolment_id", table_name="deliveries")
    op.drop_column("deliveries", "enrolment_id")
    op.drop_column("deliveries", "command")
    for name, _ in reversed(_POLLING):
        op.drop_column("connector_states", name)
