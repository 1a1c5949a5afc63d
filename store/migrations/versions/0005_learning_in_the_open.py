"""Learning at night, once for all servers; second opinions of a language model"""

import sqlalchemy as sa
import store.columns
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "learning_runs",
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=True),
        sa.Column("started_by", sa.String(length=20), nullable=True),
        sa.Column("started_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("alive_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("report", store.columns.Json, nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.Column("night", store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("learned_from", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_learning_runs_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_learning_runs"),
    )
    op.create_table(
        "second_opinions",
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("workspace_id", sa.String(length=40), nullable=False),
        sa.Column("classifier", sa.String(length=200), nullable=False),
        sa.Column("candidates", store.columns.Json, nullable=False),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.Column("agrees", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("prompt", sa.String(length=80), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("failure", sa.String(length=80), nullable=True),
        sa.Column("made_at", store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_second_opinions_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name="fk_second_opinions_workspace_id_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_second_opinions"),
    )
    op.create_index(
        "ix_second_opinions_workspace_id_made_at", "second_opinions", ["workspace_id", "made_at"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_second_opinions_workspace_id_made_at", table_name="second_opinions")
    op.drop_table("second_opinions")
    op.drop_table("learning_runs")
