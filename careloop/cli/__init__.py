"""The command line: ``careloop COMMAND``. Each command group is a module here, loaded when it is called.

One of two places of the project that import by name at run time (the other is what draws digests): with the
model runtimes behind ``serve`` and ``evaluate``, importing every command would cost seconds before
``careloop --help`` says a word.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from kit.errors import CareloopError

EXPECTED_ERROR = 2  # exit status for what the user can put right, as for a wrong option


class Entry(NamedTuple):
    """A command before it is loaded: the module that holds its ``app``, and its line in the help."""

    module: str
    help: str


COMMANDS: Mapping[str, Entry] = {
    "serve": Entry("careloop.cli.serve", "Start API and chat page."),
    "worker": Entry("careloop.cli.worker", "Deliver signals to connectors, apart from the API."),
    "ingest": Entry("careloop.cli.ingest", "Load files, folders or web sites into the knowledge base."),
    "ask": Entry("careloop.cli.ask", "Ask one question and see the answer with its sources."),
    "knowledge": Entry("careloop.cli.knowledge", "Look at and look after the knowledge base."),
    "train": Entry("careloop.cli.train", "Train an intent model from a CSV of labelled messages."),
    "triage": Entry("careloop.cli.triage", "See what one message is, with probabilities and evidence."),
    "triage-file": Entry("careloop.cli.triage_file", "Triage every message of a file; resumable."),
    "tickets": Entry("careloop.cli.tickets", "Label stored tickets anew; find new intents and drift."),
    "routing": Entry("careloop.cli.routing", "Check routing rules, and try them on stored tickets."),
    "customers": Entry("careloop.cli.customers", "Show, export, merge and erase customers."),
    "learn": Entry("careloop.cli.learn", "Learn from corrections now rather than tonight."),
    "models": Entry("careloop.cli.models", "List, promote and roll back models that learned."),
    "opinions": Entry("careloop.cli.opinions", "What second opinions of a model cost and are worth."),
    "signals": Entry("careloop.cli.signals", "Look at signals, settle them, and check their rules."),
    "claims": Entry("careloop.cli.claims", "Check texts against what the brand may say."),
    "insights": Entry("careloop.cli.insights", "Contacts to expect, incidents, who may leave."),
    "connectors": Entry("careloop.cli.connectors", "See which connectors are on, and test one."),
    "deliveries": Entry("careloop.cli.deliveries", "Look at deliveries, replay them, pause connectors."),
    "digest": Entry("careloop.cli.digest", "What customers said in a week; print it or send it."),
    "evaluate": Entry("careloop.cli.evaluate", "Measure retrieval, answers, triage and predictions."),
    "calibrate": Entry("careloop.cli.calibrate", "Fit answerability anew, after a change of retrieval."),
    "keys": Entry("careloop.cli.keys", "Create, list and revoke API keys."),
    "workspaces": Entry("careloop.cli.workspaces", "Create and list workspaces."),
    "doctor": Entry("careloop.cli.doctor", "Check this installation and say what to do about what is wrong."),
}


class LazyGroup(TyperGroup):
    """Commands of ``COMMANDS``. A ``CareloopError`` becomes one line and exit status 2, not a traceback."""

    def list_commands(self, _: typer.Context) -> list[str]:  # type: ignore[override]  # vendored class
        """Names in the order of ``COMMANDS``, in which a new user needs them."""
        return list(COMMANDS)

    def get_command(self, _: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401
        """A stand-in that has the help line, for listing; see ``resolve_command`` for the real one."""
        entry = COMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=entry.help, callback=None) if entry else None

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Import the module of the command that was called."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in COMMANDS:
            command = typer.main.get_command(importlib.import_module(COMMANDS[name].module).app)
            command.name = name
        return name, command, rest

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CareloopError as error:
            fail(error)


app = typer.Typer(
    cls=LazyGroup,
    name="careloop",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer care that answers only what it can quote.",
)


@app.callback()
def _careloop() -> None:
    """Customer care that answers only what it can quote."""


def fail(error: CareloopError) -> NoReturn:
    """Say what is wrong on standard error and end with exit status 2."""
    Console(stderr=True, soft_wrap=True).print(f"[bold red]Error:[/] {escape(error.detail)}", highlight=False)
    raise typer.Exit(EXPECTED_ERROR) from error


def main() -> None:
    """The ``careloop`` command."""
    app()
