"""What triage costs beside the encoder pass that it needs: ``make bench-triage``.

Both are timed in turn, message by message and then batch by batch, so that whatever else the machine does
slows both; which is first changes from turn to turn. They share one encoder and its threads. Prints medians
of wall time with their ratios, and of processor time. With ``--memory`` a hundred thousand messages follow.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
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

_SINGLES, _BULK, _BATCH = 300, 4_096, 256
_MANY = 100_000
_TRAINED_ON = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true", help="triage 100,000 messages and watch the memory")
    parser.add_argument("--singles", type=int, default=_SINGLES, help="messages triaged one by one")
    parser.add_argument("--bulk", type=int, default=_BULK, help="messages triaged in batches of 256")
    options = parser.parse_args()
    encoder = load_encoder(bundled_model(), cache=Path("var/models"))
    taxonomy = read_taxonomy(shipped()["telecom"])
    triager = Triager(prepare_models(taxonomy, encoder, Path("var/models")), encoder, intents=taxonomy.leaves)
    texts = [fill(message.text) for message in read_labelled()]
    today = date(2026, 11, 4)  # as the API has it: days such as "tomorrow" are looked for too

    def triage(batch: Sequence[str], *, evidence: bool = True) -> None:
        triager.triage([Message(text) for text in batch], evidence=evidence, today=today)

    for evidence in (True, False):
        what = f"{'with' if evidence else 'without'} evidence"
        each = partial(triage, evidence=evidence)
        singles = [[text] for text in texts[: options.singles]]
        _show(f"single message, {what}", _turns(singles, encoder.encode, each), 1)
        batches = list(_batches(texts, options.bulk))
        _show(f"bulk, {what}, a message", _turns(batches, encoder.encode, each), _BATCH)
    examples = taxonomy.examples()
    examples = [Example(one.text, one.label) for one in examples if one.label != "oos"][:_TRAINED_ON]
    started = time.perf_counter()
    train(examples, encoder)
    print(f"training on {len(examples)} examples: {time.perf_counter() - started:.1f} s")
    if options.memory:
        _memory(triager, texts)


def _turns(
    inputs: Sequence[Sequence[str]], *functions: Callable[[Sequence[str]], object]
) -> list[tuple[float, float]]:
    """Medians, in seconds, of wall and of processor time of functions that take turns on the same inputs."""
    times: list[list[tuple[float, float]]] = [[] for _ in functions]
    for one in inputs[:3]:
        for function in functions:
            function(one)
    for turn, one in enumerate(inputs):
        for number in range(len(functions)):
            place = (turn + number) % len(functions)
            started, used = time.perf_counter(), time.process_time()
            functions[place](one)
            times[place].append((time.perf_counter() - started, time.process_time() - used))
    return [(median(wall for wall, _ in own), median(used for _, used in own)) for own in times]


def _show(what: str, found: Sequence[tuple[float, float]], messages: int) -> None:
    (encoder, encoder_used), (triage, triage_used) = found
    print(
        f"{what}: encoder {1e3 * encoder / messages:.2f} ms, triage {1e3 * triage / messages:.2f} ms, "
        f"ratio {triage / encoder:.2f}, throughput {encoder / triage:.0%} of the encoder's; "
        f"processor {1e3 * encoder_used / messages:.2f} and {1e3 * triage_used / messages:.2f} ms"
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
