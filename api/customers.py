"""Customers: found or made by their identities, changed, merged and taken apart, exported, erased."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api import customer_models as models
from api.customer_history_models import CustomerExport
from api.deps import (
    BookDep,
    CustomerPath,
    CustomersReader,
    CustomersWriter,
    IdentityPath,
    Limit,
    MergePath,
    ServicesDep,
)
from api.idempotency import OnceDep
from api.outlook_models import Churn, CustomerInFull
from api.problems import CONFLICT, NOT_FOUND, problems
from customers import MergeReason, Stage
from customers.errors import UnknownMerge
from kit.ids import CustomerId
from signals.delivery.farewell import Farewell, Farewells
from signals.delivery.recipients import BookRecipients
from signals.store import SignalStore

router = APIRouter(prefix="/v1/customers", tags=["customers"], responses=problems(NOT_FOUND, CONFLICT))


@router.post("", operation_id="create_customer", status_code=201, response_model=models.Resolution)
async def create_customer(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    once: OnceDep,
    body: models.NewCustomer,
) -> Response:
    """Find the customer who has any of these identities, else make one. They have all of them from now on.

    Where two customers have some of them, they become one, the elder: `merges` says so.
    """

    async def produce() -> models.Resolution:
        async with services.database.write() as connection:
            found = await book.registry.resolve(
                connection,
                caller.workspace_id,
                [identity.read for identity in body.identities],
                now=services.clock.now(),
                profile=body.profile,
                create=body.create,
                imported=body.imported,
            )
        return models.Resolution.of(found)

    return await once(produce)


@router.get("", operation_id="list_customers")
async def list_customers(
    *,
    caller: CustomersReader,
    services: ServicesDep,
    book: BookDep,
    stage: Stage | None = None,
    before: Annotated[
        str | None, Query(pattern="^[A-Za-z0-9_-]{1,40}$", description="`next` of a page.")
    ] = None,
    limit: Limit = 50,
) -> models.CustomerPage:
    """Customers, youngest first."""
    async with services.database.read() as connection:
        found = await book.directory.page(
            connection,
            caller.workspace_id,
            stage=stage,
            before=None if before is None else CustomerId(before),
            limit=limit,
        )
    items = [models.Customer.of(customer) for customer in found]
    return models.CustomerPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/{customer_id}", operation_id="get_customer")
async def get_customer(
    caller: CustomersReader, services: ServicesDep, book: BookDep, customer_id: CustomerPath
) -> CustomerInFull:
    """One customer; by the id of one who was merged, the one they are part of.

    `churn` is how probable it is that they leave, by what the customers did who left before.
    """
    async with services.database.read() as connection:
        found = await book.directory.get(connection, caller.workspace_id, customer_id)
    churn = None
    if services.outlook is not None:
        watch = services.outlook.churn
        churn = Churn.of(await watch.outlook(caller.workspace_id, found, at=services.clock.now()))
    return CustomerInFull(**dict(models.Customer.of(found)), churn=churn)


@router.put("/{customer_id}", operation_id="change_customer")
async def change_customer(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    customer_id: CustomerPath,
    body: models.ProfileChange,
) -> models.Customer:
    """Change names, attributes and value. What is left out stays; an attribute that is null goes."""
    async with services.database.write() as connection:
        changed = await book.registry.change(
            connection, caller.workspace_id, customer_id, body.profile, now=services.clock.now()
        )
    return models.Customer.of(changed)


@router.delete("/{customer_id}", operation_id="erase_customer")
async def erase_customer(
    caller: CustomersWriter, services: ServicesDep, book: BookDep, customer_id: CustomerPath
) -> models.ErasedCustomer:
    """Erase a customer, and all that was merged into it: profile, timeline, consents, signals, deliveries.

    Tools of marketing are asked first to take them out of sequences; `sequences` says which did. What other
    systems were told stays there. Conversations and tickets have routes of their own. Keyed hashes of their
    identities are left, by which an import that would bring them back is refused.
    """
    now, farewells = services.clock.now(), list[Farewell]()
    if services.signals is not None and services.delivery is not None:
        farewells = await Farewells(
            services.database, services.signals.store, BookRecipients(book), services.delivery.targets
        ).say(caller.workspace_id, customer_id, at=now)
    async with services.database.write() as connection:
        erased = await book.registry.erase(connection, caller.workspace_id, customer_id, now=now)
    return models.ErasedCustomer(
        erased=list(erased), sequences=[models.LeftSequence.of(one) for one in farewells]
    )


@router.get("/{customer_id}/export", operation_id="export_customer")
async def export_customer(
    caller: CustomersReader, services: ServicesDep, book: BookDep, customer_id: CustomerPath
) -> CustomerExport:
    """All that is stored of a customer, but for conversations and tickets, which have routes of their own."""
    async with services.database.read() as connection:
        found = await book.everything(connection, caller.workspace_id, customer_id, at=services.clock.now())
        signals = await SignalStore(services.cipher).all_of(
            connection, caller.workspace_id, found.customer.id
        )
    return CustomerExport.of(found, signals)


@router.post(
    "/{customer_id}/identities",
    operation_id="add_identity",
    status_code=201,
    response_model=models.Resolution,
)
async def add_identity(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    once: OnceDep,
    customer_id: CustomerPath,
    body: models.NewIdentity,
) -> Response:
    """Let the customer have an identity as well. Another customer who has it becomes one with them."""

    async def produce() -> models.Resolution:
        async with services.database.write() as connection:
            found = await book.registry.attach(
                connection, caller.workspace_id, customer_id, body.read, now=services.clock.now()
            )
        return models.Resolution.of(found)

    return await once(produce)


@router.delete("/{customer_id}/identities/{identity_id}", operation_id="remove_identity")
async def remove_identity(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    customer_id: CustomerPath,
    identity_id: IdentityPath,
) -> models.Customer:
    """Take an identity away from a customer: it is nobody's then."""
    async with services.database.write() as connection:
        changed = await book.registry.detach(connection, caller.workspace_id, customer_id, identity_id)
    return models.Customer.of(changed)


