"""Whatever the OpenAPI document allows or forbids: no answer is a 500, and none is undocumented.

A run of Schemathesis against a real server with a real SQLite database. ``Idempotency-Key`` is taken out:
a generator that sends one key with two bodies is refused, as it should be; test_idempotency.py has it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from api import Limit, Limits
from tests.api.conftest import World, serving

pytestmark = pytest.mark.anyio

# What belongs to a run over several requests, which tests of ours have.
_ELSEWHERE = "use_after_free,ensure_resource_availability,object_level_authorization"
# OpenAI's messages may be empty for good reasons (tool calls), but an empty question has no
# answer; the end of a key may not be in the past; what a label became must be one of its kind; routing rules
# are checked by their own words; a time ends after it begins; an amount has a currency. An e-mail address or
# a telephone number has to be one, a score on the scale of its survey, a stage one of those there are. A week
# that is read has begun.
_CONFIG = """
[[operations]]
include-operation-id = [
    "create_chat_completion", "create_key", "correct_ticket", "try_routing", "start_backfill", "try_backfill",
    "record_outcome",
    "create_customer", "add_identity", "record_event", "add_feedback",
    "get_digest", "list_digest_deliveries", "send_digest"
]
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_request_provokes_an_undocumented_answer(world: World, tmp_path: Path) -> None:
    unlimited = Limit(1e9, 1e9)
    generous = world.with_config(limits=Limits(unlimited, unlimited, unlimited))
    document = generous.app.openapi()
    for path in document["paths"].values():
        for operation in path.values():
            operation["parameters"] = [
                item for item in operation.get("parameters", ()) if item["name"] != "Idempotency-Key"
            ]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "schemathesis.toml").write_text(_CONFIG)
    async with serving(generous.app) as url:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", "schemathesis.toml", "run", "openapi.json", "--url", url),
            *(
                "--header",
                f"Authorization: Bearer {world.keys['all']}",
                "--seed",
                "7",
                "--no-color",
                # One worker: CPython 3.11's ast module, which Hypothesis reads lambdas with, is not safe in
                # several threads (SystemError: AST constructor recursion depth mismatch).
                "--workers",
                "1",
            ),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--exclude-checks", _ELSEWHERE),
            *("--exclude-operation-id", "follow_conversation", "--continue-on-failure"),  # has no end
            *("--exclude-operation-id", "follow_signals"),  # neither has it
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert b"Server error" not in output
