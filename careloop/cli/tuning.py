"""What the commands that fine-tune have in common."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from careloop.settings import Settings
from inference.encoder import bundled_model
from inference.tuner import Tuner

FineTune = Annotated[
    bool,
    typer.Option(
        "--fine-tune", help="Fine-tune the encoder too, and keep that where it wins on held-out examples."
    ),
]


@contextmanager
def open_tuner(settings: Settings, *, told: Callable[[int], None] = lambda _: None) -> Iterator[Tuner]:
    """A tuner of the encoder that is configured; encoders it makes are gone when it closes.

    ``told`` hears the number of each step. Raises ``typer.BadParameter`` when the encoder runs elsewhere.
    """
    choice = settings.encoder
    if choice.base_url is not None:
        raise typer.BadParameter(
            "--fine-tune needs an encoder that runs here: unset CARELOOP_ENCODER__BASE_URL."
        )
    with tempfile.TemporaryDirectory(prefix="careloop-tuning-") as work:
        yield Tuner(choice.model or bundled_model(), Path(work), told=told)
