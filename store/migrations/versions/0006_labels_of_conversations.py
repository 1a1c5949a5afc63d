"""What triage says of the customer's messages in a conversation, and how soon somebody has to look"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("priority", sa.String(length=2), nullable=True))
    op.add_column("messages", sa.Column("labels", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "labels")
    op.drop_column("conversations", "priority")