@router.get("/{customer_id}/merges", operation_id="list_merges")
async def list_merges(
    caller: CustomersReader, services: ServicesDep, book: BookDep, customer_id: CustomerPath
) -> models.MergeList:
    """Merges of a customer and of those in it, oldest first, the undone among them."""
    async with services.database.read() as connection:
        found = await book.directory.get(connection, caller.workspace_id, customer_id)
        merges = await book.merges.of_customer(connection, caller.workspace_id, found.id)
    return models.MergeList(items=[models.Merge.of(merge) for merge in merges])


@router.post(
    "/{customer_id}/merges",
    operation_id="merge_customers",
    status_code=201,
    response_model=models.Resolution,
)
async def merge_customers(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    once: OnceDep,
    customer_id: CustomerPath,
    body: models.OtherCustomer,
) -> Response:
    """Make one customer of two: the elder has everything from now on, and the more restrictive consent."""

    async def produce() -> models.Resolution:
        async with services.database.write() as connection:
            merges = await book.merges.merge(
                connection,
                caller.workspace_id,
                (customer_id, CustomerId(body.customer_id)),
                reason=MergeReason.REQUEST,
                now=services.clock.now(),
            )
            survivor = await book.directory.get(connection, caller.workspace_id, customer_id)
        return models.Resolution(
            created=False,
            customer=models.Customer.of(survivor),
            merges=[models.Merge.of(merge) for merge in merges],
        )

    return await once(produce)


@router.delete("/{customer_id}/merges/{merge_id}", operation_id="unmerge_customers")
async def unmerge_customers(
    *,
    caller: CustomersWriter,
    services: ServicesDep,
    book: BookDep,
    customer_id: CustomerPath,
    merge_id: MergePath,
) -> models.Unmerged:
    """Take apart what a merge made one: each has again what it had. They do not merge by themselves again."""
    async with services.database.write() as connection:
        found = await book.directory.get(connection, caller.workspace_id, customer_id)
        merges = await book.merges.of_customer(connection, caller.workspace_id, found.id)
        if merge_id not in {merge.id for merge in merges}:
            raise UnknownMerge(f"The customer {customer_id} has no merge {merge_id}.")
        undone = await book.merges.unmerge(
            connection, caller.workspace_id, merge_id, now=services.clock.now()
        )
        if services.signals is not None:
            await services.signals.intake.taken_apart(
                connection, caller.workspace_id, undone, at=services.clock.now()
            )
        survivor, absorbed = [
            models.Customer.of(await book.directory.get(connection, caller.workspace_id, one))
            for one in (undone.survivor, undone.absorbed)
        ]
    return models.Unmerged(merge=models.Merge.of(undone), survivor=survivor, absorbed=absorbed)
