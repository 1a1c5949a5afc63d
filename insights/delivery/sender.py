"""Sends digests: those that are due, each to each receiver once, and whenever somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from insights.contacts import Contacts
from insights.delivery.channel import Channel
from insights.delivery.edition import Edition
from insights.delivery.ledger import DigestLedger, Sending
from insights.digester import Digester
from insights.errors import DigestNotDelivered, NowhereToSend
from insights.plan import Plan
from insights.week import Week
from kit.clock import Clock
from kit.ids import WorkspaceId
from kit.log import get_logger

_log = get_logger("insights.sender")


@dataclass(frozen=True, slots=True)
class Sender:
    """``plans`` say to whom; a workspace without one gets nothing."""

    digester: Digester
    ledger: DigestLedger
    contacts: Contacts
    plans: Mapping[WorkspaceId, Plan]
    clock: Clock

    async def send_due(self) -> int:
        """Send the digest of every workspace where the last that was due is not delivered; how many went out.

        Of any number of servers that look, one sends. A week before anybody ever wrote is left out.
        """
        sent = 0
        for workspace, plan in self.plans.items():
            week = plan.due(self.clock.now())
            if week is None or not await self._wrote_by(workspace, week):
                continue
            claimed = await self._claim(workspace, week, plan.channels, anew=False)
            sent += sum(one.delivered_at is not None for one in await self._send(workspace, week, claimed))
        return sent

    async def send(self, workspace: WorkspaceId, week: Week, *, anew: bool = False) -> list[Sending]:
        """Send the digest of ``week`` now, to whom it was not delivered, or ``anew`` to all; how each stands.

        Raises ``NowhereToSend`` without channels, ``DigestUnderWay`` where another server is at it.
        """
        plan = self.plans.get(workspace)
        if plan is None or not plan.channels:
            raise NowhereToSend(
                "The digest of this workspace has no recipients, no webhook and no folder: "
                "CARELOOP_INSIGHTS__DIGESTS names them."
            )
        await self._send(workspace, week, await self._claim(workspace, week, plan.channels, anew=anew))
        known = await self.ledger.of(workspace, week.name)
        return [known[channel.name] for channel in plan.channels if channel.name in known]

    async def _wrote_by(self, workspace: WorkspaceId, week: Week) -> bool:
        known = await self.contacts.began(workspace)
        return known is not None and known.start < week.end

    async def _claim(
        self, workspace: WorkspaceId, week: Week, channels: Sequence[Channel], *, anew: bool
    ) -> list[tuple[Channel, Sending]]:
        found = []
        for channel in channels:
            claimed = await self.ledger.claim(workspace, week.name, channel.name, anew=anew)
            if claimed is not None:
                found.append((channel, claimed))
        return found

    async def _send(
        self, workspace: WorkspaceId, week: Week, claimed: Sequence[tuple[Channel, Sending]]
    ) -> list[Sending]:
        if not claimed:
            return []
        try:
            edition = Edition(workspace, await self.digester.digest(workspace, week))
        except BaseException:  # whatever it is: nobody has to wait for the lease to end
            for _, sending in claimed:
                await self.ledger.failed(sending, "The digest could not be made; the log says why.")
            raise
        return [await self._deliver(edition, channel, sending) for channel, sending in claimed]

    async def _deliver(self, edition: Edition, channel: Channel, sending: Sending) -> Sending:
        try:
            await channel.deliver(edition)
        except DigestNotDelivered as error:
            _log.warning("digest_not_delivered", channel=channel.name, reason=error.detail)
            return await self.ledger.failed(sending, error.detail)
        _log.info("digest_delivered", channel=channel.name, week=sending.week)
        return await self.ledger.delivered(sending)
