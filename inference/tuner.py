"""Fine-tuned encoders, made by ``inference.fine_tuning`` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.encoder import OpenVinoEncoder, load_encoder
from inference.errors import ModelMissing

_STEP = "step "


@dataclass(frozen=True, slots=True)
class Tuner:
    """Tunes the encoder in the folder ``model``; what it makes lives in ``work`` and no longer than that.

    ``told`` hears the number of each of the ``steps``, of about four seconds on one core, when it is done.
    """

    model: Path
    work: Path
    steps: int = 80
    told: Callable[[int], None] = lambda _: None

    def tune(self, sets: Sequence[Mapping[str, Iterable[str]]], *, seed: int) -> OpenVinoEncoder:
        """An encoder for the first of ``sets``: each maps labels to their texts; the others regularise.

        Raises ``ModelMissing`` when the model is of a kind that cannot be tuned.
        """
        folder = Path(tempfile.mkdtemp(dir=self.work))
        job, target = folder / "job.json", folder / "tuned"
        texts = [[list(dict.fromkeys(own)) for own in one.values()] for one in sets]
        described = {"model": str(self.model.resolve()), "target": str(target.resolve()), "sets": texts}
        job.write_text(json.dumps({**described, "steps": self.steps, "seed": seed}), encoding="utf-8")
        self._run(job)
        return load_encoder(target, cache=folder)

    def _run(self, job: Path) -> None:
        command = [sys.executable, "-m", "inference.fine_tuning", str(job.resolve())]
        last = "no reason given"
        with subprocess.Popen(  # noqa: S603 (our own module, no shell)
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parent.parent,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(_STEP):
                    self.told(int(line.removeprefix(_STEP)))
                else:
                    last = line.strip() or last
        if process.returncode != 0:
            raise ModelMissing(f"The encoder in {self.model} could not be fine-tuned: {last}")
