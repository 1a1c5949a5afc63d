"""Takes what connectors tell, each piece of news once and in a transaction of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.ids import WorkspaceId
from kit.log import get_logger
from signals.connectors.connector import InboundOutcome
from signals.connectors.inbound import InboundConsent, WebhookNews
from signals.inbound.consents import InboundConsents
from signals.inbound.news import OPEN_RESULTS, NewsResult, Tally, Via
from signals.inbound.outcomes import InboundOutcomes
from signals.inbound.sharing import Shared
from signals.inbound.store import News, NewsStore, Verdict
from store.engine import Database

_log = get_logger("signals.inbound")
_AT_ONCE = 200  # pieces of news that are read at a time to be tried again


class Receiver:
    """Finds out whose news is, and has it recorded.

    An outcome is its signal's, in whichever workspace that is, if the workspace has the connector. A consent
    is of every such workspace that knows the address. What is nobody's is kept at the connector's home,
    visible, and taken when it is told again or ``again`` is asked for. One transaction a piece: of two that
    lock several customers in another order PostgreSQL ends one.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        news: NewsStore,
        outcomes: InboundOutcomes,
        consents: InboundConsents,
    ) -> None:
        self.news = news
        self._database = database
        self._clock = clock
        self._outcomes = outcomes
        self._consents = consents

    async def take(self, connector: Shared, told: WebhookNews, *, via: Via) -> Tally:
        """What came of each piece, counted. Raises ``Unavailable`` where the database does not answer."""
        found = Tally({NewsResult.IGNORED: told.ignored})
        everything: list[News] = [*told.outcomes, *told.consents]
        for news in everything:
            results = await self._take(connector, news, via)
            found[NewsResult.TAKEN if NewsResult.TAKEN in results.values() else _first(results)] += 1
        return found

    async def again(self, connector: Shared) -> Tally:
        """Try once more what was kept because nobody knew whose it is, or it said what could not be."""
        found, after = Tally(), 0
        while True:
            async with self._database.read() as connection:
                kept = await self.news.open_news(
                    connection, connector.home, connector.name, after=after, limit=_AT_ONCE
                )
            if not kept:
                return found
            for row, news in kept:
                results = await self._take(connector, news, Via.POLL)
                if connector.home not in results and not OPEN_RESULTS & set(results.values()):
                    async with self._database.write() as connection:  # it was another workspace's
                        await self.news.settle(connection, row, news, Verdict(NewsResult.REPEATED))
                found[_first(results)] += 1
            after = kept[-1][0]

    async def _take(self, connector: Shared, news: News, via: Via) -> dict[WorkspaceId, NewsResult]:
        return {
            workspace: await self._settle(workspace, connector.name, news, via)
            for workspace in await self._whose(connector, news) or [connector.home]
        }

    async def _whose(self, connector: Shared, news: News) -> list[WorkspaceId]:
        """The workspaces that it is about, of those that have the connector."""
        if len(connector.workspaces) == 1:
            return [connector.home]
        async with self._database.write() as connection:  # who asks for a customer locks
            if isinstance(news, InboundOutcome):
                theirs = await self._outcomes.workspace_of(connection, news.signal_id)
                return [one for one in connector.workspaces if one == theirs]
            return [one for one in connector.workspaces if await self._consents.knows(connection, one, news)]

    async def _settle(self, workspace: WorkspaceId, connector: str, news: News, via: Via) -> NewsResult:
        now = self._clock.now()
        async with self._database.write() as connection:
            row = await self.news.claim(connection, workspace, connector, news, via=via, at=now)
            if row is None:
                return NewsResult.REPEATED
            verdict = await self._effect(connection, workspace, connector, news, now)
            await self.news.settle(connection, row, news, verdict)
        if verdict.result in OPEN_RESULTS:
            _log.warning(
                "news_not_taken", connector=connector, id=row, result=str(verdict.result), code=verdict.code
            )
        return verdict.result

    async def _effect(
        self, connection: AsyncConnection, workspace: WorkspaceId, connector: str, news: News, at: datetime
    ) -> Verdict:
        match news:
            case InboundOutcome():
                return await self._outcomes.take(connection, workspace, connector, news, at=at)
            case InboundConsent():
                return await self._consents.take(connection, workspace, connector, news, at=at)


def _first(results: dict[WorkspaceId, NewsResult]) -> NewsResult:
    return next(iter(results.values()))
