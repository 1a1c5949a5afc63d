"""``careloop customers``: what is known of somebody, for those who ask for it, or to have it gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from api.customer_history_models import CustomerExport
from api.customer_models import Resolution as SentResolution
from careloop.build import build_customers
from careloop.build_delivery import build_targets
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console
from careloop.cli.triage_parts import Opened, with_database
from customers import CustomerBook, Everything, Identity, IdentityKind, MergeReason
from customers.errors import IdentityInvalid
from customers.registry import Resolution
from kit.ids import CustomerId
from kit.private_file import write_private
from signals.delivery.farewell import Farewell, Farewells
from signals.delivery.recipients import BookRecipients
from signals.signal import Signal
from signals.store import SignalStore

app = typer.Typer(no_args_is_help=True, help="Show, export, merge and erase customers.")

T = TypeVar("T")
_EVENTS_SHOWN = 10

Who = Annotated[
    str,
    typer.Argument(
        help="An id (cus_...), an e-mail address, a number that begins with +, or `visitor:ID`, "
        "`external:ID`, `crm:SYSTEM:ID`.",
        metavar="CUSTOMER",
    ),
]


@app.command()
def show(customer: Who, workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Show a customer: names, identities, stage, health, consent, and what happened last."""
    found, signals = _everything(customer, workspace)
    if as_json:
        typer.echo(CustomerExport.of(found, signals).model_dump_json())
    else:
        _print(found)


