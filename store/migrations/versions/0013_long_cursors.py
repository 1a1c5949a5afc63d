"""Paging tokens of any length: Adobe says that theirs can be very long"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_CURSORS = ("poll_cursor", "consent_cursor")


def upgrade() -> None:
    _alter(sa.String(length=1000), sa.Text())


def downgrade() -> None:
    _alter(sa.Text(), sa.String(length=1000))


def _alter(before: sa.String, after: sa.String) -> None:
    with op.batch_alter_table("connector_states") as table:
        for name in _CURSORS:
            table.alter_column(name, existing_type=before, type_=after, existing_nullable=True)
