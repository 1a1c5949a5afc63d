"""``careloop evaluate``: measure the real pipeline over labelled data, in a data folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from careloop.build import Parts
from careloop.cli.evaluate_claims import claims
from careloop.cli.evaluate_predictions import churn, forecast, incidents, outcomes
from careloop.cli.evaluate_triage import evidence, intents, language, replay, routing, sentiment, signals
from careloop.cli.ingest import progress_bar, shown_on
from careloop.cli.reports import JsonReport, deliver
from careloop.cli.session import console, progress_console, read_settings, with_parts
from evals.corpus import CorpusSource
from evals.dataset import Dataset, Half, load_dataset
from evals.errors import DatasetInvalid
from evals.gate import BASELINE, Regression, read_baseline, regressions, write_baseline
from evals.report import Report
from evals.suites.answers import evaluate_answers
from evals.suites.groundedness import evaluate_groundedness, load_pairs
from evals.suites.retrieval import evaluate_retrieval
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.sources import FolderSource, Source

app = typer.Typer(
    no_args_is_help=True, help="Measure retrieval, answers, groundedness, triage and predictions."
)
for _command in (
    intents,
    routing,
    signals,
    sentiment,
    language,
    evidence,
    replay,
    churn,
    forecast,
    incidents,
    claims,
    outcomes,
):
    app.command()(_command)

Data = Annotated[list[Path], typer.Option(help="Folder of a data set; repeat for several.", metavar="DIR")]
Split = Annotated[str, typer.Option(help="dev, test, or all: questions that carry this split.")]
HalfOption = Annotated[
    Half | None, typer.Option(help="Only conversations of one half, by the parity of the MD5 of their id.")
]
Keep = Annotated[
    Path | None,
    typer.Option(
        help="Keep the index in this folder and use it again; without, it is made anew.", metavar="DIR"
    ),
]


@app.command()
def retrieval(
    *, data: Data, split: Split = "all", half: HalfOption = None, keep: Keep = None, json: JsonReport = None
) -> None:
    """Recall, MRR and nDCG over questions with judged documents (BEIR layout)."""

    async def suite(dataset: Dataset, parts: Parts, advance: Callable[[], None]) -> Report:
        return await evaluate_retrieval(
            dataset, parts.retriever, workspace=DEFAULT_WORKSPACE, advance=advance
        )

    _run_suite(suite, data, split=split, half=half, keep=keep, json=json)


@app.command()
def answers(
    *,
    data: Data,
    split: Split = "all",
    half: HalfOption = None,
    keep: Keep = None,
    json: JsonReport = None,
    risk: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1.0, help="Share of wrong answers accepted (1: any); the setting's unless given."
        ),
    ] = None,
) -> None:
    """What answers cite, what is handed over, how answerability is calibrated (BEIR layout with answers)."""

    async def suite(dataset: Dataset, parts: Parts, advance: Callable[[], None]) -> Report:
        return await evaluate_answers(
            dataset, parts.assistant, parts.database, workspace=DEFAULT_WORKSPACE, advance=advance
        )

    _run_suite(suite, data, split=split, half=half, keep=keep, json=json, risk=risk)


@app.command()
def groundedness(
    data: Annotated[list[Path], typer.Option(help="JSONL of knowledge, response, label.", metavar="FILE")],
    json: JsonReport = None,
) -> None:
    """AUROC of the groundedness score on labelled responses."""
    for file in data:
        report = evaluate_groundedness(file.stem, load_pairs(file))
        deliver(report, json, several=len(data) > 1)


@app.command()
def gate(
    reports: Annotated[list[Path], typer.Argument(help="Reports that `--json` wrote.", metavar="REPORT...")],
    baseline: Annotated[Path, typer.Option(help="What to compare with.")] = BASELINE,
    update: Annotated[
        bool, typer.Option("--update", help="Make these reports the baseline instead.")
    ] = False,
) -> None:
    """Compare reports with the committed baseline; exit status 1 if a metric is worse than its interval."""
    found = [Report.from_json(_text(file), where=str(file)) for file in reports]
    out = console()
    if update:
        write_baseline(found, baseline)
        out.print(f"Wrote {len(found)} reports into {baseline}.")
        return
    known = read_baseline(baseline)
    worse: list[Regression] = []
    for report in found:
        if (report.suite, report.data) not in known:
            out.print(f"[yellow]{report.suite} on {report.data}: not in the baseline, not compared.[/]")
            continue
        worse += regressions(report, known[report.suite, report.data])
    for regression in worse:
        out.print(f"[red]{regression}[/]")
    if worse:
        raise typer.Exit(1)
    out.print(f"{len(found)} reports: nothing is worse than the baseline allows.")


Suite = Callable[[Dataset, Parts, Callable[[], None]], Awaitable[Report]]


def _run_suite(
    suite: Suite,
    data: list[Path],
    *,
    split: str,
    half: Half | None,
    keep: Path | None,
    json: Path | None,
    risk: float | None = None,
) -> None:
    datasets = [load_dataset(path).select(split=split, half=half) for path in data]
    for dataset in datasets:
        with _data_folder(dataset, keep) as folder:
            settings = read_settings(data_dir=folder)
            if risk is not None:
                settings.bot.max_wrong_answer_rate = risk

            async def work(parts: Parts, dataset: Dataset = dataset) -> Report:
                async with _ingested(dataset, parts) as bar:
                    task = bar.add_task(f"{dataset.name}: questions", total=len(dataset.queries))
                    return await suite(dataset, parts, lambda: bar.advance(task))

            deliver(with_parts(work, settings=settings), json, several=len(datasets) > 1)


@asynccontextmanager
async def _ingested(dataset: Dataset, parts: Parts) -> AsyncIterator[Progress]:
    """The data set's documents in the index; a bar for what follows."""
    source: Source = FolderSource(dataset.folder) if dataset.folder else CorpusSource(dataset)
    await parts.access.ensure_workspace(DEFAULT_WORKSPACE, name="Evaluation")
    with progress_bar() as bar:
        task = bar.add_task(f"{dataset.name}: documents", total=None)
        report = await parts.synchroniser.sync(DEFAULT_WORKSPACE, source, progress=shown_on(bar, task))
        await parts.follower.apply()
        bar.remove_task(task)
        for failure in report.failures:
            progress_console().print(f"[red]failed[/] {failure.key}: {failure.reason}")
        yield bar


@contextmanager
def _data_folder(dataset: Dataset, keep: Path | None) -> Iterator[Path]:
    """A data folder of its own for the run."""
    with tempfile.TemporaryDirectory(prefix="careloop-evaluate-") as temporary:
        folder = Path(temporary) if keep is None else keep.resolve() / dataset.name.partition(":")[0]
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetInvalid(f"{file} cannot be read: {error.strerror}.") from None