@app.command()
def export(
    customer: Who,
    out: Annotated[Path | None, typer.Option(help="File to write to, instead of standard output.")] = None,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Write all that is stored of a customer as JSON, readable by you alone."""
    text = CustomerExport.of(*_everything(customer, workspace)).model_dump_json(indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    write_private(out, text)
    console().print(f"Written to {out}.", markup=False, soft_wrap=True)


@app.command()
def erase(
    customer: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Erase a customer, with all that was merged into it. There is no way back."""
    if not yes:
        typer.confirm(f"Erase {customer} and everything that is stored of them?", abort=True)

    async def work(
        book: CustomerBook, opened: Opened, connection: AsyncConnection, found: CustomerId
    ) -> list[CustomerId]:
        return await book.registry.erase(connection, opened.workspace, found, now=opened.clock.now())

    for one in with_database(workspace, lambda opened: _say_farewell(opened, customer)):
        became = "left" if one.error is None else f"not left ({one.error}): take them out there by hand"
        console().print(f"{one.connector}, {one.journey}: {became}.", markup=False, soft_wrap=True)
    gone = _with_customer(customer, workspace, work)
    console().print(f"Erased {', '.join(gone)}.", markup=False, soft_wrap=True)


@app.command()
def merge(customer: Who, other: Who, workspace: WorkspaceOption = DEFAULT, as_json: JsonFlag = False) -> None:
    """Make one customer of two; the elder has everything from now on. The API can take it back."""

    async def work(
        book: CustomerBook, opened: Opened, connection: AsyncConnection, found: CustomerId
    ) -> Resolution:
        second = await _find(book, opened, connection, other)
        merges = await book.merges.merge(
            connection, opened.workspace, (found, second), reason=MergeReason.REQUEST, now=opened.clock.now()
        )
        survivor = await book.directory.get(connection, opened.workspace, found)
        return Resolution(survivor, created=False, merges=tuple(merges))

    made = _with_customer(customer, workspace, work)
    if as_json:
        typer.echo(SentResolution.of(made).model_dump_json())
        return
    for one in made.merges:
        console().print(f"{one.absorbed} is part of {one.survivor} now (merge {one.id}).", markup=False)


def read_identity(text: str) -> Identity:
    """The identity that ``text`` names on the command line. Raises ``IdentityInvalid``."""
    kind, _, rest = text.partition(":")
    if kind in set(IdentityKind) and rest:
        system, separator, value = rest.partition(":")
        if kind == IdentityKind.CRM and separator:
            return Identity(IdentityKind.CRM, value, system)
        return Identity(IdentityKind(kind), rest)
    if "@" in text:
        return Identity(IdentityKind.EMAIL, text)
    if text.startswith("+"):
        return Identity(IdentityKind.PHONE, text)
    raise IdentityInvalid(
        f"{text} is no customer: give an id (cus_...), an e-mail address, a number that begins with +, "
        "or `visitor:ID`, `external:ID`, `crm:SYSTEM:ID`."
    )


async def _say_farewell(opened: Opened, customer: str) -> list[Farewell]:
    book = build_customers(opened.settings, opened.cipher)
    targets = build_targets(opened.settings, opened.clock)
    try:
        async with opened.database.write() as connection:
            found = await _find(book, opened, connection, customer)
        farewells = Farewells(opened.database, SignalStore(opened.cipher), BookRecipients(book), targets)
        return await farewells.say(opened.workspace, found, at=opened.clock.now())
    finally:
        await targets.close()


def _everything(customer: str, workspace: str) -> tuple[Everything, list[Signal]]:
    async def work(
        book: CustomerBook, opened: Opened, connection: AsyncConnection, found: CustomerId
    ) -> tuple[Everything, list[Signal]]:
        said = await book.everything(connection, opened.workspace, found, at=opened.clock.now())
        return said, await SignalStore(opened.cipher).all_of(connection, opened.workspace, found)

    return _with_customer(customer, workspace, work)


def _with_customer(
    customer: str,
    workspace: str,
    work: Callable[[CustomerBook, Opened, AsyncConnection, CustomerId], Awaitable[T]],
) -> T:
    async def run(opened: Opened) -> T:
        book = build_customers(opened.settings, opened.cipher)
        async with opened.database.write() as connection:
            found = await _find(book, opened, connection, customer)
            return await work(book, opened, connection, found)

    return with_database(workspace, run)


async def _find(book: CustomerBook, opened: Opened, connection: AsyncConnection, text: str) -> CustomerId:
    if text.startswith("cus_"):
        return (await book.directory.get(connection, opened.workspace, CustomerId(text))).id
    found = await book.registry.resolve(
        connection, opened.workspace, [read_identity(text)], now=opened.clock.now(), create=False
    )
    return found.customer.id


def _print(found: Everything) -> None:
    out, customer = console(), found.customer
    profile = customer.profile
    names = " ".join(name for name in (profile.first_name, profile.last_name, profile.company) if name)
    table = Table("", escape(names or customer.id))

    def row(name: str, value: str) -> None:
        table.add_row(escape(name), escape(value))

    row("id", customer.id)
    for item in customer.identities:
        row(item.identity.system or item.identity.kind, item.identity.value)
    for name, value in sorted(profile.attributes.items()):
        row(name, str(value))
    if profile.value is not None:
        row("value", f"{profile.value.amount:,.2f} {profile.value.currency}")
    row("stage", customer.stage.replace("_", " "))
    score = "nothing is known" if found.health.score is None else f"{found.health.score:.0f} of 100"
    row("health", score)
    for part in found.health.parts:
        row(f"  {part.part}", f"{part.score:.0f} × {part.weight:.0%}. {part.explanation}")
    if customer.do_not_sell:
        row("do not sell", "yes")
    for record in found.consents.records:
        row(
            "consent",
            f"{record.at:%Y-%m-%d} {record.purpose} by {record.channel}: {record.state} ({record.source})",
        )
    for event in list(reversed(found.events))[:_EVENTS_SHOWN]:
        row(f"{event.occurred_at:%Y-%m-%d %H:%M}", f"{event.kind}: {event.name} ({event.source})")
    if len(found.events) > _EVENTS_SHOWN:
        row("", f"and {len(found.events) - _EVENTS_SHOWN:,} events before")
    out.print(table)
