"""What triage costs beside the encoder pass that it needs: ``make bench-triage``.

Both are timed in turn, message by message and then batch by batch, so that whatever else the machine does
slows both. Prints medians and their ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import psutil

from inference.encoder import bundled_model, load_encoder
from triage.brands import fill
from triage.examples import Example
from triage.labelled import read_labelled
from triage.message import Message
from triage.model import train
from triage.models import prepare_models
from triage.taxonomy import read_taxonomy, shipped
from triage.triager import Triager

_SINGLES, _BULK, _BATCH, _ROUNDS = 300, 4_096, 256, 3
_MANY = 100_000
_TRAINED_ON = 600


def main() -> None:
    encoder = load_encoder(bundled_model(), cache=Path("var/models"))
    taxonomy = read_taxonomy(shipped()["telecom"])
    triager = Triager(prepare_models(taxonomy, encoder, Path("var/models")), encoder, intents=taxonomy.leaves)
    texts = [fill(message.text) for message in read_labelled()]
    singles = _turns(
        texts[:_SINGLES], lambda text: encoder.encode([text]), lambda text: triager.triage([Message(text)])
    )
    _show("single message, evidence included", *singles, "ms", 1e3)
    batches = list(_batches(texts, _BULK))
    for evidence in (True, False):

        def triage(batch: Sequence[str], evidence: bool = evidence) -> None:
            triager.triage([Message(text) for text in batch], evidence=evidence)

        found = _turns(batches * _ROUNDS, encoder.encode, triage)
        _show(f"bulk, {'with' if evidence else 'without'} evidence, a message", *found, "ms", 1e3 / _BATCH)
    examples = taxonomy.examples()
    examples = [Example(one.text, one.label) for one in examples if one.label != "oos"][:_TRAINED_ON]
    started = time.perf_counter()
    train(examples, encoder)
    print(f"training on {len(examples)} examples: {time.perf_counter() - started:.1f} s")
    _memory(triager, texts)


def _turns(
    inputs: Sequence[object], first: Callable[..., object], second: Callable[..., object]
) -> tuple[float, float]:
    """Medians, in seconds, of two functions that take turns on the same inputs."""
    times: tuple[list[float], list[float]] = ([], [])
    for warm in inputs[:3]:
        first(warm), second(warm)
    for one in inputs:
        for function, taken in zip((first, second), times, strict=True):
            started = time.perf_counter()
            function(one)
            taken.append(time.perf_counter() - started)
    return median(times[0]), median(times[1])


def _show(what: str, encoder: float, triage: float, unit: str, scale: float) -> None:
    print(
        f"{what}: encoder {encoder * scale:.2f} {unit}, triage {triage * scale:.2f} {unit}, "
        f"ratio {triage / encoder:.2f}, throughput {encoder / triage:.0%} of the encoder's"
    )


def _batches(texts: Sequence[str], number: int) -> Iterator[list[str]]:
    endless = islice(cycle(texts), number)
    while batch := list(islice(endless, _BATCH)):
        yield batch


def _memory(triager: Triager, texts: Sequence[str]) -> None:
    """Memory after a tenth of the messages, and after all of them."""
    process = psutil.Process()
    done, at_first = 0, 0
    for batch in _batches(texts, _MANY):
        triager.triage([Message(text) for text in batch], evidence=False)
        done += len(batch)
        if not at_first and done >= _MANY / 10:
            at_first = process.memory_info().rss
    now = process.memory_info().rss
    print(f"memory after {_MANY // 10:,} messages {at_first >> 20} MiB, after {done:,} {now >> 20} MiB")


if __name__ == "__main__":
    main()
