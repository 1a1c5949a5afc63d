"""The contract servers of ``bench.delivery`` in a process of their own: ``start`` serves, ``held`` tells."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from bench.contract.faults import Faults
from bench.contract.server import ContractServers
from bench.contract.vendor import Vendor
from bench.delivery_targets import KINDS
from bench.peers.protocol import answer_commands


class Servers:
    """Those that were started, and what they took."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._vendors: dict[str, Vendor] = {}

    def start(
        self, targets: Sequence[str], secrets: Mapping[str, str], faults: float, seed: int
    ) -> dict[str, str]:
        """Serve; the URLs by target."""
        for number, name in enumerate(targets):
            vendor = KINDS[name].serve(secrets)
            vendor.faults = Faults.evenly(faults, seed=seed + number)
            vendor.keeps_calls = False
            self._vendors[name] = vendor
        return self._stack.enter_context(ContractServers(self._vendors)).urls

    def held(self) -> dict[str, Any]:
        """What every target holds, its calls and its faults; and the processor time of all, in seconds."""
        held = {
            name: {
                "signals": KINDS[name].held(vendor),
                "others": KINDS[name].others(vendor),
                "calls": vendor.calls,
                "faults": sum(vendor.faults.happened.values()),
            }
            for name, vendor in self._vendors.items()
        }
        return {"targets": held, "cpu_seconds": time.process_time()}


if __name__ == "__main__":
    with ExitStack() as stack:
        servers = Servers(stack)
        answer_commands({"start": servers.start, "held": servers.held})
