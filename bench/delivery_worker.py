"""The worker that ``bench.delivery`` kills: connectors to the contract servers, and the real service."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.delivery_targets import KINDS
from bench.delivery_told import KEY
from bench.hurry import HURRY, HurriedClock
from customers import CustomerBook
from kit.ids import DEFAULT_WORKSPACE, WorkspaceId
from kit.log import configure_logging
from signals.delivery.courier import Courier
from signals.delivery.engine import system_database
from signals.delivery.recipients import BookRecipients
from signals.delivery.retry import RetryPolicy
from signals.delivery.service import DeliveryService
from signals.delivery.target import SameTargets, Target
from store.encryption import Cipher
from store.engine import Database

RETRY = RetryPolicy(first=timedelta(seconds=5), longest=timedelta(minutes=2), age=timedelta(days=365))
LEASE = timedelta(minutes=1) * HURRY  # a minute of the machine's own time


async def work(plan: dict[str, Any]) -> None:
    """Deliver until SIGTERM."""
    clock, database, cipher = HurriedClock(plan["start"]), Database(plan["database"]), Cipher(KEY)
    book = CustomerBook(cipher, KEY)
    targets = SameTargets(
        {
            name: Target(KINDS[name].connect(url, plan["secrets"]), concurrency=plan["concurrency"])
            for name, url in plan["urls"].items()
        }
    )
    courier = Courier(
        database,
        cipher,
        clock,
        recipients=BookRecipients(book),
        retry=RETRY,
    )

    async def workspaces() -> list[WorkspaceId]:
        return [DEFAULT_WORKSPACE]

    service = DeliveryService(
        database,
        courier,
        clock,
        targets=targets,
        workspaces=workspaces,
        system_database=system_database(Path(plan["folder"]), plan["database"]),
        lease=LEASE,
    )
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await service.run(stopping)
    await targets.close()
    await database.close()


if __name__ == "__main__":
    configure_logging(level="warning", json=False)
    asyncio.run(work(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
