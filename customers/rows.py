"""Whose rows they are: following merges, and keeping others from changing a customer meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, TypeVar

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import UnknownCustomer
from kit.ids import CustomerId, WorkspaceId
from store.tables import customers

T = TypeVar("T")


async def living(
    connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, lock: bool = False
) -> Row[Any]:
    """The row of the customer, or of the one it was merged into.

    With ``lock`` nobody else changes it until the transaction ends. Raises ``UnknownCustomer``.
    """
    row = await _followed(connection, workspace, customer)
    if not lock or connection.dialect.name == "sqlite":
        return row

    async def find() -> CustomerId:
        return CustomerId((await _followed(connection, workspace, customer)).id)

    await locked(connection, workspace, find, whom=lambda found: [found])
    return await _followed(connection, workspace, customer)


async def living_of(
    connection: AsyncConnection, workspace: WorkspaceId, wanted: Collection[CustomerId]
) -> dict[CustomerId, Row[Any]]:
    """For each of ``wanted`` its row, or that of the one it was merged into; who is unknown is left out."""
    rows: dict[str, Row[Any]] = {}
    missing = {str(one) for one in wanted}
    while missing:
        query = select(customers).where(customers.c.workspace_id == workspace, customers.c.id.in_(missing))
        found = {row.id: row for row in await connection.execute(query)}
        rows |= found
        missing = {row.survivor_id for row in found.values() if row.survivor_id} - rows.keys()
    followed = {}
    for one in wanted:
        row = rows.get(one)
        while row is not None and row.survivor_id is not None:
            row = rows.get(row.survivor_id)
        if row is not None:
            followed[one] = row
    return followed


async def locked(
    connection: AsyncConnection,
    workspace: WorkspaceId,
    find: Callable[[], Awaitable[T]],
    *,
    whom: Callable[[T], Iterable[CustomerId]],
) -> T:
    """What ``find`` finds, with the customers ``whom`` of it locked until the transaction ends.

    They are locked with all that were merged into them, in the order of their ids, in one statement; where
    something else is found after the wait, the locks are given back first. So two transactions never wait
    for each other, unless one of them locks twice: PostgreSQL ends one of such two. On SQLite, a transaction
    that writes is alone.
    """
    while True:
        found = await find()
        if connection.dialect.name == "sqlite":
            return found
        async with connection.begin_nested() as attempt:
            wanted = sorted(set(whom(found)))
            query = select(customers.c.id).where(
                customers.c.workspace_id == workspace,
                or_(customers.c.id.in_(wanted), customers.c.survivor_id.in_(wanted)),
            )
            await connection.execute(query.order_by(customers.c.id).with_for_update())
            if await find() == found:
                return found
            await attempt.rollback()


async def family(
    connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
) -> list[CustomerId]:
    """A living customer and all that were merged into it."""
    query = select(customers.c.id).where(
        customers.c.workspace_id == workspace,
        or_(customers.c.id == customer, customers.c.survivor_id == customer),
    )
    return [CustomerId(row.id) for row in await connection.execute(query.order_by(customers.c.id))]


async def _followed(connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId) -> Row[Any]:
    wanted: str = customer
    while True:
        query = select(customers).where(customers.c.workspace_id == workspace, customers.c.id == wanted)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise UnknownCustomer(f"There is no customer {customer}.")
        if row.survivor_id is None:
            return row
        wanted = row.survivor_id
