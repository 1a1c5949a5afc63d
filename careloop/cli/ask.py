"""``careloop ask``: one question, answered with numbered citations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

from bot.answer import Answer, Citation
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console, with_parts
from kit.ids import WorkspaceId
from retrieval import HistoryTurn

app = typer.Typer()


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What a customer would write.")],
    after: Annotated[
        list[str] | None,
        typer.Option(help="What the customer wrote before; repeat it, oldest first.", metavar="TEXT"),
    ] = None,
    workspace: WorkspaceOption = DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """Ask one question and see the answer with its sources. Nothing is stored."""
    history = [HistoryTurn(text) for text in after or ()]
    answer = with_parts(lambda parts: parts.assistant.ask(WorkspaceId(workspace), question, history=history))
    if as_json:
        typer.echo(json.dumps(answer_as_json(answer), indent=2, ensure_ascii=False))
    else:
        print_answer(console(), answer)


def answer_as_json(answer: Answer) -> dict[str, Any]:
    """The answer as one JSON object; sentences refer to citations by number, from 1."""
    numbers = {citation: number for number, citation in enumerate(answer.citations, start=1)}
    return {
        "kind": answer.kind,
        "text": answer.text,
        "answerability": answer.answerability,
        "answerer": answer.answerer,
        "options": list(answer.options),
        "sentences": [
            {
                "text": sentence.text,
                "support": sentence.support,
                "citations": [numbers[citation] for citation in sentence.citations],
            }
            for sentence in answer.sentences
        ],
        "citations": [_citation_as_json(number, citation) for citation, number in numbers.items()],
        "trace": dict(answer.trace),
    }


def print_answer(out: Console, answer: Answer) -> None:
    """The answer as a customer reads it, then each quote with the document it stands in."""
    out.print(Markdown(numbered_text(answer)))
    for number, option in enumerate(answer.options, start=1):
        out.print(f"  {number}. {escape(option)}")
    if answer.citations:
        out.print()
    for number, citation in enumerate(answer.citations, start=1):
        out.print(f"[bold]\\[{number}][/] {escape(place_of(citation))}")
        out.print(f"[dim]    “{escape(' '.join(citation.quote.split()))}”[/]")
    out.print(f"[dim]{answer.kind}, answerability {answer.answerability:.2f}, {escape(answer.answerer)}[/]")


def numbered_text(answer: Answer) -> str:
    """The answer's sentences, each followed by the numbers of its citations; the plain text without any."""
    if not answer.citations:
        return answer.text
    numbers = {citation: number for number, citation in enumerate(answer.citations, start=1)}
    return "\n\n".join(
        _marked(sentence.text, [numbers[c] for c in sentence.citations]) for sentence in answer.sentences
    )


def place_of(citation: Citation) -> str:
    """Title, headings and address of the document a citation stands in."""
    path = " › ".join((citation.title, *citation.headings))
    return f"{path} ({citation.url})" if citation.url else path


def _marked(text: str, numbers: Sequence[int]) -> str:
    marks = "".join(f" \\[{number}\\]" for number in dict.fromkeys(numbers))
    # Below a table or list, or the marks would become part of its last cell.
    separator = "\n\n" if text.rstrip().rpartition("\n")[2].lstrip().startswith(("|", "-", "*")) else ""
    return f"{text.rstrip()}{separator}{marks}"


def _citation_as_json(number: int, citation: Citation) -> dict[str, Any]:
    return {
        "number": number,
        "document_id": citation.document_id,
        "version_id": citation.version_id,
        "title": citation.title,
        "headings": list(citation.headings),
        "url": citation.url,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
    }
