"""``careloop calibrate``: answerability fitted anew, when retrieval or the encoder has changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bot import answerability, answerability_training
from bot.answerability import Calibration
from careloop.build import Parts
from careloop.cli.ingest import ingest_all
from careloop.cli.session import console, read_settings, with_parts
from careloop.settings import SAMPLE_KNOWLEDGE_BASE
from inference.words import load_word_vectors
from kit.ids import DEFAULT_WORKSPACE
from knowledge_base.sources import FolderSource

app = typer.Typer()

_QUESTIONS = Path(answerability_training.__file__).with_name("answerability_questions.jsonl")
_CALIBRATION = Path(answerability.__file__).with_name("answerability.json")
_RISKS = (0.01, 0.02, 0.05, 0.10, 0.20)


@app.command()
def calibrate(
    out: Annotated[
        Path, typer.Option(help="Where the calibration is written.", metavar="FILE")
    ] = _CALIBRATION,
) -> None:
    """Fit answerability on Careloop's own questions to the sample help centre; prints what risks cost.

    The risks are of questions whose article the model had not seen.
    """

    async def work(parts: Parts) -> Calibration:
        await ingest_all(parts, DEFAULT_WORKSPACE, [FolderSource(SAMPLE_KNOWLEDGE_BASE)])
        questions = answerability_training.load_questions(_QUESTIONS)
        rows = await answerability_training.collect(
            parts.retriever, DEFAULT_WORKSPACE, questions, words=load_word_vectors()
        )
        made_of = answerability_training.provenance(
            _QUESTIONS, encoder=parts.embeddings.identity, command="careloop calibrate"
        )
        return answerability_training.fit(rows, provenance=made_of)

    with tempfile.TemporaryDirectory(prefix="careloop-calibrate-") as folder:
        found = with_parts(work, settings=read_settings(data_dir=Path(folder)))
    answerability_training.dump(found, out)
    table = Table("wrong answers accepted", "threshold", "questions answered", "of those wrong")
    for risk in _RISKS:
        point = found.operating_point(risk)
        table.add_row(f"{risk:.0%}", f"{point.threshold:.3f}", f"{point.coverage:.0%}", f"{point.wrong:.1%}")
    console().print(table)
    console().print(f"Wrote {out}.")
