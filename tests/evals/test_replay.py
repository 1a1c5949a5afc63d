from collections import Counter
from pathlib import Path

import pytest

from evals.suites.replay import corrections_of, evaluate_replay, poisoned_streams
from inference.encoder import OpenVinoEncoder
from inference.fakes import HashEncoder
from tests.triage.shop import messages
from triage.examples import Example, read_examples

ENCODER = HashEncoder(dimensions=128)


def test_corrections_close_most_of_the_gap_and_poison_is_refused() -> None:
    steps: list[int] = []
    report = evaluate_replay(
        "shop",
        messages(10, seed=1),
        [*messages(60, seed=2), Example("zebra quartz violin", "oos")],
        ENCODER,
        advance=lambda: steps.append(1),
    )
    assert (report.suite, report.data, report.n, len(steps)) == ("replay", "shop", 180, 6)
    found = report.metrics
    assert found["promoted"] == 1
    assert found["before"] < found["after"] - 0.05
    assert found["gap"] == pytest.approx(found["direct"] - found["after"])
    assert abs(found["gap"]) < 0.02
    assert found["poisoned_promoted"] == 0


def test_poison_is_spread_over_everybody() -> None:
    said = messages(20, seed=3)
    streams = poisoned_streams(said, seed=0)
    assert set(streams) == {"swap", "exchange", "random", "flood"}
    assert all(len({each.who for each in stream}) == 3 for stream in streams.values())
    honest = corrections_of(said)
    gone = {each.became for each in honest} - {each.became for each in streams["swap"]}
    assert len(gone) == 1
    exchanged = Counter(each.became for each in streams["exchange"])
    assert sorted(exchanged.values()) == sorted(Counter(each.became for each in honest).values())
    assert sum(each != was for each, was in zip(streams["exchange"], honest, strict=True)) == 40
    changed = [each for each, was in zip(streams["random"], honest, strict=True) if each.became != was.became]
    assert len(changed) > len(said) / 2
    assert len({each.became for each in streams["flood"]}) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [0, 2])
def test_corrections_of_live_messages_are_worth_as_much_as_training_on_them(
    seed: int, public_data: Path, real_encoder: OpenVinoEncoder
) -> None:
    folder = public_data / "intents" / "hint3_curekart"
    report = evaluate_replay(
        "curekart",
        read_examples(folder / "train.csv"),
        read_examples(folder / "test.csv"),
        real_encoder,
        seed=seed,
    )
    assert report.metrics["promoted"] == 1
    assert report.metrics["after"] > report.metrics["before"]
    assert abs(report.metrics["gap"]) <= 0.02
    assert report.metrics["poisoned_promoted"] == 0
