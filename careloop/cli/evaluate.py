"""``careloop evaluate``: measure the real pipeline over labelled data, in a data folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from careloop.build import Parts, open_encoder
from careloop.build_triage import routing_rules, taxonomy_file, triage_models, triager_maker
from careloop.cli.ingest import progress_bar, shown_on
from careloop.cli.session import console, progress_console, read_settings, with_parts
from careloop.cli.triagers import TaxonomyOption
from careloop.cli.tuning import FineTune, open_tuner
from careloop.settings import Settings
from evals.corpus import CorpusSource
from evals.dataset import Dataset, Half, load_dataset
from evals.errors import DatasetInvalid
from evals.gate import BASELINE, Regression, read_baseline, regressions, write_baseline
from evals.report import Report
from evals.suites.answers import evaluate_answers
from evals.suites.evidence import evaluate_evidence
from evals.suites.groundedness import evaluate_groundedness, load_pairs
from evals.suites.intents import RISK, evaluate_folds, evaluate_intents
from evals.suites.language import evaluate_language, load_messages
from evals.suites.replay import evaluate_replay
from evals.suites.retrieval import evaluate_retrieval
from evals.suites.routing import (
    OWN_TICKETS,
    LabelledTicket,
    evaluate_routing,
    evaluate_routing_folds,
    load_tickets,
)
from evals.suites.signals import evaluate_sentiment, evaluate_signals, load_churn, load_felt
from inference.embeddings import Encoder
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.sources import FolderSource, Source
from triage.brands import fill
from triage.examples import read_examples
from triage.labelled import read_labelled
from triage.models import prepare_marks, prepare_models
from triage.routing import Router
from triage.taxonomy import read_taxonomy, shipped
from triage.triager import Triager

app = typer.Typer(no_args_is_help=True, help="Measure retrieval, answers, groundedness and triage.")

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
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", help="Write the report here; with several data sets, one file each.", metavar="FILE"
    ),
]


@app.command()
def retrieval(
    *, data: Data, split: Split = "all", half: HalfOption = None, keep: Keep = None, json: Json = None
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
    json: Json = None,
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
    json: Json = None,
) -> None:
    """AUROC of the groundedness score on labelled responses."""
    for file in data:
        report = evaluate_groundedness(file.stem, load_pairs(file))
        _deliver(report, json, several=len(data) > 1)


@app.command()
def intents(
    *,
    train: Annotated[Path, typer.Option(help="CSV of text and label to train on.", metavar="CSV")],
    test: Annotated[
        Path | None, typer.Option(help="CSV to judge; without, --folds of the other.", metavar="CSV")
    ] = None,
    shots: Annotated[
        int | None, typer.Option(min=2, help="Examples of each label, drawn anew by each seed.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seed of a run; repeat for several.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    risk: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Share of messages routed that may be wrong.")
    ] = RISK,
    peers: Annotated[
        Path | None, typer.Option(help="CSV of what others said to the test messages.", metavar="CSV")
    ] = None,
    diagram: Annotated[
        Path | None,
        typer.Option(help="Draws a reliability diagram as NAME.png and NAME.svg.", metavar="NAME"),
    ] = None,
    fine_tune: FineTune = False,
    json: Json = None,
) -> None:
    """Accuracy, calibration and out-of-scope detection of intents; `oos` labels what none of them fits."""
    if test is None and (shots or peers or diagram or len(seed or []) > 1):
        raise typer.BadParameter("--shots, --peers, --diagram and a second --seed need a --test set.")
    examples, name = read_examples(train), f"{train.parent.name}/{train.stem}"
    seeds, settings = seed or [0], read_settings()
    with (
        open_encoder(settings) as encoder,
        open_tuner(settings) if fine_tune else nullcontext() as tuner,
        progress_bar() as bar,
    ):
        task = bar.add_task(f"{name}: runs", total=len(seeds) if test else folds)

        def advance() -> None:
            bar.advance(task)

        if test is None:
            report = evaluate_folds(
                name,
                examples,
                encoder,
                folds=folds,
                seed=seeds[0],
                risk=risk,
                tuner=tuner,
                advance=advance,
            )
        else:
            held = read_examples(test)
            report = evaluate_intents(
                f"{test.parent.name}/{test.stem}",
                examples,
                held,
                encoder,
                shots=shots,
                seeds=seeds,
                risk=risk,
                peers=peers,
                diagram=diagram,
                tuner=tuner,
                advance=advance,
            )
    _deliver(report, json, several=False)


LabelledCsv = Annotated[Path, typer.Option(help="CSV with a header, in UTF-8.", metavar="CSV")]


@app.command()
def signals(*, data: LabelledCsv, json: Json = None) -> None:
    """Churn toward a brand, without training on the set: a CSV of text, brand and churn."""
    settings = read_settings()
    with open_encoder(settings) as encoder:
        model = prepare_marks(encoder, settings.encoder.cache_dir, told=_tell)
        report = evaluate_signals(data.stem, load_churn(data), model, encoder)
    _deliver(report, json, several=False)


@app.command()
def sentiment(*, data: LabelledCsv, json: Json = None) -> None:
    """Negative, neutral or positive, without training on the set: a CSV of text and label."""
    settings = read_settings()
    with open_encoder(settings) as encoder:
        model = prepare_marks(encoder, settings.encoder.cache_dir, told=_tell)
        report = evaluate_sentiment(data.stem, load_felt(data), model, encoder)
    _deliver(report, json, several=False)


@app.command()
def routing(
    *,
    data: Annotated[
        Path, typer.Option(help="CSV, JSONL or Parquet; else tickets of our own.", metavar="FILE")
    ] = OWN_TICKETS,
    text: Annotated[str, typer.Option(help="Column of the messages.")] = "text",
    queue: Annotated[str, typer.Option(help="Column of the queues they belong in.")] = "queue",
    priority: Annotated[str | None, typer.Option(help="Column of P1 to P4, if there is one.")] = None,
    taxonomy: TaxonomyOption = None,
    rules: Annotated[
        Path | None, typer.Option(help="Routing rules, instead of the setting's.", metavar="RULES.yaml")
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="Share of wrong automatic routings accepted; the setting's."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Learn the queues from the set itself, in so many folds, without rules."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the folds.")] = 0,
    json: Json = None,
) -> None:
    """Where tickets go: accuracy, what goes by itself and how often wrongly, queues, confusions, priority."""
    settings = read_settings()
    if data == OWN_TICKETS:
        taxonomy, priority = taxonomy or "telecom", priority or "priority"
    settings.triage.taxonomy = taxonomy or settings.triage.taxonomy
    settings.triage.routing = rules or settings.triage.routing
    settings.triage.risk = risk or settings.triage.risk
    tickets = load_tickets(data, text=text, queue=queue, priority=priority)
    with open_encoder(settings) as encoder, progress_bar() as bar:
        task = bar.add_task(data.name, total=len(tickets))
        report = _routing_report(
            f"{data.parent.name}/{data.stem}",
            tickets,
            settings,
            encoder,
            folds=folds,
            seed=seed,
            advance=lambda done: bar.advance(task, done),
        )
    _deliver(report, json, several=False)


def _routing_report(
    name: str,
    tickets: Sequence[LabelledTicket],
    settings: Settings,
    encoder: Encoder,
    *,
    folds: int | None,
    seed: int,
    advance: Callable[[int], None],
) -> Report:
    risk = settings.triage.risk
    if folds is not None:
        marks = prepare_marks(encoder, settings.encoder.cache_dir, told=_tell)
        return evaluate_routing_folds(
            name, tickets, marks, encoder, risk=risk, folds=folds, seed=seed, advance=advance
        )
    known = read_taxonomy(taxonomy_file(settings))
    found = routing_rules(settings, known)
    models = triage_models(settings, known, encoder, told=_tell)
    triager = triager_maker(settings, known, encoder)(models)
    router = None if found is None else Router.of(found)
    return evaluate_routing(name, tickets, triager, router, risk=risk, advance=advance)


@app.command()
def language(*, data: LabelledCsv, json: Json = None) -> None:
    """Language identification: a CSV of language (ISO 639-1) and text."""
    _deliver(evaluate_language(data.stem, load_messages(data)), json, several=False)


@app.command()
def evidence(
    *,
    data: Annotated[
        Path | None,
        typer.Option(help="CSV of text and label; without, the messages that ship.", metavar="CSV"),
    ] = None,
    taxonomy: Annotated[str, typer.Option(help="Name of a taxonomy that ships.")] = "telecom",
    most: Annotated[int, typer.Option(min=1, help="Messages to take, from the first on.")] = 5_000,
    json: Json = None,
) -> None:
    """What deleting the words that are shown for a label does to it."""
    settings = read_settings()
    if data is None:
        name, texts = "labelled messages", [fill(message.text) for message in read_labelled()]
    else:
        name, texts = f"{data.parent.name}/{data.stem}", [example.text for example in read_examples(data)]
    known = read_taxonomy(shipped()[taxonomy])
    with open_encoder(settings) as encoder:
        models = prepare_models(known, encoder, settings.encoder.cache_dir, told=_tell)
        triager = Triager(models, encoder, intents=known.leaves)
        report = evaluate_evidence(name, texts[:most], triager, encoder)
    _deliver(report, json, several=False)


@app.command()
def replay(
    *,
    train: Annotated[Path, typer.Option(help="CSV of text and label to begin with.", metavar="CSV")],
    test: Annotated[Path, typer.Option(help="CSV whose first half comes as corrections.", metavar="CSV")],
    shots: Annotated[int, typer.Option(min=2, help="Examples of each label to begin with.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 0,
    json: Json = None,
) -> None:
    """What corrections teach a model, against training on them directly; whether a poisoned batch gets in."""
    with open_encoder(read_settings()) as encoder:
        report = evaluate_replay(
            test.parent.name, read_examples(train), read_examples(test), encoder, shots=shots, seed=seed
        )
    _deliver(report, json, several=False)


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


def _tell(said: str) -> None:
    progress_console().print(said)


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

            _deliver(with_parts(work, settings=settings), json, several=len(datasets) > 1)


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


def _deliver(report: Report, json: Path | None, *, several: bool) -> None:
    """Print the table; write the object, under the data set's name where there are several."""
    console().print(report.table())
    if json is not None:
        place = (
            json.with_name(f"{json.stem}-{report.data.replace(':', '-')}{json.suffix}") if several else json
        )
        report.write(place)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetInvalid(f"{file} cannot be read: {error.strerror}.") from None
