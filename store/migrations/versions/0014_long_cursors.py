"""Paging tokens of any length: Adobe says that theirs can be very long"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("connector_states") as table:
        table.alter_column(
            "poll_cursor", existing_type=sa.String(length=1000), type_=sa.Text(), existing_nullable=True
        )


def downgrade() -> None:
    with op.batch_alter_table("connector_states") as table:
        table.alter_column(
            "poll_cursor", existing_type=sa.Text(), type_=sa.String(length=1000), existing_nullable=True
        )
