import asyncio
import threading
from collections.abc import Sequence

import pytest

from inference.embeddings import Matrix
from inference.fakes import HashEncoder
from tests.triage.shop import messages
from triage.model import train
from triage.stopping import Stopped, go_on, in_thread

pytestmark = pytest.mark.anyio


def test_work_goes_on_until_it_is_told_to_stop() -> None:
    stop = threading.Event()
    go_on(None)
    go_on(stop)
    stop.set()
    with pytest.raises(Stopped):
        go_on(stop)


async def test_a_thread_is_told_when_nobody_waits_any_more() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(number: int, *, stop: threading.Event, more: int = 0) -> int:
        begun.set()
        if number < 0:
            assert stop.wait(10)
            ended.set()
        return number + more

    assert await in_thread(work, 1, more=2) == 3
    begun.clear()
    waiting = asyncio.create_task(in_thread(work, -1))
    assert await asyncio.to_thread(begun.wait, 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(ended.wait, 10)


def test_training_is_left_between_two_folds() -> None:
    stop = threading.Event()
    passes = 0

    class Encoder(HashEncoder):
        def encode(self, texts: Sequence[str]) -> Matrix:
            nonlocal passes
            passes += 1
            stop.set()
            return super().encode(texts)

    with pytest.raises(Stopped):
        train(messages(5, seed=1), Encoder(dimensions=32), stop=stop)
    assert passes == 2  # texts and names, before the first fold
