"""The metadata that all tables share, with names for constraints so that migrations can refer to them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, MetaData

from store.columns import Id

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def workspace_column() -> Column[str]:
    """The column that says whose row it is; rows go when their workspace goes."""
    return Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False)
