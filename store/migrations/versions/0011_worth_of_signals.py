"""What outcomes teach of signals, what contacts were about, and who of several servers sees to what"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _workspace(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id"],
        ["workspaces.id"],
        name=op.f(f"fk_{table}_workspace_id_workspaces"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    op.create_table(
        "signal_circumstances",
        sa.Column("signal_id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["signal_id"],
            ["signals.id"],
            name=op.f("fk_signal_circumstances_signal_id_signals"),
            ondelete="CASCADE",
        ),
        _workspace("signal_circumstances"),
        sa.PrimaryKeyConstraint("signal_id", name=op.f("pk_signal_circumstances")),
    )
    op.create_table(
        "signal_worth_models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("model", store.columns.Json, nullable=True),
        sa.Column("encoder", sa.String(length=200), nullable=False),
        sa.Column("cut", sa.Float(), nullable=False),
        sa.Column("because", store.columns.Json, nullable=False),
        sa.Column("learnt_until", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("made_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        _workspace("signal_worth_models"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_worth_models")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_signal_worth_models_workspace_id_kind_id",
        "signal_worth_models",
        ["workspace_id", "kind", "id"],
        unique=False,
    )
    op.create_table(
        "duties",
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=40), nullable=True),
        sa.Column("alive_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("due", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finished_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("result", store.columns.Json, nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        _workspace("duties"),
        sa.PrimaryKeyConstraint("workspace_id", "name", name=op.f("pk_duties")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("intent", sa.String(length=200), nullable=False),
        sa.Column("queue", sa.String(length=200), nullable=False),
        sa.Column("at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_contacts_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        _workspace("contacts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_workspace_id_at", "contacts", ["workspace_id", "at"], unique=False)
    op.create_index("ix_contacts_conversation_id", "contacts", ["conversation_id"], unique=False)
    op.create_index(
        "ix_tickets_workspace_id_created_at", "tickets", ["workspace_id", "created_at"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_tickets_workspace_id_created_at", table_name="tickets")
    op.drop_index("ix_contacts_conversation_id", table_name="contacts")
    op.drop_index("ix_contacts_workspace_id_at", table_name="contacts")
    op.drop_table("contacts")
    op.drop_table("duties")
    op.drop_index("ix_signal_worth_models_workspace_id_kind_id", table_name="signal_worth_models")
    op.drop_table("signal_worth_models")
    op.drop_table("signal_circumstances")
